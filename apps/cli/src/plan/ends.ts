import { isTerminal, type Phase } from '@scc/plan';
import { EXIT } from '../exit.js';

/**
 * The exit code of a command that follows a migration, as soon as the phase decides it; null while it may still
 * complete. `Failed` decides it as well: the undo goes on without end, and a migration that is undone cannot complete.
 */
export function exitOf(phase: Phase | null | undefined): number | null {
  if (isTerminal(phase)) return phase === 'Completed' ? EXIT.ok : EXIT.failed;
  return phase === 'Failed' ? EXIT.failed : null;
}
