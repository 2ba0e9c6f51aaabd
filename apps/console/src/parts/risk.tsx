import { ask } from '../data/api.js';
import type { ListedEvent, ShownMigration } from '../data/types.js';
import { useLoad } from '../data/use-load.js';
import { RiskLabel } from './labels.js';
import { Empty, Shown } from './states.js';

interface Assessment {
  changeRisk: number;
  interval: [number, number];
  exposure: number;
  factors: { factor: string; contribution: number; words: string }[];
  unknown: string[];
  cheapestChange: string | null;
}

const percent = (share: number): string => `${Math.round(share * 100)}\u00a0%`;

function Factors({ id }: { id: string }) {
  const loaded = useLoad(
    (signal) => ask<Assessment>(`/v1/risk/assessments/${encodeURIComponent(id)}`, { signal }),
    [id],
  );
  return (
    <Shown loaded={loaded} what="the assessment">
      {({ changeRisk, interval, exposure, factors, unknown, cheapestChange }) => (
        <>
          <p>
            The change fails in {percent(changeRisk)} of such cases (between {percent(interval[0])} and{' '}
            {percent(interval[1])}); {percent(exposure)} exposure.
          </p>
          <ul className="scc-list">
            {factors
              .toSorted((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution))
              .map(({ factor, words }) => (
                <li key={factor}>{words}</li>
              ))}
          </ul>
          {unknown.length > 0 ? <p>Not known: {unknown.join(', ')}.</p> : null}
          {cheapestChange === null ? null : <p>The cheapest way to lower it: {cheapestChange}</p>}
        </>
      )}
    </Shown>
  );
}

/** The risk of a migration with its factors in words. */
export function Risk({ migration, events }: { migration: ShownMigration; events: ListedEvent[] }) {
  const scored = events.findLast(({ event }) => event['type'] === 'RiskScored');
  const id = scored?.event['assessmentId'];
  if (typeof id !== 'string')
    return <Empty title="Not assessed yet">The risk appears here when governance has evaluated the plan.</Empty>;
  return (
    <div className="scc-stack">
      <div>
        <RiskLabel risk={migration.risk} />
      </div>
      <Factors id={id} />
    </div>
  );
}
