import { Label } from '@patternfly/react-core';
import { requestsWords, waitWords } from '@scc/plan/words';
import type { ListedMigration } from '../data/types.js';

type Colour = 'blue' | 'green' | 'orange' | 'red' | 'grey' | 'purple' | 'teal';

/** The names of phases are those of the plan's status; an unknown one of a later version is grey. */
const PHASE_COLOURS: Partial<Record<string, Colour>> = {
  Completed: 'green',
  RolledBack: 'orange',
  RollingBack: 'orange',
  Rejected: 'grey',
  Failed: 'red',
};

export const PhaseLabel = ({ phase }: { phase: string }) => (
  <Label color={PHASE_COLOURS[phase] ?? 'blue'} isCompact>
    {phase}
  </Label>
);

const BANDS: Partial<Record<string, Colour>> = { low: 'green', medium: 'orange', high: 'red', critical: 'red' };

export const RiskLabel = ({ risk }: { risk: Pick<NonNullable<ListedMigration['risk']>, 'band'> | null }) =>
  risk ? (
    <Label color={BANDS[risk.band] ?? 'grey'} variant="outline" isCompact>
      {risk.band} risk
    </Label>
  ) : (
    <span>not assessed</span>
  );

/** From which SCC to which. */
export const Way = ({ from, to }: { from: string | null; to: string | null }) => (
  <span>
    {from ?? 'unknown'} <span aria-label="to">→</span> {to ?? 'unknown'}
  </span>
);

/** The share of requests that the canary has, as a bar with its number. */
export const WeightBar = ({ weight }: { weight: number }) => (
  <span className="scc-weight">
    <progress max={100} value={weight} aria-label="requests that go to the canary" /> {weight} %
  </span>
);

/** What a migration waits for, or what holds it; nothing while it goes on by itself. */
export function Wait({ of: { waitingFor } }: { of: Pick<ListedMigration, 'waitingFor'> }) {
  if (waitingFor === null) return null;
  const { label, what } = waitWords(waitingFor);
  return (
    <span>
      {label === 'held' ? 'Held' : 'Waits for'}: {what}
    </span>
  );
}

/** The phase of a migration, and below it what it waits for. */
export const Standing = ({ of }: { of: Pick<ListedMigration, 'phase' | 'waitingFor'> }) => (
  <>
    <PhaseLabel phase={of.phase} />
    {of.waitingFor === null ? null : (
      <div>
        <Wait of={of} />
      </div>
    )}
  </>
);

type Moved = Pick<ListedMigration, 'phase' | 'outcome' | 'weight' | 'strategy'>;

/** Where the requests of a workload go: the canary's share as a bar while they are divided, words otherwise. */
export function Requests({ of: { outcome, ...share } }: { of: Moved }) {
  const words = requestsWords({ ...share, isDryRun: outcome === 'dryRun' });
  return words === null ? <WeightBar weight={share.weight} /> : <span>{words}</span>;
}
