import { isTerminal, type Phase } from './phases.js';

interface Standing {
  phase: Phase | null | undefined;
  /** The share of the canary, in percent. */
  weight: number | undefined;
  isDryRun: boolean;
  /** Whether requests are divided between the workload and a canary at all. */
  isDivided: boolean;
}

/** The share of the canary for a narrow column; a dash where there is none. */
export const shareText = (phase: Phase | null | undefined, weight: number | undefined): string =>
  weight === undefined || isTerminal(phase) ? '-' : `${weight} %`;

/** Where the requests of a workload go, in words, where no share of a canary tells it; null while one does. */
export function requestsWords({ phase, weight, isDryRun, isDivided }: Standing): string | null {
  if (!isTerminal(phase) && !isDivided) return 'not divided: its own pods change';
  // The workload is rolled out while the canary has all requests; it has none once they are back.
  if (phase === 'Migrating' && weight === 0) return 'all at the migrated workload';
  if (!isTerminal(phase)) return null;
  if (isDryRun) return 'untouched (dry run)';
  if (phase === 'Rejected') return 'untouched';
  return phase === 'Completed' ? 'all at the migrated workload' : 'all at the workload, as before';
}
