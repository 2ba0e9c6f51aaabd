import { isDeepStrictEqual } from 'node:util';
import { withoutCanary, type RouteScope } from './canary-routes.js';
import type { VirtualServiceSpec } from './schema.js';
import { canonicalHttp, canonicalStream } from './spelling.js';

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
