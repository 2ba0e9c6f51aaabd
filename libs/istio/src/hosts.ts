/** The domain of every cluster that does not say otherwise. */
export const DEFAULT_DOMAIN = 'cluster.local';

/** Where Services are: their namespace, and the domain of the cluster. */
export interface Place {
  namespace: string;
  domain?: string;
}

/** The full host of a Service. */
export const serviceHost = (name: string, { namespace, domain = DEFAULT_DOMAIN }: Place): string =>
  `${name}.${namespace}.svc.${domain}`;

/**
 * A host as Istio resolves it: a name without a dot belongs to the namespace of the object that says it, everything
 * else is taken as it is.
 */
export const resolvedHost = (host: string, namespace: string, domain = DEFAULT_DOMAIN): string =>
  host === '*' || host.includes('.') ? host : serviceHost(host, { namespace, domain });

/** Whether a VirtualService's host, exact or with a leading wildcard, covers a full host. */
export function coversHost(pattern: string, host: string): boolean {
  if (pattern === '*') return true;
  return pattern.startsWith('*') ? host.endsWith(pattern.slice(1)) : pattern === host;
}
