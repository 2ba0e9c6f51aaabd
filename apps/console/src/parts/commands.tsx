import { Alert, Button, TextInput } from '@patternfly/react-core';
import { isTerminal } from '@scc/plan/words';
import { useState } from 'react';
import { ask, type ApiProblem } from '../data/api.js';
import { lackOf } from '../data/rights.js';
import { useMe } from '../data/session.js';
import type { ShownMigration } from '../data/types.js';
import { problemOf } from '../data/use-load.js';
import { Problem } from './states.js';

const COMMANDS = [
  { name: 'pause', title: 'Pause', variant: 'secondary', words: 'Holds the migration where it is.' },
  { name: 'resume', title: 'Resume', variant: 'secondary', words: 'Lets it go on under its gates.' },
  { name: 'rollback', title: 'Roll back', variant: 'danger', words: 'Undoes everything and gives the workload back.' },
] as const;
type Command = (typeof COMMANDS)[number];

interface Outcome {
  applied: boolean;
  reason: string;
}

/** The commands of an operator to a running migration; a command asks once more before it is sent. */
export function Commands({ migration, reload }: { migration: ShownMigration; reload: () => void }) {
  const me = useMe();
  const [asked, setAsked] = useState<Command | null>(null);
  const [reason, setReason] = useState('');
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const why = isTerminal(migration.phase)
    ? 'The migration is over.'
    : lackOf(me, 'commands:grant', migration.namespace);
  const send = ({ name }: Command): void => {
    setProblem(null);
    setOutcome(null);
    setAsked(null);
    const body = { command: name, reason: reason.trim() === '' ? null : reason.trim() };
    ask<Outcome>(`/v1/migrations/${encodeURIComponent(migration.uid)}/operator-commands`, { method: 'POST', body })
      .then(setOutcome, (error: unknown) => setProblem(problemOf(error)))
      .finally(reload);
  };
  return (
    <div className="scc-stack">
      <div className="scc-row">
        {COMMANDS.map((command) => (
          <Button
            key={command.name}
            variant={command.variant}
            isDisabled={why !== null}
            title={why ?? command.words}
            onClick={() => setAsked(command)}
          >
            {command.title}
          </Button>
        ))}
        {why === null ? null : <span>{why}</span>}
      </div>
      {asked ? (
        <Alert variant="warning" isInline title={`${asked.title}: ${asked.words}`}>
          <div className="scc-stack">
            <TextInput
              aria-label="Reason of the command"
              placeholder="Reason (kept in the audit log)"
              value={reason}
              onChange={(_event, value) => setReason(value)}
            />
            <div className="scc-row">
              <Button variant={asked.variant} onClick={() => send(asked)}>
                Yes, {asked.title.toLowerCase()}
              </Button>
              <Button variant="link" onClick={() => setAsked(null)}>
                No, leave it
              </Button>
            </div>
          </div>
        </Alert>
      ) : null}
      {outcome ? (
        <Alert
          variant={outcome.applied ? 'success' : 'warning'}
          isInline
          title={outcome.applied ? 'The migration took the command' : 'The migration did not take the command'}
        >
          <p className="scc-text">{outcome.reason}</p>
        </Alert>
      ) : null}
      {problem ? <Problem problem={problem} /> : null}
    </div>
  );
}
