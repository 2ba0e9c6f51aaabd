import { z } from 'zod';
import { type Database, rowsOf } from '../database/rows.js';
import type { WorkloadKey } from '../plans/store.js';

/** How long one pod ran under one content. */
export interface PodSpan {
  scc: string | null;
  version: string | null;
  from: Date;
  /** Null while it runs. */
  to: Date | null;
  /** When it was seen last, where its end was not watched: it came between this and `to`. */
  lastSeen?: Date | null;
}

/** The contents that pods of a workload ran under side by side. */
export interface Mixture {
  from: string;
  /** Null while it lasts. */
  to: string | null;
  /** Where no end that ended it was watched: it came between this and `to`. Null where it was. */
  toAfter: string | null;
  pods: { scc: string | null; version: string | null; pods: number }[];
}

const MAX_MIXTURES = 1000;
const MAX_PODS = 20_000;

const spanRow = z.object({
  scc: z.string().nullable(),
  version: z.string().nullable(),
  from: z.date(),
  to: z.date().nullable(),
  lastSeen: z.date().nullable(),
});

/** When pods of a workload ran under several contents side by side, with their numbers, newest first. */
export async function mixturesOf(db: Database, { namespace, kind, name }: WorkloadKey): Promise<Mixture[]> {
  const spans = await rowsOf(
    db,
    spanRow,
    `select scc, scc_version::text as version, first_seen as "from", gone_at as "to",
       case when last_seen < gone_at then last_seen end as "lastSeen" from tracked_pod
     where namespace = $1 and owner_kind = $2 and owner_name = $3 and confirmed
     order by first_seen desc limit ${MAX_PODS}`,
    [namespace, kind, name],
  );
  return mixturesIn(spans);
}

/** The times at which spans of several contents overlap. A span does not contain its end. */
export function mixturesIn(spans: readonly PodSpan[]): Mixture[] {
  const turns = spans
    .filter(({ from, to }) => to === null || to > from)
    .flatMap((span) => [
      { at: span.from.getTime(), span, by: 1 },
      ...(span.to ? [{ at: span.to.getTime(), span, by: -1 }] : []),
    ])
    .sort((a, b) => a.at - b.at);
  const running = new Map<string, { scc: string | null; version: string | null; pods: number }>();
  const found: Mixture[] = [];
  let last: Mixture | undefined;
  let turned: PodSpan[] = [];
  for (const [index, { at, span, by }] of turns.entries()) {
    const { scc, version } = span;
    const key = JSON.stringify([scc, version]);
    const pods = (running.get(key)?.pods ?? 0) + by;
    if (pods > 0) running.set(key, { scc, version, pods });
    else running.delete(key);
    turned.push(span);
    if (turns[index + 1]?.at === at) continue;
    const time = new Date(at).toISOString();
    if (last) end(last, at, turned);
    turned = [];
    last = running.size > 1 ? { from: time, to: null, toAfter: null, pods: bySize(running.values()) } : undefined;
    if (last) found.push(last);
  }
  return found.reverse().slice(0, MAX_MIXTURES);
}

/** @param turned the pods that began or ended at this time */
function end(mixture: Mixture, at: number, turned: readonly PodSpan[]): void {
  mixture.to = new Date(at).toISOString();
  const unwatched = turned.flatMap(({ to, lastSeen }) =>
    to?.getTime() === at && lastSeen ? [Math.max(lastSeen.getTime(), Date.parse(mixture.from))] : [],
  );
  if (unwatched.length > 0) mixture.toAfter = new Date(Math.min(...unwatched)).toISOString();
}

const bySize = (contents: Iterable<Mixture['pods'][number]>): Mixture['pods'] =>
  [...contents].map((content) => ({ ...content })).sort((a, b) => b.pods - a.pods);
