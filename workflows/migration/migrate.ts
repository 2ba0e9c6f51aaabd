import type { GateSample, MigrationEvent, Step, Violation } from '@scc/plan';
import { withCompensation, type Compensation } from './compensation.js';
import type {
  AcceptedPlan,
  Assessment,
  Conflict,
  LiveSettings,
  MigrationActivities,
  MigrationResult,
  MigrationTarget,
  StoredImage,
} from './contract.js';
import { decideAfterAssessment } from './decide.js';

/** What the saga needs of its host: the activities, and everything that time and operators do to it. */
export interface Effects {
  act: MigrationActivities;
  /** The same activities with bounded tries, so that an undo that can not finish is seen and said. */
  undo: MigrationActivities;
  compensation: Compensation;
  record: (event: MigrationEvent) => void;
  now: () => number;
  live: () => LiveSettings;
  /** Waits while paused, suspended or outside the window, then asks governance whether the step may run. True: it waited. */
  proceed: (step: Step, detail: string, watch?: { target: MigrationTarget; weight: number }) => Promise<boolean>;
  awaitStart: (notBeforeMs: number | null) => Promise<void>;
  /** Waits for governance to say yes; a violation when it said no. */
  awaitApproval: (roles: { role: string; count: number }[]) => Promise<Violation | null>;
  /**
   * Holds and watches the gates until the time is over or an operator skips the rest. Without a duration it is the
   * plan's interval, also when that is edited meanwhile.
   */
  hold: (target: MigrationTarget, durationMs: number | null, weight: number) => Promise<GateSample[]>;
  /** Runs the rest of a migration that is past its undo, out of the reach of cancellation and commands. */
  beyondUndo: <T>(work: () => Promise<T>) => Promise<T>;
  /** Runs a step until it succeeds and says each time that it does not. */
  untilDone: <T>(step: string, work: () => Promise<T>) => Promise<T>;
  /** What still differs from the recorded pre-images after everything was undone. */
  undone: (differences: string[]) => void;
  /** Runs a step; when the plan wants to pause on failure, waits for the operator and runs it again. */
  attempt: <T>(work: () => Promise<T>) => Promise<T>;
}

type Ready = Extract<Assessment, { ok: true }>;

/** An assessment older than this is made again before anything is touched: an approval may have taken days. */
const STALE_MS = 10_000;

/** The whole migration of one accepted plan. Every change is undone when it, or anything after it, fails. */
export async function migrate(
  plan: AcceptedPlan,
  assess: () => Promise<Assessment>,
  fx: Effects,
): Promise<MigrationResult> {
  let assessment = await assess();
  for (;;) {
    const assessedMs = fx.now();
    const verdict = decideAfterAssessment(plan, assessment);
    if (verdict.do === 'reject') return reject(fx, verdict.violations);
    if (!assessment.ok) throw new Error('an assessment that is not ok was not rejected');
    if (verdict.do === 'finishDryRun') {
      fx.record({ type: 'DryRunFinished', message: verdict.message });
      return { phase: 'Completed', message: 'dry run' };
    }
    if (verdict.needsApproval) {
      const refusal = await fx.awaitApproval(verdict.roles);
      if (refusal) return reject(fx, [refusal]);
    }
    await fx.awaitStart(verdict.notBeforeMs);
    const { target, governance } = assessment;
    const waited = await fx.proceed('Prepare', `canary of ${target.workload} under ${target.targetSCC}`);
    if (!waited && fx.now() - assessedMs < STALE_MS) return begin(plan, assessment, fx);
    assessment = await assess();
    // What was allowed must be what is there now; anything else is judged anew.
    if (assessment.ok && assessment.governance.contentHash === governance.contentHash)
      return begin(plan, assessment, fx);
  }
}

const begin = (plan: AcceptedPlan, ready: Ready, fx: Effects): Promise<MigrationResult> =>
  withCompensation(fx.compensation, (onFailure) => run(plan, ready, fx, onFailure));

function reject(fx: Effects, violations: Violation[]): MigrationResult {
  fx.record({ type: 'PlanRejected', violations });
  return { phase: 'Rejected', message: violations.map(({ message }) => message).join('; ') };
}

type OnFailure = Parameters<Parameters<typeof withCompensation>[1]>[0];

async function run(plan: AcceptedPlan, { target }: Ready, fx: Effects, onFailure: OnFailure): Promise<MigrationResult> {
  const startedMs = fx.now();
  const { act, undo } = fx;

  fx.record({ type: 'PreparationStarted' });
  const images = await act.recordPreImages(target);
  onFailure({ step: 'verification', run: async () => fx.undone(await undo.compareWithPreImages(target, images)) });

  onFailure({ step: 'grants', run: () => undo.restoreGrants(target, images) });
  const grant = await act.grantTarget(target);
  fx.record({ type: 'TargetGranted', ...grant });
  await fx.attempt(() => act.confirmAdmission(target));

  onFailure({ step: 'canary', run: () => undo.removeCanary(target) });
  const pods = await fx.attempt(async () => {
    await act.createCanary(target);
    return act.awaitCanary(target, plan.readinessTimeoutMs);
  });
  fx.record({ type: 'CanaryReady', canary: target.canary, pods });

  onFailure({ step: 'routes', run: () => returnToStable(fx, target, images) });
  await act.prepareRoutes(target);
  await mirror(plan, target, fx);
  await shift(plan, target, fx);
  await migrateBehindCanary(plan, { target, images }, fx, onFailure);

  await fx.proceed('Finish', 'remove the canary and the old grant');
  return fx.beyondUndo(() => finish(plan, { target, images, startedMs }, fx));
}

/** The workload serves everything under the target, so from here the way is forward: each step until it succeeds. */
async function finish(
  plan: AcceptedPlan,
  { target, images, startedMs }: { target: MigrationTarget; images: StoredImage[]; startedMs: number },
  fx: Effects,
): Promise<MigrationResult> {
  const { act, untilDone } = fx;
  reportConflicts(fx, await untilDone('routes', () => act.restoreRoutes(target, images)));
  await untilDone('canary', () => act.removeCanary(target));
  fx.record({ type: 'CanaryRemoved' });
  const revoked = await untilDone('grants', () => act.revokeSource(target, plan.spec.grants.source));
  fx.record({ type: 'SourceRevoked', ...revoked });
  const traffic = await untilDone('proof', () => act.summarizeTraffic(target, startedMs));
  fx.record({ type: 'MigrationCompleted', traffic });
  return { phase: 'Completed', message: `${target.workload} runs under ${target.targetSCC}` };
}

/** Mirrored answers never reach a client; what the mirror shows is judged by the gates like live traffic. */
async function mirror(plan: AcceptedPlan, target: MigrationTarget, fx: Effects): Promise<void> {
  await webhooks(fx, target, 'BeforeMirror', 0);
  const { percentage, durationMs, methods } = plan.mirror;
  if (percentage === 0 || durationMs === 0 || target.services.length === 0) return;
  await fx.proceed('Mirror', `${percentage} %`, { target, weight: 0 });
  await fx.act.setMirror(target, { percentage, methods });
  fx.record({ type: 'MirroringStarted', percentage });
  await fx.attempt(() => fx.hold(target, durationMs, 0));
  await fx.act.setMirror(target, null);
  fx.record({ type: 'MirroringEnded' });
}

async function shift(plan: AcceptedPlan, target: MigrationTarget, fx: Effects): Promise<void> {
  await webhooks(fx, target, 'BeforeShift', 0);
  let weight = 0;
  for (const [step, next] of plan.weights.entries()) {
    await fx.proceed('Shift', `${next} %`, { target, weight });
    await shiftTo(target, next, step, fx);
    await fx.attempt(async () => {
      const samples = await fx.hold(target, null, next);
      if (samples.length) fx.record({ type: 'GatePassed', samples });
    });
    weight = next;
  }
  await webhooks(fx, target, 'AfterShift', weight);
}

async function shiftTo(target: MigrationTarget, canary: number, step: number, fx: Effects): Promise<void> {
  const { verifiedBy } = await fx.act.setWeights(target, canary);
  fx.record({ type: 'WeightShifted', step, weights: { canary, stable: 100 - canary }, verifiedBy });
}

/** With all traffic on the canary the workload itself is rolled out; nobody is served by it until all of it is ready. */
async function migrateBehindCanary(
  plan: AcceptedPlan,
  { target, images }: { target: MigrationTarget; images: StoredImage[] },
  fx: Effects,
  onFailure: OnFailure,
): Promise<void> {
  const { act, undo } = fx;
  await webhooks(fx, target, 'BeforeMigrate', 100);
  await fx.proceed('Migrate', target.workload, { target, weight: 100 });
  fx.record({ type: 'WorkloadMigrationStarted' });
  onFailure({ step: 'workload', run: () => restoreWorkload(fx, target, images) });
  const pods = await fx.attempt(async () => {
    await act.migrateWorkload(target);
    return act.awaitWorkload(target, plan.readinessTimeoutMs);
  });
  fx.record({ type: 'WorkloadMigrated', pods });

  onFailure({
    step: 'traffic',
    run: async () => {
      await undo.setWeights(target, 100);
    },
  });
  for (const [index, weight] of RETURN_WEIGHTS.entries()) {
    await shiftTo(target, weight, plan.weights.length + index, fx);
    await fx.attempt(() => fx.hold(target, 0, weight));
  }
  await webhooks(fx, target, 'AfterMigrate', 0);
  fx.record({ type: 'TrafficReturned' });
}

/** The way back to the migrated workload: it runs what the canary ran, so two steps are enough to warm it. */
const RETURN_WEIGHTS = [50, 0];

/** The stable pods must all be ready before any request returns to them; until then the canary keeps serving. */
async function returnToStable({ undo, ...fx }: Effects, target: MigrationTarget, images: StoredImage[]): Promise<void> {
  await undo.awaitStable(target);
  await undo.setMirror(target, null);
  const { verifiedBy } = await undo.setWeights(target, 0);
  fx.record({ type: 'WeightShifted', step: 0, weights: { canary: 0, stable: 100 }, verifiedBy });
  reportConflicts(fx, await undo.restoreRoutes(target, images));
}

class WorkflowLost extends Error {
  override readonly name = 'WorkflowLost';
}

/** Undoes a migration whose own workflow is gone, wherever it stood: the order is safe from every step. */
export async function undoLost(target: MigrationTarget, images: StoredImage[], fx: Effects): Promise<MigrationResult> {
  await withCompensation(fx.compensation, (onFailure) => {
    const { undo } = fx;
    onFailure({ step: 'verification', run: async () => fx.undone(await undo.compareWithPreImages(target, images)) });
    onFailure({ step: 'grants', run: () => undo.restoreGrants(target, images) });
    onFailure({ step: 'canary', run: () => undo.removeCanary(target) });
    onFailure({ step: 'routes', run: () => returnToStable(fx, target, images) });
    onFailure({ step: 'workload', run: () => restoreWorkload(fx, target, images) });
    return Promise.reject(new WorkflowLost('the workflow of this migration was lost'));
  }).catch(() => undefined);
  return { phase: 'RolledBack', message: 'undone from the recorded pre-images' };
}

async function restoreWorkload(
  { undo, ...fx }: Effects,
  target: MigrationTarget,
  images: StoredImage[],
): Promise<void> {
  reportConflicts(fx, await undo.restoreWorkload(target, images));
  await undo.awaitStable(target);
}

async function webhooks(
  fx: Effects,
  target: MigrationTarget,
  at: Parameters<MigrationActivities['callWebhooks']>[0]['at'],
  weight: number,
): Promise<void> {
  const { gates } = fx.live();
  if (!gates.webhooks.some((gate) => gate.at === at)) return;
  const samples = await fx.attempt(() => fx.act.callWebhooks({ target, at, gates, weight }));
  fx.record({ type: 'GatePassed', samples });
}

function reportConflicts({ record }: Pick<Effects, 'record'>, conflicts: Conflict[]): void {
  for (const conflict of conflicts) record({ type: 'ConflictFound', ...conflict });
}
