import type { Phase, PlanRef } from '@scc/plan';
import type { MigrationLife, Migrations } from './migrations.js';

/** What the watcher looks at of a plan. */
export interface SeenPlan {
  ref: PlanRef;
  generation: number;
  observedGeneration: number | null;
  phase: Phase | null;
  deletionRequested: boolean;
  held: boolean;
}

export interface WatcherDeps {
  /** The plan as the API server has it now, not as a cache remembers it. */
  read: (key: string) => Promise<SeenPlan | undefined>;
  migrations: Migrations;
}

export type Outcome = 'none' | 'started' | 'running' | 'cancelled' | 'undone';

const isOver = (phase: Phase | null): boolean =>
  phase === 'Completed' || phase === 'RolledBack' || phase === 'Rejected';

/** Whether a look at the plan could lead to anything. */
export const needsWork = ({ deletionRequested, held, phase }: SeenPlan): boolean =>
  deletionRequested ? held : !isOver(phase);

/**
 * Brings one plan and its workflow together. Add, change, deletion, relist and restart all take this path, and taking
 * it twice changes nothing.
 */
export async function reconcile(key: string, deps: WatcherDeps): Promise<Outcome> {
  const plan = await deps.read(key);
  if (!plan || !needsWork(plan)) return 'none';
  if (plan.deletionRequested) return stop(plan, deps);
  const life = await deps.migrations.start(plan.ref);
  if (life === 'Lost') return undoIfStillLost(key, deps);
  const edited = plan.observedGeneration !== null && plan.generation > plan.observedGeneration;
  if (life === 'Running' && edited) await deps.migrations.planChanged(plan.ref, plan.generation);
  return plan.phase === null ? 'started' : 'running';
}

/** The finalizer holds a deleted plan until its migration is undone, by its own workflow or in its place. */
async function stop({ ref }: SeenPlan, { migrations }: WatcherDeps): Promise<Outcome> {
  const life: MigrationLife = await migrations.life(ref);
  if (life === 'Running') {
    await migrations.cancel(ref);
    return 'cancelled';
  }
  await migrations.undo(ref);
  return 'undone';
}

/** The plan is read once more: its workflow may have ended well after it was first read. */
async function undoIfStillLost(key: string, { read, migrations }: WatcherDeps): Promise<Outcome> {
  const plan = await read(key);
  if (!plan || isOver(plan.phase)) return 'none';
  await migrations.undo(plan.ref);
  return 'undone';
}
