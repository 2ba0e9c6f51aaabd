import type { ClusterCache } from '../cache/cluster.js';
import type { Budget } from '../review/budget.js';
import type { ReviewOutcome } from '../review/outcome.js';
import type { ReviewRequest } from '../review/review.js';

/** One webhook of a configuration: a path and what it decides. */
export interface Hook {
  readonly path: string;
  /** The answer to the request when the hook cannot decide; as the failurePolicy of its manifest says. */
  readonly whenUndecided: 'allow' | 'deny';
  /** Instead of the configured budget, in milliseconds. */
  readonly budgetMs?: number;
  decide(request: ReviewRequest, budget: Budget): ReviewOutcome | Promise<ReviewOutcome>;
}

/** Subjects that alone may be granted an SCC: names of users, ServiceAccounts (`system:serviceaccount:…`) or groups. */
export type GuardedSCCs = ReadonlyMap<string, ReadonlySet<string>>;

/** The settings that decisions depend on. */
export interface HookConfig {
  readonly mode: 'kubernetes' | 'openshift';
  /** The effect on a workload whose pods no SCC admits, unless its namespace is labelled otherwise. */
  readonly workloads: 'warn' | 'deny';
  /** Whether exec and attach are checked. */
  readonly checkExec: boolean;
  readonly guarded: GuardedSCCs;
  /** The user name of the engine's ServiceAccount: it alone makes plans for campaigns, and no others. */
  readonly engine: string;
}

export interface HookContext {
  readonly cache: ClusterCache;
  readonly config: HookConfig;
}

/** A caller that does not read warnings. */
export const isMachine = (username: string): boolean => username.startsWith('system:');
