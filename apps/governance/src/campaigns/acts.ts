import type { AuditBody, JsonValue } from '@scc/audit';
import {
  AUTHOR_ANNOTATION,
  type CampaignEdit,
  CAMPAIGN_KIND,
  campaignStatusSchema,
  editsOf,
  isWaveApproved,
  parseCampaign,
} from '@scc/plan';
import { z } from 'zod';
import type { AuditRecord } from '../audit/append.js';
import { SYSTEM } from '../call/caller.js';

/** What happens to campaigns, as entries of the audit log: from what admission and the worker wrote on the object. */

const campaignSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    uid: z.string(),
    annotations: z.record(z.string(), z.string()).nullish(),
  }),
  spec: z.unknown(),
  status: campaignStatusSchema.prefault({}),
});
type Campaign = z.infer<typeof campaignSchema>;

/** Of a campaign that may be of another version: only what can be read is recorded. */
export const campaignIn = (object: unknown): Campaign | undefined => campaignSchema.safeParse(object).data;

type Act = Pick<AuditRecord, 'action' | 'actor'> & { details: Record<string, JsonValue> };
const MAX_TEXT = 1000;

/** The parts of details that tell one entry of an action from the next. */
const keySchema = z.object({
  uid: z.string(),
  edit: z.int().optional(),
  wave: z.int().optional(),
  attempt: z.int().optional(),
  budget: z.int().optional(),
  failed: z.int().optional(),
  approver: z.string().optional(),
  signalledAt: z.string().optional(),
});

/** What an entry is about, so that it is written once; null for an entry of another campaign. */
export function actKey({ action, details }: Pick<AuditBody, 'action' | 'details'>, uid: string): string | null {
  const parts = keySchema.safeParse(details).data;
  if (parts?.uid !== uid) return null;
  // A wave without failures ends once, whatever the attempt; with failures it ends once in each.
  const attempt = parts.failed === 0 ? 0 : parts.attempt;
  return [action, parts.edit, parts.wave, attempt, parts.budget, parts.approver, parts.signalledAt].join('/');
}

function createdBy({ metadata, spec }: Campaign): Act {
  const parsed = parseCampaign(spec);
  const { targetSCC, maxConcurrent, failureBudget, soak, approval } = parsed.ok
    ? parsed.spec
    : { targetSCC: null, maxConcurrent: null, failureBudget: null, soak: null, approval: null };
  const author = metadata.annotations?.[AUTHOR_ANNOTATION] ?? null;
  return {
    action: 'campaign.created',
    actor: author === null ? SYSTEM : { name: author },
    details: {
      ...{ author, targetSCC, maxConcurrent, failureBudget, soak },
      approvalRequired: approval?.required ?? null,
    },
  };
}

function ofEdit({ number: edit, by, changes }: CampaignEdit): Act[] {
  const { approvals, suspend, abort, ...rest } = changes;
  const act = (action: string, details: Record<string, JsonValue>): Act => ({
    action,
    actor: { name: by },
    details: { edit, ...details },
  });
  return [
    ...(approvals?.removed ?? []).map(({ wave, hash, by: approver }) =>
      act('campaign.approvalWithdrawn', { wave, hash, approver }),
    ),
    ...(approvals?.added ?? []).map(({ wave, hash }) => act('campaign.approved', { wave, hash })),
    ...(suspend === undefined ? [] : [act(suspend ? 'campaign.paused' : 'campaign.resumed', {})]),
    ...(abort === true ? [act('campaign.abortRequested', {})] : []),
    ...(Object.keys(rest).length > 0 ? [act('campaign.edited', { changes: { ...rest } })] : []),
  ];
}

const byGovernance = (action: string, details: Record<string, JsonValue>): Act => ({ action, actor: SYSTEM, details });

const SIGNALLED = { pause: 'campaign.paused', resume: 'campaign.resumed', abort: 'campaign.abortRequested' } as const;

/** Commands by a signal to Temporal: the worker saw them, and whom they name is what they say. */
const ofSignals = ({ status: { signals = [] } }: Campaign): Act[] =>
  signals.map(({ command, claimedActor, at }) => {
    const sender = claimedActor === null ? 'names nobody' : `says that it is from ${claimedActor}`;
    const reason = `by a signal to Temporal, which ${sender}`;
    return byGovernance(SIGNALLED[command], { claimedActor, signalledAt: at, reason });
  });

function ofWaves({ status: { waves = [], attempt = 1 } }: Campaign): Act[] {
  return waves.flatMap(({ hash, workloads }, at): Act[] => {
    const of = (wanted: string): number => workloads.filter(({ state }) => state === wanted).length;
    const [waiting, running, completed, failed] = [of('Waiting'), of('Running'), of('Completed'), of('Failed')];
    const wave = at + 1;
    return [
      ...(waiting < workloads.length
        ? [byGovernance('campaign.waveBegun', { wave, hash, workloads: workloads.length })]
        : []),
      ...(waiting + running === 0 ? [byGovernance('campaign.waveEnded', { wave, attempt, completed, failed })] : []),
    ];
  });
}

/** The wave that comes next, while nothing holds it but an approval that may be missing. */
function waitingWave({ status }: Campaign, now: Date): { number: number; hash: string; workloads: number } | null {
  const { wave: number = 0, waves = [], phase, soakUntil } = status;
  const wave = waves[number - 1];
  if (phase !== 'Running' || !wave || wave.workloads.some(({ state }) => state !== 'Waiting')) return null;
  const isSoaking = soakUntil !== undefined && Date.parse(soakUntil) > now.getTime();
  return isSoaking ? null : { number, hash: wave.hash, workloads: wave.workloads.length };
}

/** The wave that people are waited for to approve, if there is one. */
function ofNeed(campaign: Campaign, now: Date): Act[] {
  const wave = waitingWave(campaign, now);
  const parsed = parseCampaign(campaign.spec);
  if (!parsed.ok || !wave) return [];
  const { approval, approvals, suspend, abort } = parsed.spec;
  const author = campaign.metadata.annotations?.[AUTHOR_ANNOTATION] ?? null;
  const isReady = isWaveApproved({ approvalRequired: approval.required, approvals, author }, wave);
  const { number, ...set } = wave;
  return suspend || abort || isReady ? [] : [byGovernance('campaign.approvalNeeded', { wave: number, ...set })];
}

const ENDS = {
  Completed: 'campaign.completed',
  Aborted: 'campaign.aborted',
  Rejected: 'campaign.rejected',
} as const;

const NO_COUNTS = { completed: 0, failed: 0, waiting: 0, left: 0 };

function ofPhase({ spec, status }: Campaign): Act[] {
  const { phase, message = '', attempt = 1 } = status;
  const { completed, failed, waiting, left } = { ...NO_COUNTS, ...status.counts };
  if (phase === 'Stopped') {
    const parsed = parseCampaign(spec);
    const budget = parsed.ok ? parsed.spec.failureBudget : 0;
    return [byGovernance('campaign.budgetSpent', { attempt, budget, count: failed })];
  }
  const action = Object.entries(ENDS).find(([end]) => end === phase)?.[1];
  const said = { message: message.slice(0, MAX_TEXT), completed, failures: failed, waiting, left };
  return action === undefined ? [] : [byGovernance(action, said)];
}

/** The waves once the board is made; its workloads are in the entries of their plans. */
const ofBoard = ({ status: { waves, left = [] } }: Campaign): Act[] =>
  waves
    ? [
        byGovernance('campaign.boardMade', {
          waves: waves.map(({ hash, workloads }) => ({ hash, workloads: workloads.length })),
          left: left.length,
        }),
      ]
    : [];

const recordOf = (name: string, uid: string, { details, ...act }: Act): AuditRecord => ({
  ...act,
  object: { kind: CAMPAIGN_KIND, name },
  requestId: null,
  details: { uid, ...details },
});

/** Everything that happened to a campaign as far as it can be seen on it, in the order in which it is recorded. */
export const actsOf = (campaign: Campaign, now: Date): AuditRecord[] =>
  [
    createdBy(campaign),
    ...ofBoard(campaign),
    ...ofNeed(campaign, now),
    ...editsOf(campaign.metadata.annotations ?? {}).flatMap(ofEdit),
    ...ofSignals(campaign),
    ...ofWaves(campaign),
    ...ofPhase(campaign),
  ].map((act) => recordOf(campaign.metadata.name, campaign.metadata.uid, act));

/** That a campaign is gone. */
export const deletion = (name: string, uid: string): AuditRecord =>
  recordOf(name, uid, byGovernance('campaign.deleted', {}));
