import { commandSentence, undoWords } from './step-words.js';
import { isDivided, type Strategy } from './strategies.js';
import { ownValue } from './records.js';
import type { WaitReason } from './waits.js';
import type { GateSample, MigrationEvent, PolicyVerdictSaid, UndoCause } from './events.js';

/** `1 sample`, `3 samples`: a count with its noun; `many` is the plural where it is not formed by an s. */
export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;

/** The outcome of one gate, with its tolerance where failures were counted. */
export function gateSentence({ gate, verdict, detail, failures, tolerated }: GateSample): string {
  if (verdict === 'pass') return `gate ${gate} passed: ${detail}`;
  const what = verdict === 'noData' ? 'had no data' : 'failed';
  const counted =
    !failures || tolerated === undefined ? '' : ` (${plural(failures, 'sample')}, ${tolerated} tolerated)`;
  return `gate ${gate} ${what}${counted}: ${detail}`;
}

const WITHOUT_EFFECT: Record<PolicyVerdictSaid['because'], string> = {
  warn: 'its binding only warns',
  audit: 'its binding only audits',
  exception: 'an exception is in force',
};

/** A policy's words that did not stop a plan. */
export function verdictSentence({ policy, because, would, message }: PolicyVerdictSaid): string {
  const effect = would === 'deny' ? 'have refused the plan' : 'have asked for an approval';
  return `policy ${policy} would ${effect}, but ${WITHOUT_EFFECT[because]}: ${message}`;
}

/** `2 × approver, 1 × security`: who must approve. */
export const approvalNeeds = (roles: readonly { role: string; count: number }[]): string =>
  roles.map(({ role, count }) => `${count} × ${role}`).join(', ');

const percent = (share: number): string => `${Math.round(share * 100)} %`;
const list = (names: readonly string[]): string => names.join(', ');

const ANOTHER_PLAN = 'apply a new plan under another name';

/** The next act of a user once a migration was undone for this cause. */
const NEXT: Record<UndoCause, string> = {
  gate: `find out what the gate saw, repair the workload or the gate, then ${ANOTHER_PLAN}`,
  readiness: `find out from the events and logs of its pods why the canary was not ready, then ${ANOTHER_PLAN}`,
  admission: `change the template, spec.podSecurity.patch or the target SCC so that it admits the pods, then ${ANOTHER_PLAN}`,
  rollout: `find out from the events and logs of its pods why the rollout failed, then ${ANOTHER_PLAN}`,
  abort: `${ANOTHER_PLAN} to try again`,
  rollback: `${ANOTHER_PLAN} to try again`,
  deleted: 'apply the plan again to start over',
  error: `remove the cause, then ${ANOTHER_PLAN}`,
  lost: `find out who ended the workflow in Temporal, then ${ANOTHER_PLAN}`,
  trial: `${ANOTHER_PLAN} without spec.trial to migrate`,
};

/** The next act of a user after an undo for this cause. */
export const nextStepAfter = (cause: UndoCause): string => NEXT[cause];

const CAUSES: Record<UndoCause, string> = {
  gate: 'a gate failed',
  readiness: 'its pods were not ready in time',
  admission: 'its pods were not admitted',
  rollout: 'its rollout failed',
  abort: 'it was aborted',
  rollback: 'a rollback was asked for',
  deleted: 'its plan was deleted',
  error: 'a step failed',
  lost: 'its workflow was lost',
  trial: 'the trial is over',
};

/** Why a migration was undone, in a few words; a cause of another version is told by its name. */
export const causeWords = (cause: string): string => (ownValue(CAUSES, cause) as string | undefined) ?? cause;

type Event<Type extends MigrationEvent['type']> = Extract<MigrationEvent, { type: Type }>;

function rejection({ violations }: Event<'PlanRejected'>): string {
  const reasons = violations.map(({ field, message, remedy }) => `${field}: ${message}. Remedy: ${remedy}`);
  return `rejected with ${plural(violations.length, 'violation')}, nothing was touched: ${reasons.join(' | ')}`;
}

function completion({ traffic, notObserved }: Event<'MigrationCompleted'>): string {
  if (notObserved)
    return 'completed: the template asks for the target SCC, and nothing has run under it yet (not observed)';
  if (!traffic) return 'completed: every pod runs under the target SCC; its requests were not observed';
  const { requests, failed, mirrored = 0, unanswered, scrapeSeconds } = traffic;
  const copies = mirrored > 0 ? `, and ${plural(mirrored, 'copy', 'copies')} mirrored` : '';
  const unseen = unanswered === null ? '; requests that no pod answered were not observed' : '';
  const rests = scrapeSeconds ? ` (counted every ${scrapeSeconds} s)` : '';
  return `completed: ${plural(Math.round(requests), 'request')} served, ${Math.round(failed)} failed${copies}${rests}${unseen}`;
}

function undoFailure({ step, attempt, message, because }: Event<'UndoStepFailed'>): string {
  const why = because ? `rolling back because ${because.message}; ` : '';
  return `${why}${undoWords(step).doing} failed (attempt ${attempt}) and is tried again: ${message}; next: remove the cause of this failure, the undo then goes on by itself`;
}

function undoEnd({ differences, because }: Event<'UndoFinished'>): string {
  const now = differences.length
    ? `these differ from before: ${list(differences)}`
    : 'every touched object is as it was';
  if (!because) return `rolled back; ${now}`;
  return `rolled back because ${because.message}; ${now}; next: ${nextStepAfter(because.cause)}`;
}

const STARTED_BY: Record<Strategy, string> = {
  Canary: 'rolling out the workload under the target SCC while the canary serves',
  Ordered: 'changing the template with its partition above the highest ordinal; the pods then move one by one',
  Rolling: 'changing the template so that one pod moves; the others follow once it was judged',
  PerNode: 'changing the template, with pods replaced by deletion alone; they then move node by node',
  NextRun: 'changing the template, whose next run is then watched',
};

const AWAITED: Record<WaitReason, string> = {
  Approval: 'an approval',
  Window: 'the window',
  OtherPlan: 'the other plan of the workload',
  Rights: 'missing rights',
  Stopped: 'the end of the emergency stop',
  Reapproval: 'an approval of what changed',
  Paused: 'a resume',
  Suspended: 'the end of the suspension',
  AfterFailure: 'a decision after a failure',
  Governance: 'an answer of governance',
  Retry: 'a step that was tried again',
  Run: 'what runs next',
};

/** One sentence for each event; the type of the table makes it complete. */
const SENTENCES: { [Type in MigrationEvent['type']]: (event: Event<Type>) => string } = {
  PlanAccepted: () => 'gathering facts and checking the plan',
  FactsGathered: ({ pods, sourceSCC, targetSCC }) =>
    `${plural(pods.length, 'pod')} under ${sourceSCC ?? 'an unknown SCC'}; the target is ${targetSCC}`,
  RiskScored: ({ band, changeRisk, exposure }) =>
    `the risk is ${band} (change ${percent(changeRisk)}, exposure ${percent(exposure)})`,
  PlanValidated: ({ verdicts = [] }) => ['every check passed', ...verdicts.map(verdictSentence)].join('; '),
  PlanRejected: rejection,
  ApprovalRequested: ({ roles }) => `waiting for approval by ${approvalNeeds(roles)}`,
  ApprovalGranted: ({ by }) => `approved by ${list(by) || 'policy'}`,
  ApprovalRefused: ({ reason }) => `approval refused: ${reason}`,
  WaitStarted: ({ message }) => message,
  WaitEnded: ({ reason }) => `the wait for ${AWAITED[reason]} is over`,
  PreparationStarted: ({ strategy }) =>
    isDivided(strategy)
      ? 'preparing the canary under the target SCC'
      : 'granting the target SCC; no pod is touched yet',
  TargetGranted: ({ binding }) => `granted the target SCC (${binding})`,
  CanaryReady: ({ canary, pods }) => `canary ${canary} is ready: ${plural(pods.length, 'pod')} under the target SCC`,
  MirroringStarted: ({ percentage }) => `mirroring ${percentage} % of live requests to the canary`,
  MirroringEnded: () => 'mirroring ended',
  WeightShifted: ({ weights, verifiedBy, shares = [] }) => {
    const seen = verifiedBy === 'proxies' ? 'seen in the proxies' : 'written, not seen in the proxies';
    const real = shares
      .filter(({ share }) => share !== weights.canary)
      .map(({ kind, name, share }) => `; of ${kind} ${name} ${share} %`);
    return `${weights.canary} % of requests go to the canary (${seen})${real.join('')}`;
  },
  GatePassed: ({ samples }) => samples.map(gateSentence).join('; ') || 'the gates passed',
  GateFailed: ({ samples }) =>
    samples
      .filter(({ verdict }) => verdict !== 'pass')
      .map(gateSentence)
      .join('; '),
  StableSideSeen: ({ message }) => message,
  WorkloadStopped: ({ pods }) =>
    `stopping ${plural(pods, 'pod')}, so that the owners of their data can change: an outage until they are ready again`,
  OwnersChanged: ({ claims, files, from, to }) =>
    `gave ${plural(files, 'file')} in ${plural(claims.length, 'claim')} from user ${from} to user ${to}`,
  WorkloadMigrationStarted: ({ strategy = 'Canary' }) => STARTED_BY[strategy],
  PodMoved: ({ pod, node, moved, total }) =>
    `pod ${pod.name}${node === undefined ? '' : ` on ${node}`} is ready under ${pod.scc ?? 'no SCC'} (${moved} of ${plural(total, 'pod')})`,
  WorkloadMigrated: ({ pods }) => `${plural(pods.length, 'pod')} of the workload run under the target SCC`,
  TrafficReturned: () => 'the migrated workload serves all requests',
  BakeStarted: ({ seconds }) =>
    `everything runs under the target SCC and is watched for ${plural(seconds, 'second')} more; until then a rollback takes all of it back`,
  CanaryRemoved: () => 'the canary was drained and removed',
  SourceRevoked: ({ bindings, kept }) => {
    if (kept !== null) return `the source grant stays: ${kept}`;
    return bindings.length ? `revoked the source grant (${list(bindings)})` : 'no source grant to revoke';
  },
  MigrationCompleted: completion,
  DryRunFinished: ({ message }) => message,
  CommandApplied: commandSentence,
  UndoStarted: ({ message }) => `rolling back because ${message}`,
  UndoStepDone: ({ step }) => undoWords(step).done,
  UndoStepFailed: undoFailure,
  ConflictFound: ({ manager, object, fields }) =>
    `${manager} changed ${object} (${list(fields)}) during the migration; left as it is`,
  UndoFinished: undoEnd,
};

/** Details that leave the headline as it is: what the migration does now is said by the event before them. */
const DETAILS: ReadonlySet<MigrationEvent['type']> = new Set([
  'FactsGathered',
  'RiskScored',
  'GatePassed',
  'WaitEnded',
  'StableSideSeen',
]);

/** The sentence for an event: the same words in the plan's status, in Kubernetes Events and in governance's record. */
export const sentenceOf = (event: MigrationEvent): string =>
  (SENTENCES[event.type] as (event: MigrationEvent) => string)(event);

/** The sentence that becomes the migration's message; null for an event that is a detail of what went before. */
export const headlineOf = (event: MigrationEvent): string | null =>
  DETAILS.has(event.type) ? null : sentenceOf(event);
