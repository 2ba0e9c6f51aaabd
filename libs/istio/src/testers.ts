import { isUndeclared, protocolOf, type ServicePort, type Testers } from '@scc/routing';
import { asksForHeader, sendsTo, type RouteScope } from './canary-routes.js';
import type { VirtualServiceSpec } from './schema.js';
import { type Named, scopeFor } from './survey.js';

interface Ways {
  /** VirtualServices that are divided. */
  routes: readonly Named<VirtualServiceSpec>[];
  /** Services that get a VirtualService for the time of the migration. */
  own: readonly { service: string; ports: readonly ServicePort[] }[];
}

/** Why testers cannot be told from others on each of the ways; null when they can. */
export function lackInRoutes(
  { routes, own }: Ways,
  asked: Omit<RouteScope, 'routeNamespace'> & { testers: Testers },
): string | null {
  for (const { namespace, name, spec } of routes) {
    const scope = scopeFor(asked, namespace);
    const what = `VirtualService ${namespace === asked.namespace ? '' : `${namespace}/`}${name}`;
    if ((spec.http ?? []).some((route) => sendsTo(route.route, scope) && asksForHeader(route, asked.testers)))
      return `${what} has rules for the header ${asked.testers.header} already`;
    if ([...(spec.tls ?? []), ...(spec.tcp ?? [])].some(({ route }) => sendsTo(route, scope)))
      return `${what} routes connections, which have no header`;
  }
  for (const { service, ports } of own)
    if (ports.some((port) => protocolOf(port) !== 'http' || isUndeclared(port)))
      return `Service ${service} has ports whose connections have no header`;
  return null;
}
