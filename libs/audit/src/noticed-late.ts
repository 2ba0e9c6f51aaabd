import { z } from 'zod';
import type { AuditBody } from './entry.js';

/** Something that a proof tells and that came at some time between two others. */
export interface NoticedLate {
  what: string;
  /** RFC 3339. */
  from: string;
  to: string;
}

/** An event on its way into the log takes less time than this. */
const LATE_MS = 10_000;

const evaluatedSchema = z.object({
  contents: z.array(
    z.object({ scc: z.string(), contentHash: z.string(), seenAt: z.string(), unseenFrom: z.string().nullable() }),
  ),
});
const reportedSchema = z.object({ sequence: z.int(), at: z.string(), event: z.looseObject({ type: z.string() }) });

/**
 * What the entries of a plan say of a time that is known only within bounds: the content of an SCC that came while
 * nothing followed the cluster, and events that were written into the log long after the engine dated them.
 */
export function noticedLate(entries: readonly AuditBody[]): NoticedLate[] {
  const evaluated = entries.findLast(({ action }) => action === 'migration.evaluated');
  const contents = evaluatedSchema.safeParse(evaluated?.details).data?.contents ?? [];
  return [
    ...contents.flatMap(({ scc, contentHash, seenAt, unseenFrom }) =>
      unseenFrom === null
        ? []
        : [{ what: `the content ${contentHash.slice(0, 12)} of the SCC ${scc}`, from: unseenFrom, to: seenAt }],
    ),
    ...entries.flatMap(({ action, occurredAt, details }) => {
      const reported = action.startsWith('migration.event.') ? reportedSchema.safeParse(details).data : undefined;
      const isLate = reported && Date.parse(occurredAt) - Date.parse(reported.at) > LATE_MS;
      return isLate
        ? [{ what: `${reported.event.type} (${reported.sequence})`, from: reported.at, to: occurredAt }]
        : [];
    }),
  ];
}
