import { hasTouched, isTerminal, type Phase } from './phases.js';
import { isDivided, type Strategy } from './strategies.js';

interface Share {
  phase: Phase | null | undefined;
  /** The share of the canary, in percent. */
  weight: number | undefined;
  /** How the workload is moved; null or undefined while that is not known. */
  strategy: Strategy | null | undefined;
}

/** The share of the canary for a narrow column; a dash where there is none. */
export const shareText = ({ phase, weight, strategy }: Share): string =>
  weight === undefined || !hasTouched(phase) || !isDivided(strategy ?? undefined) ? '-' : `${weight} %`;

/** Where the requests of a workload go, in words, where no share of a canary tells it; null while one does. */
export function requestsWords({ phase, weight, strategy, isDryRun }: Share & { isDryRun: boolean }): string | null {
  if (isTerminal(phase)) {
    if (isDryRun) return 'untouched (dry run)';
    if (phase === 'Rejected') return 'untouched';
    return phase === 'Completed' ? 'all at the migrated workload' : 'all at the workload, as before';
  }
  if (!hasTouched(phase)) return 'all at the workload';
  if (strategy === 'NextRun') return 'not divided: its template changes';
  if (!isDivided(strategy ?? undefined)) return 'not divided: its own pods change';
  // The workload is rolled out while the canary has all requests; it has none once they are back.
  return phase === 'Migrating' && weight === 0 ? 'all at the migrated workload' : null;
}
