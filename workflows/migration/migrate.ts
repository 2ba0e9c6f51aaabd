import type { PlanRef, Violation } from '@scc/plan';
import { isDivided, movesPodByPod } from '@scc/plan/words';
import type { Position } from './carried.js';
import type { AcceptedPlan, Assessment, MigrationOutline, MigrationResult } from './contract.js';
import { bake, clearToFinish, courseOf, hold, webhooks, type Course } from './course.js';
import { decideAfterAssessment, trialOver } from './decide.js';
import type { Effects } from './effects.js';
import { workflowLost } from './failures.js';
import { changeBeforeNextRun, hasTrial } from './next-run.js';
import { moveOneByOne } from './ordered.js';
import { HandOver, registerUndo, TrialOver } from './position.js';
import { positionOfLost, reportConflicts, undoAll } from './undo.js';

/** An assessment older than this is made again before anything is touched: an approval may have taken days. */
const STALE_MS = 10_000;

/** One migration from the acceptance of its plan to its end: done, refused with nothing touched, or taken back. */
export async function migrate(position: Position, fx: Effects): Promise<MigrationResult> {
  if (position.undoing) return takeBack(position, fx);
  try {
    return await forward(position, fx);
  } catch (cause) {
    if (cause instanceof HandOver) throw cause;
    position.undoing = cause instanceof TrialOver ? trialOver(cause) : fx.undoStarted(cause);
    fx.record(position.undoing);
    return takeBack(position, fx);
  }
}

/** Takes back all changes in reverse order, out of the reach of cancellation. */
export async function takeBack(position: Position, fx: Effects): Promise<MigrationResult> {
  const differences = await fx.shielded('undoing', () => undoAll(position, fx));
  fx.record({ type: 'UndoFinished', differences });
  return { phase: 'RolledBack', message: `rolled back: ${position.undoing?.message ?? 'for an unknown reason'}` };
}

async function forward(position: Position, fx: Effects): Promise<MigrationResult> {
  const plan = position.plan ?? (await accept(position, fx));
  if ('phase' in plan) return plan;
  const refusedOrDone = position.target ? null : await validate(position, plan, fx);
  return refusedOrDone ?? run(position, position.plan ?? plan, fx);
}

async function accept(position: Position, fx: Effects): Promise<AcceptedPlan | MigrationResult> {
  const acceptance = await fx.act.acceptPlan(position.ref, fx.firstStatus());
  if (!acceptance.accepted) {
    if ('over' in acceptance)
      return {
        phase: acceptance.over.phase,
        message: `over already, nothing is begun again: ${acceptance.over.message}`,
      };
    if ('unfinished' in acceptance) {
      const target = await fx.act.takeOver(position.ref);
      if (target) Object.assign(position, positionOfLost(target));
      throw workflowLost();
    }
    fx.record({ type: 'PlanAccepted', generation: acceptance.generation, author: null });
    return reject(fx, acceptance.violations);
  }
  const { plan } = acceptance;
  fx.adopt(plan);
  fx.record({ type: 'PlanAccepted', generation: plan.generation, author: plan.author });
  position.plan = plan;
  return plan;
}

type Judged = Extract<Assessment, { ok: true }>;

/** @returns the content that the first step is allowed for; null when it has to be judged again first. */
async function clearToPrepare(
  { target, governance: { contentHash } }: Judged,
  fx: Effects,
): Promise<{ waited: boolean; allowedHash: string | null }> {
  const { waited, outdated } = await fx.clearance({ step: 'Prepare', detail: preparationOf(target), contentHash });
  return { waited, allowedHash: outdated ? null : contentHash };
}

/** Gathers facts, asks governance and waits until the first step may run; null when the migration goes on. */
async function validate(position: Position, plan: AcceptedPlan, fx: Effects): Promise<MigrationResult | null> {
  let allowedHash: string | null = null;
  for (;;) {
    const assessedMs = fx.now();
    const assessment = await assess(position.ref, plan.targetSCC, fx);
    // A plan may be edited until its migration has begun: it runs as it was judged.
    const judged = assessment.ok ? assessment.plan : plan;
    const verdict = decideAfterAssessment(judged, assessment);
    if (verdict.do === 'reject') return reject(fx, verdict.violations);
    if (!assessment.ok) throw new Error('an assessment that is not ok was not rejected');
    if (verdict.do === 'finishDryRun') {
      fx.record({ type: 'DryRunFinished', message: verdict.message });
      return { phase: 'Completed', message: 'dry run' };
    }
    const { target, governance } = assessment;
    const { contentHash } = governance;
    // The clearance is for this content hash alone; any other is judged again.
    const isAllowed = contentHash === allowedHash;
    if (!isAllowed && verdict.needsApproval) {
      const refusal = await fx.awaitApproval(verdict.roles);
      if (refusal) return reject(fx, [refusal]);
    }
    if (!isAllowed) {
      await fx.awaitStart(verdict.notBeforeMs);
      const cleared = await clearToPrepare(assessment, fx);
      ({ allowedHash } = cleared);
      if (cleared.waited || fx.now() - assessedMs >= STALE_MS) continue;
    }
    Object.assign(position, { plan: judged, target, contentHash, startedMs: fx.now() });
    return null;
  }
}

const preparationOf = ({ strategy, workload, targetSCC }: MigrationOutline): string =>
  `${isDivided(strategy) ? 'canary' : 'pods'} of ${workload} under ${targetSCC}`;

async function assess(ref: PlanRef, targetSCC: string, fx: Effects): Promise<Assessment> {
  const assessment = await fx.act.assess(ref);
  fx.record({ type: 'FactsGathered', ...assessment.facts, targetSCC });
  if (assessment.ok) {
    const { assessmentId, band, changeRisk, exposure } = assessment.governance.risk;
    fx.record({ type: 'RiskScored', assessmentId, band, changeRisk, exposure });
    const { patch, kustomizePatch, warnings, verdicts, governance, strategy } = assessment;
    const { rights } = governance;
    const more = {
      ...(kustomizePatch ? { kustomizePatch } : {}),
      ...(rights ? { rights } : {}),
      ...(strategy ? { strategy } : {}),
      ...(verdicts ? { verdicts } : {}),
    };
    fx.record({ type: 'PlanValidated', patch, ...more, warnings });
  }
  return assessment;
}

function reject(fx: Effects, violations: Violation[]): MigrationResult {
  fx.record({ type: 'PlanRejected', violations });
  return { phase: 'Rejected', message: violations.map(({ message }) => message).join('; ') };
}

/** Every change is preceded by the registration of its undo. */
async function run(position: Position, plan: AcceptedPlan, fx: Effects): Promise<MigrationResult> {
  const course = courseOf(position, plan, fx);
  const { at, target } = course;
  const { act } = fx;
  await at('pre-images', async () => {
    fx.record({ type: 'PreparationStarted', ...(target.strategy ? { strategy: target.strategy } : {}) });
    await act.recordPreImages(target);
  });
  registerUndo(position, { step: 'verification', args: {} });

  registerUndo(position, { step: 'targetGrant', args: {} });
  await at('grant', async () => fx.record({ type: 'TargetGranted', ...(await act.grantTarget(target)) }));
  await at('admission', () => fx.attempt(() => act.confirmAdmission(target)));

  await move(course);
  await bake(course);

  const left = isDivided(target.strategy) ? 'the canary and the old grant' : 'the old grant';
  await at('may finish', () => clearToFinish(course, `remove ${left}`));
  return fx.shielded('finishing', () => finish(course));
}

function move(course: Course): Promise<void> {
  const { strategy } = course.target;
  if (strategy === 'NextRun') return changeBeforeNextRun(course);
  return movesPodByPod(strategy) ? moveOneByOne(course) : moveByCanary(course);
}

async function moveByCanary(course: Course): Promise<void> {
  const { at, target, plan, position, fx } = course;
  const { act } = fx;
  if (plan.census === 'BeforeCanary') await webhooks(course, plan.census, 0);
  registerUndo(position, { step: 'canary', args: {} });
  await at('canary', async () => {
    const pods = await fx.attempt(async () => {
      await act.createCanary(target);
      return act.awaitCanary(target, plan.readinessTimeoutMs);
    });
    fx.record({ type: 'CanaryReady', canary: target.canary, pods });
  });

  registerUndo(position, { step: 'routes', args: {} });
  await at('routes', () => act.prepareRoutes(target));
  if (plan.trialMs !== undefined) await tryOut(course, plan.trialMs);
  await mirror(course);
  await shift(course);
  await migrateBehindCanary(course);
}

/** The workload serves everything under the target, so from here the way is forward: each step until it succeeds. */
async function finish(course: Course): Promise<MigrationResult> {
  const { target, position, fx, at } = course;
  const { act, untilDone } = fx;
  const { startedMs } = position;
  if (isDivided(target.strategy)) await clearAway(course);
  else if (hasTrial(course)) await at('trial removed', () => untilDone('removeCanary', () => act.removeCanary(target)));
  if (target.stopped) await at('owners forgotten', () => untilDone('forgetOwners', () => act.forgetOwners(target)));
  await at('source revoked', async () => {
    fx.record({ type: 'SourceRevoked', ...(await revoked(course)) });
  });
  const traffic = await untilDone('summarizeTraffic', () =>
    act.summarizeTraffic(target, startedMs, position.liveMs ?? startedMs),
  );
  if (position.notObserved) {
    fx.record({ type: 'MigrationCompleted', traffic, notObserved: true });
    return { phase: 'Completed', message: `${target.workload} is changed, ${unseen(target)}` };
  }
  fx.record({ type: 'MigrationCompleted', traffic });
  return { phase: 'Completed', message: `${target.workload} runs under ${target.targetSCC}` };
}

const unseen = ({ targetSCC }: MigrationOutline): string => `nothing has run under ${targetSCC} yet`;

/** Where nothing has shown that the workload works under the target, its old grant stays. */
async function revoked({ plan, target, position, fx }: Course): Promise<{ bindings: string[]; kept: string | null }> {
  const mode = position.notObserved ? 'Keep' : plan.sourceGrant;
  const answer = await fx.untilDone('revokeSource', () => fx.act.revokeSource(target, mode));
  return position.notObserved ? { ...answer, kept: unseen(target) } : answer;
}

/** Takes the canary and its routes away, now that nothing is sent there. */
async function clearAway(course: Course): Promise<void> {
  const { target, position, fx, at } = course;
  const { act, untilDone } = fx;
  await at('routes restored', async () => {
    const conflicts = await untilDone('restoreRoutes', () => act.restoreRoutes(target));
    // Routes that another client has changed may have led elsewhere meanwhile.
    if (conflicts.length > 0) delete position.ledMs;
    reportConflicts(fx.record, conflicts);
  });
  await at('canary removed', async () => {
    await untilDone('removeCanary', () => act.removeCanary(target, ledFor(course)));
    fx.record({ type: 'CanaryRemoved' });
  });
}

/**
 * Watches the canary alone for as long as the plan wants; copies of requests show how it does where there are any.
 * @throws TrialOver
 */
async function tryOut(course: Course, durationMs: number): Promise<never> {
  await mirror(course, durationMs);
  if (!isMirrored(course)) await hold(course, 'tried', { weight: 0, durationMs });
  await webhooks(course, 'BeforeShift', 0);
  throw new TrialOver(`${course.target.canary} passed its gates`);
}

/** A mirror that lasts no time is none. */
const isMirrored = ({ plan: { mirror: wanted }, target: { services } }: Course): boolean =>
  wanted.percentage > 0 && wanted.durationMs > 0 && services.length > 0;

/** Mirrored answers never reach a client; what the mirror shows is judged by the gates like live traffic. */
async function mirror(course: Course, durationMs = course.plan.mirror.durationMs): Promise<void> {
  const { plan, target, fx, at, clear } = course;
  await webhooks(course, 'BeforeMirror', 0);
  const { percentage, methods } = plan.mirror;
  if (!isMirrored(course)) return;
  await at('mirror', async () => {
    await clear('Mirror', `${percentage} %`, 0);
    await fx.act.setMirror(target, { percentage, methods });
    fx.record({ type: 'MirroringStarted', percentage });
  });
  await hold(course, 'mirror held', { weight: 0, durationMs });
  await at('mirror ended', async () => {
    await fx.act.setMirror(target, null);
    fx.record({ type: 'MirroringEnded' });
  });
}

async function shift(course: Course): Promise<void> {
  const { plan, position, fx, at, clear } = course;
  await webhooks(course, 'BeforeShift', 0);
  for (const [step, weight] of plan.weights.entries()) {
    await at(`shift to ${weight}`, async () => {
      await clear('Shift', `${weight} %`, plan.weights[step - 1] ?? 0);
      position.liveMs ??= fx.now();
      await shiftTo(course, weight, step);
    });
    await hold(course, `held at ${weight}`, { weight, durationMs: null });
  }
  await webhooks(course, 'AfterShift', plan.weights.at(-1) ?? 0);
}

async function shiftTo({ target, position, fx }: Course, canary: number, step: number): Promise<void> {
  delete position.ledMs;
  const verified = await fx.act.setWeights(target, canary);
  // A bound says nothing of clients that stay where they are until nothing names that side any more.
  if ((canary === 0 || canary === 100) && verified.verifiedBy === 'proxies') position.ledMs = fx.now();
  fx.record({ type: 'WeightShifted', step, weights: { canary, stable: 100 - canary }, ...verified });
}

/** For how long the side that everything is led to has had it, so that what is under way elsewhere gets no time twice. */
const ledFor = ({ position: { ledMs }, fx }: Course): number | undefined =>
  ledMs === undefined ? undefined : fx.now() - ledMs;

/** With all traffic on the canary the workload itself is rolled out; it serves no request until all of it is ready. */
async function migrateBehindCanary(course: Course): Promise<void> {
  const { plan, target, position, fx, at, clear } = course;
  const { act } = fx;
  await webhooks(course, 'BeforeMigrate', 100);
  await at('may migrate', () => clear('Migrate', target.workload, 100));
  registerUndo(position, { step: 'workload', args: {} });
  await at('migrate', async () => {
    fx.record({ type: 'WorkloadMigrationStarted' });
    const pods = await fx.attempt(async () => {
      const seen = await act.migrateWorkload(target, fx.now(), ledFor(course));
      // Of histories in which nothing was looked at there is no answer.
      if (seen) fx.record({ type: 'StableSideSeen', ...seen });
      return act.awaitWorkload(target, plan.readinessTimeoutMs);
    });
    fx.record({ type: 'WorkloadMigrated', pods });
  });

  registerUndo(position, { step: 'traffic', args: { canary: 100 } });
  for (const [index, weight] of RETURN_WEIGHTS.entries()) {
    position.returnedMs ??= fx.now();
    await at(`return to ${weight}`, () => shiftTo(course, weight, plan.weights.length + index));
    // The answers of the migrated workload since requests began to return are the last thing that can undo it.
    const judged = weight === 0 ? { workloadSinceMs: position.returnedMs } : {};
    await hold(course, `returned to ${weight}`, { weight, durationMs: 0, ...judged });
  }
  await webhooks(course, 'AfterMigrate', 0);
  await at('traffic returned', () => {
    fx.record({ type: 'TrafficReturned' });
    return Promise.resolve();
  });
}

/** The way back to the migrated workload: it runs what the canary ran, so two steps are enough to warm it. */
const RETURN_WEIGHTS = [50, 0];
