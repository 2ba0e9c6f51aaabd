import { isDeepStrictEqual } from 'node:util';
import { reduced } from '@scc/routing';
import { withoutCanary, type RouteScope } from './canary-routes.js';
import type { HttpRoute, RouteDestination, StreamRoute, VirtualServiceSpec } from './schema.js';

/** Two ways to write the same list of destinations compare as equal: only proportions count. */
function canonicalList(list: RouteDestination[]): unknown {
  const weights = reduced(list.map(({ weight }) => weight ?? (list.length === 1 ? 100 : 0)));
  return list.map((destination, index) => ({ ...destination, weight: weights[index] }));
}

function canonicalHttp({ route, mirror, mirrorPercentage, mirrors, ...rest }: HttpRoute): unknown {
  const own = mirror ? [{ destination: mirror, ...(mirrorPercentage ? { percentage: mirrorPercentage } : {}) }] : [];
  return { ...rest, mirrors: [...own, ...(mirrors ?? [])], route: route && canonicalList(route) };
}

const canonicalStream = ({ route, ...rest }: StreamRoute): unknown => ({
  ...rest,
  route: route && canonicalList(route),
});

/** Takes each entry word for word from before where it still means the same; the others stay as they are now. */
function reverted<Entry>(
  now: Entry[] | undefined,
  before: Entry[] | undefined,
  canonical: (entry: Entry) => unknown,
): { entries: Entry[] | undefined; changed: boolean } {
  const known = (before ?? []).map((entry) => ({ entry, meaning: canonical(entry) }));
  const entries = now?.map((entry, index) => {
    const meaning = canonical(entry);
    // Its old place first: two entries may mean the same in other words.
    const candidates = [...known.slice(index, index + 1), ...known];
    return candidates.find((one) => isDeepStrictEqual(one.meaning, meaning))?.entry ?? entry;
  });
  return { entries, changed: !isDeepStrictEqual(entries ?? [], before ?? []) };
}

/**
 * A VirtualService as it was before the migration. Routes that another client changed meanwhile keep that change,
 * without our part; their lists are named.
 */
export function restored(
  now: VirtualServiceSpec,
  before: VirtualServiceSpec,
  scope: RouteScope,
): { spec: VirtualServiceSpec; conflicts: string[] } {
  const bare = withoutCanary(now, scope);
  const http = reverted(bare.http, before.http, canonicalHttp);
  const tls = reverted(bare.tls, before.tls, canonicalStream);
  const tcp = reverted(bare.tcp, before.tcp, canonicalStream);
  const spec = {
    ...bare,
    ...(http.entries ? { http: http.entries } : {}),
    ...(tls.entries ? { tls: tls.entries } : {}),
    ...(tcp.entries ? { tcp: tcp.entries } : {}),
  };
  const conflicts = Object.entries({ http, tls, tcp }).flatMap(([list, { changed }]) =>
    changed ? [`spec.${list}`] : [],
  );
  return { spec, conflicts };
}
