import { hasTouched, isTerminal, type PlanRef } from '@scc/plan';
import type { Migrations } from './migrations.js';
import type { SeenPlan } from './seen-plan.js';

export interface WatcherDeps {
  /** The plan as the API server has it now, not as a cache remembers it. */
  read: (key: string) => Promise<SeenPlan | undefined>;
  migrations: Migrations;
}

export type ReconcileOutcome = 'none' | 'started' | 'running' | 'cancelled' | 'undone' | 'settled';

export const keyOfPlan = ({ namespace, name }: Pick<PlanRef, 'namespace' | 'name'>): string => `${namespace}/${name}`;

/** Whether a look at the plan could lead to anything. */
export const needsWork = ({ deletionRequested, held, phase }: SeenPlan): boolean =>
  !isTerminal(phase) || (deletionRequested && held);

/** The plan was changed after the workflow last read it. */
export const isEdited = ({ generation, observedGeneration }: SeenPlan): boolean =>
  observedGeneration !== null && generation > observedGeneration;

/**
 * Starts the workflow of a plan that the watch has just brought and that nothing was done about yet, without asking
 * whether it has one: the workflow reads the plan itself, and starting it twice is the same as once.
 * @returns false where the plan has to be reconciled
 */
export async function startIfNew(plan: SeenPlan, migrations: Pick<Migrations, 'start'>): Promise<boolean> {
  const isNew = plan.phase === null && !plan.held && !plan.deletionRequested;
  return isNew && migrations.start(plan.ref, plan.campaign);
}

/**
 * Brings one plan and its workflow together. Add, change, deletion, relist and restart all take this path, and taking
 * it twice changes nothing.
 */
export async function reconcile(key: string, deps: WatcherDeps): Promise<ReconcileOutcome> {
  const plan = await deps.read(key);
  if (!plan) return stopStrays(key, deps);
  if (!needsWork(plan)) return 'none';
  if (plan.deletionRequested) return stop(key, plan, deps);
  switch (await deps.migrations.life(plan.ref)) {
    case 'Running':
      if (isEdited(plan)) await deps.migrations.planChanged(plan.ref, plan.generation);
      return 'running';
    case 'NeverStarted':
      // Temporal has forgotten a migration that has changed the cluster: to begin again would take that for the user's work.
      // Where the status shows less than was done, the workflow finds that in governance's record before it touches anything.
      if (hasTouched(plan.phase)) return undoIfStillLost(key, plan.ref, deps);
      await deps.migrations.start(plan.ref, plan.campaign);
      return 'started';
    case 'Lost':
      return undoIfStillLost(key, plan.ref, deps);
    case 'Finished':
      return settleIfStale(key, plan.ref, deps);
  }
}

/** The finalizer holds a deleted plan until its migration is undone, by its own workflow or in its place. */
async function stop(key: string, { ref }: SeenPlan, deps: WatcherDeps): Promise<ReconcileOutcome> {
  const { migrations } = deps;
  if ((await migrations.life(ref)) === 'Running') {
    await migrations.cancel(ref);
    return 'cancelled';
  }
  // Ended: it takes the finalizer away before it ends, so what was read first may be from before that.
  const plan = await deps.read(key);
  if (plan?.ref.uid !== ref.uid || !plan.held) return 'none';
  // Of a migration that governance knows to be over this undoes nothing: it only takes the finalizer away.
  await migrations.undo(ref);
  return 'undone';
}

/** The plan is read once more: its workflow may have ended well after it was first read. */
async function undoIfStillLost(
  key: string,
  ref: PlanRef,
  { read, migrations }: WatcherDeps,
): Promise<ReconcileOutcome> {
  const plan = await read(key);
  if (plan?.ref.uid !== ref.uid || isTerminal(plan.phase)) return 'none';
  await migrations.undo(ref);
  return 'undone';
}

/** A workflow ends after its last status is written, so a plan that still shows another phase was overwritten since. */
async function settleIfStale(key: string, ref: PlanRef, { read, migrations }: WatcherDeps): Promise<ReconcileOutcome> {
  const plan = await read(key);
  if (plan?.ref.uid !== ref.uid || isTerminal(plan.phase)) return 'none';
  await migrations.settle(ref);
  return 'settled';
}

async function stopStrays(key: string, deps: WatcherDeps): Promise<ReconcileOutcome> {
  const [namespace = '', name = ''] = key.split('/');
  const strays = await cancelStrays(await deps.migrations.running({ namespace, name }), deps);
  return strays.length > 0 ? 'cancelled' : 'none';
}

/**
 * Cancels workflows whose plan is gone or was recreated under its name, as happens when a user takes the finalizer
 * away. Their undo does not need the plan.
 */
export async function cancelStrays(running: PlanRef[], { read, migrations }: WatcherDeps): Promise<PlanRef[]> {
  const strays: PlanRef[] = [];
  for (const ref of running) {
    const plan = await read(keyOfPlan(ref));
    if (plan?.ref.uid === ref.uid) continue;
    await migrations.cancel(ref);
    strays.push(ref);
  }
  return strays;
}
