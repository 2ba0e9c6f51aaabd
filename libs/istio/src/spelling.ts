import { reduced, respelled } from '@scc/routing';
import { type RouteScope, sendsTo } from './canary-routes.js';
import type { HttpRoute, RouteDestination, StreamRoute, VirtualServiceSpec } from './schema.js';

/** Two ways to write the same list of destinations compare as equal: only proportions count. */
function canonicalList(list: RouteDestination[]): unknown {
  const weights = reduced(list.map(({ weight }) => weight ?? (list.length === 1 ? 100 : 0)));
  return list.map((destination, index) => ({ ...destination, weight: weights[index] }));
}

/** What a route for requests means, however it is written. */
export function canonicalHttp({ route, mirror, mirrorPercentage, mirrors, ...rest }: HttpRoute): unknown {
  const own = mirror ? [{ destination: mirror, ...(mirrorPercentage ? { percentage: mirrorPercentage } : {}) }] : [];
  return { ...rest, mirrors: [...own, ...(mirrors ?? [])], route: route && canonicalList(route) };
}

/** What a route for connections means, however it is written. */
export const canonicalStream = ({ route, ...rest }: StreamRoute): unknown => ({
  ...rest,
  route: route && canonicalList(route),
});

/** What each list of routes means; a list that is absent is left out. */
export const canonicalLists = ({ http, tls, tcp }: VirtualServiceSpec): Record<string, unknown> => ({
  ...(http ? { http: http.map(canonicalHttp) } : {}),
  ...(tls ? { tls: tls.map(canonicalStream) } : {}),
  ...(tcp ? { tcp: tcp.map(canonicalStream) } : {}),
});

/** The same destinations in other words; one that is alone gets everything with a weight and without. */
function otherWords(list: RouteDestination[]): RouteDestination[] {
  const [only, ...more] = list;
  if (only && more.length === 0) {
    const { weight, ...rest } = only;
    return [weight === undefined ? { ...rest, weight: 100 } : rest];
  }
  const weights = respelled(list.map(({ weight }) => weight ?? 0));
  return list.map((destination, index) => ({ ...destination, weight: weights[index] ?? 0 }));
}

/** A VirtualService that means the same, with the weights of what is sent to the Services in other numbers. */
export function inOtherWords(spec: VirtualServiceSpec, scope: RouteScope): VirtualServiceSpec {
  const change = <Entry extends { route?: RouteDestination[] | undefined }>(entries: Entry[]): Entry[] =>
    entries.map((entry) =>
      entry.route && sendsTo(entry.route, scope) ? { ...entry, route: otherWords(entry.route) } : entry,
    );
  return {
    ...spec,
    ...(spec.http ? { http: change(spec.http) } : {}),
    ...(spec.tls ? { tls: change(spec.tls) } : {}),
    ...(spec.tcp ? { tcp: change(spec.tcp) } : {}),
  };
}
