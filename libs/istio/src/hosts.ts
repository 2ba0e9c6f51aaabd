/** The domain of every cluster that does not say otherwise. */
const DOMAIN = 'svc.cluster.local';

/** The full host of a Service. */
export const serviceHost = (name: string, namespace: string): string => `${name}.${namespace}.${DOMAIN}`;

/**
 * A host as Istio resolves it: a name without a dot belongs to the namespace of the object that says it, everything
 * else is taken as it is.
 */
export const resolvedHost = (host: string, namespace: string): string =>
  host === '*' || host.includes('.') ? host : serviceHost(host, namespace);

/** Whether a VirtualService's host, exact or with a leading wildcard, covers a full host. */
export function coversHost(pattern: string, host: string): boolean {
  if (pattern === '*') return true;
  return pattern.startsWith('*') ? host.endsWith(pattern.slice(1)) : pattern === host;
}
