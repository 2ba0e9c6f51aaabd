import { isUndeclared, protocolOf, type ServicePort } from '@scc/routing';
import { asksForHeader, changesCookies, sendsTo, type RouteScope } from './canary-routes.js';
import type { VirtualServiceSpec } from './schema.js';
import { type Named, scopeFor } from './survey.js';

/** The ways by which Istio divides requests. */
export interface WaysOfIstio {
  /** VirtualServices that are divided. */
  routes: readonly Named<VirtualServiceSpec>[];
  /** Services that get a VirtualService for the time of the migration. */
  own: readonly { service: string; ports: readonly ServicePort[] }[];
}

/** Why callers cannot be told apart by a header on each of the ways; null when they can. */
export function lackInRoutes(
  { routes, own }: WaysOfIstio,
  asked: Omit<RouteScope, 'routeNamespace'>,
  header: string,
): string | null {
  for (const { namespace, name, spec } of routes) {
    const scope = scopeFor(asked, namespace);
    const what = `VirtualService ${namespace === asked.namespace ? '' : `${namespace}/`}${name}`;
    if ((spec.http ?? []).some((route) => sendsTo(route.route, scope) && asksForHeader(route, header)))
      return `${what} has rules for the header ${header} already`;
    if ([...(spec.tls ?? []), ...(spec.tcp ?? [])].some(({ route }) => sendsTo(route, scope)))
      return `${what} routes connections, which have no header`;
  }
  for (const { service, ports } of own)
    if (ports.some((port) => protocolOf(port) !== 'http' || isUndeclared(port)))
      return `Service ${service} has ports whose connections have no header`;
  return null;
}

/** Why clients cannot be kept at the canary by a cookie on each of the ways; null when they can. */
export function lackOfCookiesInRoutes(ways: WaysOfIstio, asked: Omit<RouteScope, 'routeNamespace'>): string | null {
  const changing = ways.routes.find(({ namespace, spec }) =>
    (spec.http ?? []).some(
      (route) =>
        sendsTo(route.route, scopeFor(asked, namespace)) && [route, ...(route.route ?? [])].some(changesCookies),
    ),
  );
  if (changing) return `VirtualService ${changing.name} changes the header set-cookie of answers itself`;
  return lackInRoutes(ways, asked, 'cookie');
}
