import type { AdmissionConfig } from '../settings.js';
import type { ClusterMemory } from '../memory/cluster.js';
import type { Answer, ReviewRequest } from '../http/review.js';
import type { PodHint } from '../contract.js';

/** What a decision would have to rest on is not known in time. */
export interface Undecided {
  readonly undecided: string;
}

/** The time that one answer may take. */
export interface Budget {
  /** Milliseconds. */
  left(): number;
}

/** An answer, and what tracking should learn from it. */
export type HintedAnswer = Answer & { readonly hint?: PodHint };

export type Outcome = HintedAnswer | Undecided;

/** One webhook of a configuration: a path and what it decides. */
export interface Hook {
  readonly path: string;
  /** What happens to the request when the hook can not decide; as the failurePolicy of its manifest says. */
  readonly whenUndecided: 'allow' | 'deny';
  /** Instead of the configured budget, in milliseconds. */
  readonly budgetMs?: number;
  decide(request: ReviewRequest, budget: Budget): Outcome | Promise<Outcome>;
}

export interface HookContext {
  readonly memory: ClusterMemory;
  readonly config: Pick<AdmissionConfig, 'mode' | 'workloads' | 'checkExec' | 'guarded'>;
}

/** Resolves with the promise, or after the budget; never rejects for want of time. */
export async function within(promise: Promise<unknown>, budget: Budget): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, budget.left()));
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}

/** By whom something is asked that nobody reads warnings of. */
export const isMachine = (username: string): boolean => username.startsWith('system:');
