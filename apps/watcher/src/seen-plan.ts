import type { Phase, PlanRef } from '@scc/plan';

/** The part of a plan that the watcher looks at. */
export interface SeenPlan {
  ref: PlanRef;
  /** The campaign that it was made for, by its name; null for a plan of its own. */
  campaign: string | null;
  generation: number;
  observedGeneration: number | null;
  phase: Phase | null;
  deletionRequested: boolean;
  /** Our finalizer holds it. */
  held: boolean;
  /** Until when its workload is looked after once it is `Completed`, in milliseconds since the epoch; null where it is not. */
  lookedAfterUntilMs: number | null;
}
