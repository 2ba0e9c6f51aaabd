import type { CommandName, Step } from './commands.js';
import { ownValue } from './records.js';

/** The steps of an undo, by what each of them takes back. */
export type UndoStep =
  'verification' | 'targetGrant' | 'canary' | 'trial' | 'routes' | 'traffic' | 'workload' | 'owners' | 'sourceGrant';

interface UndoWords {
  /** What is taken back. */
  what: string;
  doing: string;
  done: string;
}

const UNDO: Record<UndoStep, UndoWords> = {
  verification: {
    what: 'the comparison with the state before',
    doing: 'comparing with the state before',
    done: 'compared with the state before',
  },
  targetGrant: {
    what: 'the grant of the target SCC',
    doing: 'withdrawing the grant of the target SCC',
    done: 'withdrew the grant of the target SCC',
  },
  canary: { what: 'the canary', doing: 'removing the canary', done: 'removed the canary' },
  trial: { what: 'the trial run', doing: 'removing the trial run', done: 'removed the trial run' },
  routes: {
    what: 'the routes',
    doing: 'returning the requests to the workload',
    done: 'returned the requests to the workload and restored its routes',
  },
  traffic: {
    what: 'the weights',
    doing: 'sending the requests to the canary',
    done: 'sent the requests to the canary, if it could serve them',
  },
  workload: { what: 'the workload', doing: 'restoring the workload', done: 'restored the workload' },
  owners: {
    what: 'the owners of the data',
    doing: 'giving the data back to its former user',
    done: 'gave the data back to its former user',
  },
  sourceGrant: { what: 'the source grant', doing: 'restoring the source grant', done: 'restored the source grant' },
};

/** The words for a step of an undo; one of another version is told by its name. */
export const undoWords = (step: string): UndoWords =>
  (ownValue(UNDO, step) as UndoWords | undefined) ?? { what: step, doing: `undoing ${step}`, done: `undid ${step}` };

const STEP: Record<Step, string> = {
  Prepare: 'the preparation',
  Mirror: 'the mirroring of requests',
  Shift: 'a shift of requests',
  Migrate: 'the change of the workload',
  Finish: 'the end of the migration',
  Undo: 'the undo',
};

/** A step that governance must allow, in words. */
export const stepWords = (step: Step): string => STEP[step];

const DID: Record<CommandName, string> = {
  pause: 'paused the migration',
  resume: 'resumed the migration',
  skip: 'skipped the hold or gate at which the migration waited',
  abort: 'aborted the migration',
  rollback: 'asked for a rollback',
  release: 'released the rollback, so that what fails is left as it is',
};

/** Who gave a command, and why. */
export function commandSentence({
  command,
  actor,
  reason,
}: {
  command: string;
  actor: string | null;
  reason: string | null;
}): string {
  const did = (ownValue(DID, command) as string | undefined) ?? `gave the command ${command}`;
  return `${actor ?? 'an unknown sender'} ${did}${reason === null ? '' : `: ${reason}`}`;
}
