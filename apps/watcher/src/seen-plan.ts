import type { Phase, PlanRef } from '@scc/plan';

/** The part of a plan that the watcher looks at. */
export interface SeenPlan {
  ref: PlanRef;
  generation: number;
  observedGeneration: number | null;
  phase: Phase | null;
  deletionRequested: boolean;
  /** Our finalizer holds it. */
  held: boolean;
  /** Until when its workload is looked after once it is `Completed`, in milliseconds since the epoch; null where it is not. */
  lookedAfterUntilMs: number | null;
}
