import type { ListedEvent, ShownMigration } from '../data/types.js';
import { phaseLine } from '../data/phases.js';
import { Duration, Time } from './time.js';

/** The way of a migration, phase by phase, with its times. */
export const PhaseLine = ({ migration, events }: { migration: ShownMigration; events: ListedEvent[] }) => (
  <ol className="scc-line" aria-label="Phases">
    {phaseLine(events, migration.phase).map(({ phase, state, from, to }, index) => (
      <li key={`${phase} ${index}`} data-state={state} aria-current={state === 'now' ? 'step' : undefined}>
        <strong>{phase}</strong>
        {from === null ? (
          <div>ahead</div>
        ) : (
          <>
            <div>
              <Time at={from} />
            </div>
            {to === null ? null : <Duration from={from} to={to} />}
          </>
        )}
      </li>
    ))}
  </ol>
);
