import type { BeginRequest, GuardedActivity, WorkflowRun } from '@scc/governance-api';
import { type Step, type Strategy } from '@scc/plan';

/** Which run of which workflow may do what of a migration, and which ends its receipts cover: decisions without I/O. */

export type RunWay = BeginRequest['way'];

/** The run that has a migration. */
export interface MigrationOwner extends WorkflowRun {
  way: RunWay;
  /** It has ended in favour of the next run of its workflow. */
  handedOver: boolean;
}

export interface RunFacts {
  /** The workflow of the plan, and the one that undoes a lost one. */
  ids: { forward: string; undo: string };
  owner: MigrationOwner | null;
  /** Whether another run is under way that would have to have ended before this one takes the migration over. */
  rival: boolean;
}

export type RunDecision = { allowed: true; owner: MigrationOwner | null } | { allowed: false; reason: string };

export const isSameRun = (a: WorkflowRun, b: WorkflowRun): boolean =>
  a.workflowId === b.workflowId && a.runId === b.runId;

/**
 * Whether a run may act for a migration: the one that has it, the next one that it was handed over to, or, to undo it
 * only, one that finds the others ended.
 * @returns the run that has it from now on.
 */
export function decideRun({ workflowId, runId }: WorkflowRun, way: RunWay, facts: RunFacts): RunDecision {
  const run = { workflowId, runId };
  const reason = againstWorkflow(workflowId, way, facts) ?? againstOwner(run, way, facts);
  if (reason !== null) return { allowed: false, reason };
  const { owner } = facts;
  const handedOver = owner !== null && isSameRun(owner, run) && owner.handedOver;
  return { allowed: true, owner: { ...run, way, handedOver } };
}

function againstWorkflow(workflowId: string, way: RunWay, { ids }: RunFacts): string | null {
  if (workflowId === ids.undo) return way === 'forward' ? 'the workflow that undoes carries nothing on' : null;
  if (workflowId === ids.forward) return null;
  return `${workflowId} is no workflow of this plan; only ${ids.forward} migrates it`;
}

function againstOwner(run: WorkflowRun, way: RunWay, { ids, owner, rival }: RunFacts): string | null {
  if (owner && goesOn(run, owner, rival))
    return owner.way === 'back' && way === 'forward' ? 'the migration is being undone' : null;
  const holder = owner ? `run ${owner.runId} of ${owner.workflowId}` : ids.forward;
  if (rival) return `${holder} has the migration and is running; abort or roll back the plan instead`;
  return owner && way === 'forward' ? `the migration was in the hands of ${holder}: another run only undoes it` : null;
}

const goesOn = (run: WorkflowRun, owner: MigrationOwner, rival: boolean): boolean =>
  isSameRun(owner, run) || (!rival && owner.handedOver && owner.workflowId === run.workflowId);

/** Steps that were begun of a migration, in order. */
export interface Begun {
  activity: GuardedActivity;
  way: RunWay;
  weight: number | null;
  done: boolean;
}

interface Need {
  /** The step that governance must have allowed. */
  cleared?: Step;
  /** Steps that must have been done before. */
  after?: GuardedActivity;
}

/** Which activity may follow which on the way forward, by canary. */
const BY_CANARY: Partial<Record<GuardedActivity, Need>> = {
  recordPreImages: { cleared: 'Prepare' },
  grantTarget: { cleared: 'Prepare', after: 'recordPreImages' },
  confirmAdmission: { after: 'grantTarget' },
  createCanary: { after: 'confirmAdmission' },
  awaitCanary: { after: 'createCanary' },
  prepareRoutes: { after: 'awaitCanary' },
  setMirror: { cleared: 'Mirror', after: 'prepareRoutes' },
  setWeights: { cleared: 'Shift', after: 'prepareRoutes' },
  hold: { after: 'prepareRoutes' },
  // A census looks at data before the canary that would use it.
  callWebhooks: { after: 'confirmAdmission' },
  migrateWorkload: { cleared: 'Migrate', after: 'setWeights' },
  awaitWorkload: { after: 'migrateWorkload' },
  restoreRoutes: { cleared: 'Finish', after: 'awaitWorkload' },
  removeCanary: { cleared: 'Finish', after: 'restoreRoutes' },
  revokeSource: { cleared: 'Finish', after: 'removeCanary' },
  summarizeTraffic: { after: 'revokeSource' },
};

/** The same where the workload's own pods move one by one; `migrateWorkload` changes its template and moves none. */
const ONE_BY_ONE: Partial<Record<GuardedActivity, Need>> = {
  recordPreImages: { cleared: 'Prepare' },
  grantTarget: { cleared: 'Prepare', after: 'recordPreImages' },
  confirmAdmission: { after: 'grantTarget' },
  callWebhooks: { after: 'confirmAdmission' },
  stopWorkload: { cleared: 'Migrate', after: 'confirmAdmission' },
  changeOwners: { after: 'stopWorkload' },
  migrateWorkload: { cleared: 'Migrate', after: 'confirmAdmission' },
  moveOrdinal: { cleared: 'Migrate', after: 'migrateWorkload' },
  awaitOrdinal: { after: 'moveOrdinal' },
  hold: { after: 'awaitOrdinal' },
  awaitWorkload: { after: 'awaitOrdinal' },
  forgetOwners: { cleared: 'Finish', after: 'awaitWorkload' },
  revokeSource: { cleared: 'Finish', after: 'awaitWorkload' },
  summarizeTraffic: { after: 'revokeSource' },
};

/** The same where one pod of a Deployment moves with the change of its template, and the others are let to once it was judged. */
const BY_ROLLOUT: Partial<Record<GuardedActivity, Need>> = {
  ...ONE_BY_ONE,
  awaitOrdinal: { after: 'migrateWorkload' },
  moveOrdinal: { cleared: 'Migrate', after: 'hold' },
};

/** The same of a CronJob: its template changes, and its next run is judged. */
const BY_NEXT_RUN: Partial<Record<GuardedActivity, Need>> = {
  recordPreImages: { cleared: 'Prepare' },
  grantTarget: { cleared: 'Prepare', after: 'recordPreImages' },
  confirmAdmission: { after: 'grantTarget' },
  callWebhooks: { after: 'confirmAdmission' },
  runTrial: { cleared: 'Migrate', after: 'confirmAdmission' },
  migrateWorkload: { cleared: 'Migrate', after: 'confirmAdmission' },
  awaitRun: { after: 'migrateWorkload' },
  removeCanary: { cleared: 'Finish', after: 'awaitRun' },
  revokeSource: { cleared: 'Finish', after: 'awaitRun' },
  summarizeTraffic: { after: 'revokeSource' },
};

const FORWARD: Record<Strategy, Partial<Record<GuardedActivity, Need>>> = {
  Canary: BY_CANARY,
  Rolling: BY_ROLLOUT,
  Ordered: ONE_BY_ONE,
  PerNode: ONE_BY_ONE,
  NextRun: BY_NEXT_RUN,
};

/** Steps that an undo may do; each of them is safe wherever the migration stood. */
export const BACK: ReadonlySet<GuardedActivity> = new Set<GuardedActivity>([
  ...(['setMirror', 'setWeights', 'awaitStable', 'restoreRoutes', 'removeCanary', 'restoreSourceGrant'] as const),
  ...(['restoreOwners', 'restoreWorkload', 'withdrawTargetGrant', 'compareWithPreImages'] as const),
]);

const isDone = (begun: readonly Begun[], activity: GuardedActivity, way: RunWay, weight?: number): boolean =>
  begun.some(
    (one) => one.activity === activity && one.way === way && one.done && (weight ?? one.weight) === one.weight,
  );
const lastWeight = (begun: readonly Begun[]): number | null =>
  begun.findLast(({ activity, way, done }) => activity === 'setWeights' && way === 'forward' && done)?.weight ?? null;

/** Why an activity may not begin now, or null. */
export function againstOrder(
  { activity, way, weight }: Pick<BeginRequest, 'activity' | 'way' | 'weight'>,
  { begun, cleared, strategy }: { begun: readonly Begun[]; cleared: ReadonlySet<Step>; strategy: Strategy },
): string | null {
  if (way === 'back') return BACK.has(activity) ? null : `${activity} takes nothing back`;
  const need = FORWARD[strategy][activity];
  if (!need) return `${activity} belongs to an undo, or to another strategy than ${strategy}`;
  if (need.cleared && !cleared.has(need.cleared))
    return `${activity} needs the step ${need.cleared}, which was not allowed`;
  if (need.after && !isDone(begun, need.after, 'forward'))
    return `${activity} follows ${need.after}, which is not done`;
  return strategy === 'Canary' ? againstWeights(activity, weight, begun) : null;
}

function againstWeights(activity: GuardedActivity, weight: number | null, begun: readonly Begun[]): string | null {
  if (activity === 'migrateWorkload' && lastWeight(begun) !== 100)
    return 'the workload is changed while the canary has all requests, and it has not';
  const isReturn = begun.some((one) => one.activity === 'migrateWorkload' && one.way === 'forward');
  if (activity === 'setWeights' && isReturn && weight !== 100 && !isDone(begun, 'awaitWorkload', 'forward'))
    return 'requests return to the workload when all of it was verified, and it was not';
  if (['restoreRoutes', 'removeCanary'].includes(activity) && lastWeight(begun) !== 0)
    return `${activity} follows the return of all requests to the workload`;
  return null;
}

const WHOLE: readonly GuardedActivity[] = [
  ...(['recordPreImages', 'grantTarget', 'confirmAdmission', 'createCanary', 'awaitCanary', 'prepareRoutes'] as const),
  ...([
    'migrateWorkload',
    'awaitWorkload',
    'restoreRoutes',
    'removeCanary',
    'revokeSource',
    'summarizeTraffic',
  ] as const),
];

interface Later {
  /** The workflow that looks after the workload. */
  workflowId: string;
  /** How the migration ended, and when, in milliseconds since the epoch; null while it has not. */
  end: { phase: string; atMs: number } | null;
  /** How long after the end the plan lets the source grant be revoked, in milliseconds; null where it stays. */
  revokeMs: number | null;
  /** It was revoked after the end already. */
  isRevoked: boolean;
  nowMs: number;
}

/** Whether the source grant was revoked, or found to be needed, after the end of a migration. */
export const isRevokedLater = (begun: readonly Begun[]): boolean => isDone(begun, 'revokeLater', 'forward');

/** Why the source grant may not be revoked after the end of a migration, or null. */
export function againstLater(
  { workflowId, way }: Pick<BeginRequest, 'workflowId' | 'way'>,
  { workflowId: own, end, revokeMs, isRevoked, nowMs }: Later,
): string | null {
  if (workflowId !== own || way !== 'forward') return `${workflowId} does not look after this plan; only ${own} does`;
  if (end?.phase !== 'Completed') return 'the source grant is revoked later only after a migration that has completed';
  if (revokeMs === null) return 'the plan lets the source grant stay, or had it revoked at its end';
  // A grant that is there again is one that somebody made since.
  if (isRevoked) return 'the source grant was revoked after the end of the migration already';
  if (nowMs < end.atMs + revokeMs)
    return `the change must last until ${new Date(end.atMs + revokeMs).toISOString()} before the source grant is revoked`;
  return null;
}

/** The steps that take a change back. */
const UNDONE_BY: Partial<Record<GuardedActivity, readonly GuardedActivity[]>> = {
  grantTarget: ['withdrawTargetGrant', 'compareWithPreImages'],
  createCanary: ['removeCanary'],
  prepareRoutes: ['restoreRoutes'],
  setMirror: ['restoreRoutes'],
  setWeights: ['restoreRoutes'],
  stopWorkload: ['restoreWorkload', 'awaitStable'],
  changeOwners: ['restoreOwners'],
  migrateWorkload: ['restoreWorkload', 'awaitStable'],
  moveOrdinal: ['restoreWorkload', 'awaitStable'],
  runTrial: ['removeCanary'],
  revokeSource: ['restoreSourceGrant'],
};

/** Whether an activity changes the cluster on the way forward. */
export const isChange = ({ activity, way }: Pick<Begun, 'activity' | 'way'>): boolean =>
  way === 'forward' && activity in UNDONE_BY;

/** An end as it was reported. */
export type ReportedEnd = 'MigrationCompleted' | 'DryRunFinished' | 'PlanRejected' | 'UndoFinished';

/** The steps of a whole migration, by its plan and by the facts that it was judged on. */
export interface Whole {
  strategy: Strategy;
  /** The weights of the plan: each must have been set and held. */
  weights: readonly number[];
  /** Pods of the workload: each must have been moved, verified and judged by itself where they move one by one. */
  replicas: number;
}

/**
 * Why the receipts do not cover an end, or null when they do.
 * @param released whether somebody with the right to it let an undo leave what it cannot do
 */
export function uncovered(
  end: ReportedEnd,
  begun: readonly Begun[],
  { released, ...whole }: Whole & { released: boolean },
): string | null {
  if (released && end === 'UndoFinished') return null;
  const missing = missingFor(end, begun, whole);
  return missing.length === 0 ? null : `no receipt of ${[...new Set(missing)].join(', ')}`;
}

function missingFor(end: ReportedEnd, begun: readonly Begun[], whole: Whole): string[] {
  switch (end) {
    case 'PlanRejected':
    case 'DryRunFinished':
      return begun.filter(isChange).map(({ activity }) => `the undo of ${activity}`);
    case 'UndoFinished':
      return begun
        .filter(isChange)
        .flatMap(({ activity }) => UNDONE_BY[activity] ?? [])
        .filter((undo) => !isDone(begun, undo, 'back'));
    case 'MigrationCompleted':
      return [
        ...MISSING[whole.strategy](begun, whole),
        ...(begun.some(({ way }) => way === 'back') ? ['an end without an undo, which was begun'] : []),
      ];
  }
}

const EACH_ORDINAL: readonly GuardedActivity[] = ['awaitOrdinal', 'hold'];
const WHOLE_ONE_BY_ONE: readonly GuardedActivity[] = [
  ...(['recordPreImages', 'grantTarget', 'confirmAdmission', 'migrateWorkload'] as const),
  ...(['awaitWorkload', 'revokeSource', 'summarizeTraffic'] as const),
];

const WHOLE_WHILE_STOPPED: readonly GuardedActivity[] = ['stopWorkload', 'changeOwners', 'forgetOwners'];

function missingOneByOne(begun: readonly Begun[], { replicas, strategy }: Whole): string[] {
  // The first pod of a Deployment moves with its template, and the others are let to by one step.
  const moves = strategy === 'Rolling' ? Math.min(1, replicas - 1) : replicas;
  const times = (activity: GuardedActivity): number =>
    begun.filter((one) => one.activity === activity && one.way === 'forward' && one.done).length;
  const wasStopped = begun.some(({ activity, way }) => activity === 'stopWorkload' && way === 'forward');
  const whole = [...WHOLE_ONE_BY_ONE, ...(wasStopped ? WHOLE_WHILE_STOPPED : [])];
  return [
    ...whole.filter((activity) => times(activity) === 0),
    ...(times('moveOrdinal') < moves ? [`moveOrdinal for each of ${moves} pods`] : []),
    ...EACH_ORDINAL.filter((activity) => times(activity) < replicas).map(
      (activity) => `${activity} for each of ${replicas} pods`,
    ),
  ];
}

const WHOLE_BY_NEXT_RUN: readonly GuardedActivity[] = [
  ...(['recordPreImages', 'grantTarget', 'confirmAdmission', 'migrateWorkload', 'awaitRun'] as const),
  ...(['revokeSource', 'summarizeTraffic'] as const),
];

function missingByNextRun(begun: readonly Begun[]): string[] {
  const hasTrial = begun.some(({ activity, way }) => activity === 'runTrial' && way === 'forward');
  const trial = hasTrial ? (['runTrial', 'removeCanary'] as const) : [];
  return [...WHOLE_BY_NEXT_RUN, ...trial].filter((activity) => !isDone(begun, activity, 'forward'));
}

function missingByCanary(begun: readonly Begun[], { weights }: Whole): string[] {
  const migrated = begun.findIndex(({ activity }) => activity === 'migrateWorkload');
  const before = begun.slice(0, Math.max(0, migrated));
  const without = (activity: GuardedActivity): number[] =>
    weights.filter((weight) => !isDone(before, activity, 'forward', weight));
  return [
    ...WHOLE.filter((activity) => !isDone(begun, activity, 'forward')),
    ...without('setWeights').map((weight) => `weight ${weight}`),
    ...without('hold').map((weight) => `the hold of ${weight} %`),
    ...(lastWeight(begun) === 0 ? [] : ['the return of requests to the workload']),
  ];
}

const MISSING: Record<Strategy, (begun: readonly Begun[], whole: Whole) => string[]> = {
  Canary: missingByCanary,
  Rolling: missingOneByOne,
  Ordered: missingOneByOne,
  PerNode: missingOneByOne,
  NextRun: missingByNextRun,
};
