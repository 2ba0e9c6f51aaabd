import { z } from 'zod';
import type { AuditBody } from '../entry.js';
import { instantOf, overlaps, type ReportPeriod } from './entries.js';

/** One content of an SCC, and from when to when the cluster had it. */
export interface ContentClaim {
  scc: string;
  version: string;
  /** Null in entries from before it was kept. */
  contentHash: string | null;
  from: string;
  /** Where nothing followed the cluster when it came: the last time at which it was not there yet. */
  unseenFrom: string | null;
  to: string | null;
  entries: string[];
}

const observedSchema = z.object({
  version: z.string(),
  contentHash: z.string().nullable().default(null),
  unseenFrom: z.string().nullable().default(null),
});

/** The contents of every SCC in the order in which they came. */
export class Contents {
  readonly #all: ContentClaim[] = [];

  constructor(entries: readonly AuditBody[]) {
    const open = new Map<string, ContentClaim>();
    for (const { id, action, object, occurredAt: at, details } of entries) {
      if (object.name === undefined || (action !== 'scc.observed' && action !== 'scc.gone')) continue;
      const before = open.get(object.name);
      if (before) Object.assign(before, { to: at, entries: [...before.entries, id] });
      open.delete(object.name);
      const seen = action === 'scc.observed' ? observedSchema.safeParse(details).data : undefined;
      if (!seen) continue;
      const claim: ContentClaim = { scc: object.name, ...seen, from: at, to: null, entries: [id] };
      open.set(object.name, claim);
      this.#all.push(claim);
    }
  }

  within = (period: ReportPeriod): ContentClaim[] => this.#all.filter(({ from, to }) => overlaps(period, from, to));

  /** The content of an SCC at a time; null when the log holds none. */
  at(scc: string, time: string): ContentClaim | null {
    return this.#all.findLast((one) => one.scc === scc && instantOf(one.from) <= instantOf(time)) ?? null;
  }

  /** A content that may have been there at a time and was seen only later. */
  unseenAt = (scc: string, time: string): ContentClaim | null =>
    this.#all.find(
      (one) =>
        one.scc === scc &&
        one.unseenFrom !== null &&
        instantOf(one.unseenFrom) <= instantOf(time) &&
        instantOf(one.from) > instantOf(time),
    ) ?? null;
}
