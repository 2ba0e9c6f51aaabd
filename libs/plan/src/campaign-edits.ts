import { z } from 'zod';
import { CAMPAIGN_LIVE_FIELDS } from './campaign.js';
import { CAMPAIGN_EDITS_ANNOTATION } from './labels.js';
import { isRecord, parsedJson } from './records.js';

/** Who changed the course of a campaign: lines of text, so that a ValidatingAdmissionPolicy can compare them. */

const approvalSchema = z.object({ wave: z.int(), hash: z.string(), by: z.string() });
type Approval = z.infer<typeof approvalSchema>;
const changesSchema = z.object({
  maxConcurrent: z.int().optional(),
  failureBudget: z.int().optional(),
  attempt: z.int().optional(),
  suspend: z.boolean().optional(),
  abort: z.boolean().optional(),
  /** Who adds one gives it; who takes one away may be another. */
  approvals: z
    .object({ added: z.array(approvalSchema.omit({ by: true })), removed: z.array(approvalSchema) })
    .optional(),
});

/** One edit of the fields that may change while a campaign runs. */
export interface CampaignEdit {
  /** The first has 1; a gap means that earlier ones were not kept. */
  number: number;
  by: string;
  changes: z.infer<typeof changesSchema>;
}

const LINE = '\n';
const PART = '\t';
/** Annotations of one object have 256 KiB in all. */
const MAX_LENGTH = 64 * 1024;

const json = (value: unknown): string => JSON.stringify(value ?? null);

function changesBetween(before: unknown, after: unknown): Record<string, unknown> {
  const [old, now] = [isRecord(before) ? before : {}, isRecord(after) ? after : {}];
  const changed = CAMPAIGN_LIVE_FIELDS.filter((field) => json(old[field]) !== json(now[field]));
  return Object.fromEntries(
    changed.map((field) => [field, field === 'approvals' ? approvalsBetween(old[field], now[field]) : now[field]]),
  );
}

function approvalsBetween(before: unknown, after: unknown): z.infer<typeof changesSchema>['approvals'] {
  const [old, now] = [before, after].map((list) => z.array(approvalSchema).safeParse(list).data ?? []);
  const missingIn = (list: Approval[] = [], other: Approval[] = []): Approval[] =>
    other.filter((one) => !list.some((known) => json(known) === json(one)));
  return { added: missingIn(old, now).map(({ wave, hash }) => ({ wave, hash })), removed: missingIn(now, old) };
}

/** The annotation after an edit of the course; what stood there when nothing of the course changed. */
export function editsAnnotation(
  annotations: Readonly<Record<string, string>>,
  { before, after, by }: { before: unknown; after: unknown; by: string },
): Record<string, string> {
  const text = annotations[CAMPAIGN_EDITS_ANNOTATION] ?? '';
  const changes = changesBetween(before, after);
  if (Object.keys(changes).length === 0) return text === '' ? {} : { [CAMPAIGN_EDITS_ANNOTATION]: text };
  const number = (editsOf(annotations).at(-1)?.number ?? 0) + 1;
  const line = [number, by.replaceAll(/[\n\t]/g, ' '), JSON.stringify(changes)].join(PART);
  const kept = [line];
  let length = line.length;
  for (const earlier of text.split(LINE)) {
    length += earlier.length + 1;
    if (earlier === '' || length > MAX_LENGTH) break;
    kept.push(earlier);
  }
  return { [CAMPAIGN_EDITS_ANNOTATION]: kept.join(LINE) };
}

/** The edits that annotations record, the oldest first; lines that are none are passed over. */
export const editsOf = (annotations: Readonly<Record<string, string>>): CampaignEdit[] =>
  (annotations[CAMPAIGN_EDITS_ANNOTATION] ?? '')
    .split(LINE)
    .flatMap((line): CampaignEdit[] => {
      const [number = '', by = '', changes = ''] = line.split(PART);
      const parsed = changesSchema.safeParse(parsedJson(changes)).data;
      return parsed && /^[1-9]\d{0,9}$/.test(number) ? [{ number: Number(number), by, changes: parsed }] : [];
    })
    .reverse();
