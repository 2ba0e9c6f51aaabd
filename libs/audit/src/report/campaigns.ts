import { z } from 'zod';
import type { AuditBody } from '../entry.js';
import { overlaps, type ReportPeriod } from './entries.js';

/** A wave of a campaign: who approved its set, and how it ended. */
interface WaveClaim {
  wave: number;
  hash: string;
  workloads: number;
  begunAt: string | null;
  endedAt: string | null;
  completed: number;
  failed: number;
  approvals: { by: string; at: string; withdrawnBy: string | null; withdrawnAt: string | null }[];
  /**
   * Of a wave that needs an approval: `held` when another than the author approved before it began, `broken` when it
   * began without, `open` before. Null where none is needed.
   */
  fourEyes: 'held' | 'broken' | 'open' | null;
}

/** A campaign of which something lies in the period. */
export interface CampaignClaim {
  uid: string;
  name: string;
  author: string | null;
  createdAt: string;
  outcome: 'completed' | 'aborted' | 'rejected' | 'deleted' | null;
  message: string | null;
  endedAt: string | null;
  waves: WaveClaim[];
  budgetSpent: { at: string; failed: number; budget: number }[];
  commands: { what: string; by: string; at: string; changes: Record<string, number> | null }[];
  entries: string[];
}

const uidSchema = z.object({ uid: z.string() });
const createdSchema = z.object({ author: z.string().nullable(), approvalRequired: z.boolean().nullable() });
const boardSchema = z.object({ waves: z.array(z.object({ hash: z.string(), workloads: z.int() })) });
const setSchema = z.object({ wave: z.int(), hash: z.string() });
const withdrawnSchema = setSchema.extend({ approver: z.string() });
const endedSchema = z.object({ wave: z.int(), completed: z.int(), failed: z.int() });
const spentSchema = z.object({ count: z.int(), budget: z.int() });
const editedSchema = z.object({ changes: z.record(z.string(), z.int()) });
const signalledSchema = z.object({ claimedActor: z.string().nullable(), signalledAt: z.string() });
const messageSchema = z.object({ message: z.string() });

const COMMANDS: Readonly<Record<string, string>> = {
  'campaign.paused': 'paused',
  'campaign.resumed': 'resumed',
  'campaign.abortRequested': 'aborted',
  'campaign.edited': 'edited',
};
const ENDS: Readonly<Record<string, CampaignClaim['outcome']>> = {
  'campaign.completed': 'completed',
  'campaign.aborted': 'aborted',
  'campaign.rejected': 'rejected',
  'campaign.deleted': 'deleted',
};

/** The sender of a command: proven for an edit of the spec, else what a signal to Temporal says of itself. */
function senderOf({ actor, details }: AuditBody): string {
  const signal = signalledSchema.safeParse(details).data;
  if (!signal) return actor.name;
  return signal.claimedActor === null ? 'a signal that names nobody' : `${signal.claimedActor} (as a signal says)`;
}

/** @param entries in the order of the log */
export function campaignClaims(entries: readonly AuditBody[], period: ReportPeriod): CampaignClaim[] {
  const own = entries.filter(({ action }) => action.startsWith('campaign.'));
  return [...Map.groupBy(own, ({ details }) => uidSchema.safeParse(details).data?.uid)]
    .flatMap(([uid, all]) => (uid === undefined ? [] : (claimOf(uid, all) ?? [])))
    .filter(({ createdAt, endedAt }) => overlaps(period, createdAt, endedAt));
}

function claimOf(uid: string, entries: readonly AuditBody[]): CampaignClaim | null {
  const created = entries.find(({ action }) => action === 'campaign.created');
  const said = createdSchema.safeParse(created?.details).data;
  if (!created || !said) return null;
  return {
    ...{ uid, name: created.object.name ?? '', author: said.author, createdAt: created.occurredAt },
    ...endIn(entries),
    waves: wavesIn(entries, said),
    budgetSpent: entries.flatMap(({ action, occurredAt: at, details }) => {
      const spent = action === 'campaign.budgetSpent' ? spentSchema.safeParse(details).data : undefined;
      return spent ? [{ at, failed: spent.count, budget: spent.budget }] : [];
    }),
    commands: entries.flatMap((entry) => {
      const { action, occurredAt: at, details } = entry;
      const what = COMMANDS[action];
      const changes = editedSchema.safeParse(details).data?.changes ?? null;
      return what === undefined ? [] : [{ what, by: senderOf(entry), at, changes }];
    }),
    entries: entries.map(({ id }) => id),
  };
}

function endIn(entries: readonly AuditBody[]): Pick<CampaignClaim, 'outcome' | 'message' | 'endedAt'> {
  const end = entries.find(({ action }) => action in ENDS);
  const message = messageSchema.safeParse(end?.details).data?.message ?? null;
  return end
    ? { outcome: ENDS[end.action] ?? null, message, endedAt: end.occurredAt }
    : { outcome: null, message: null, endedAt: null };
}

function wavesIn(
  entries: readonly AuditBody[],
  { author, approvalRequired }: z.infer<typeof createdSchema>,
): WaveClaim[] {
  const board = entries.find(({ action }) => action === 'campaign.boardMade');
  const waves = (boardSchema.safeParse(board?.details).data?.waves ?? []).map(({ hash, workloads }, at): WaveClaim => ({
    ...{ wave: at + 1, hash, workloads, begunAt: null, endedAt: null, completed: 0, failed: 0 },
    ...{ approvals: [], fourEyes: approvalRequired === true ? 'open' : null },
  }));
  for (const entry of entries) followWave(waves, entry, author);
  return waves;
}

function followWave(waves: readonly WaveClaim[], entry: AuditBody, author: string | null): void {
  const { action, occurredAt: at, details } = entry;
  const set = setSchema.safeParse(details).data;
  const wave = waves.find((one) => one.wave === set?.wave && one.hash === set.hash);
  if (wave) followApproval(wave, entry);
  if (action === 'campaign.waveBegun' && wave) {
    wave.begunAt = at;
    const isApproved = wave.approvals.some(({ by, withdrawnAt }) => withdrawnAt === null && by !== author);
    if (wave.fourEyes !== null) wave.fourEyes = isApproved ? 'held' : 'broken';
  }
  const ended = action === 'campaign.waveEnded' ? endedSchema.safeParse(details).data : undefined;
  const over = ended && waves.find((one) => one.wave === ended.wave);
  if (over) Object.assign(over, { endedAt: at, completed: ended.completed, failed: ended.failed });
}

function followApproval({ approvals }: WaveClaim, { action, actor, occurredAt: at, details }: AuditBody): void {
  if (action === 'campaign.approved') approvals.push({ by: actor.name, at, withdrawnBy: null, withdrawnAt: null });
  const approver = action === 'campaign.approvalWithdrawn' ? withdrawnSchema.safeParse(details).data?.approver : null;
  const given = approvals.findLast(({ by, withdrawnAt }) => by === approver && withdrawnAt === null);
  if (given) Object.assign(given, { withdrawnBy: actor.name, withdrawnAt: at });
}
