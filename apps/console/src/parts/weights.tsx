import { isDivided, strategyWords } from '@scc/plan/words';
import { sharesOf, timeOf } from '../data/figures.js';
import type { ListedEvent, ShownMigration } from '../data/types.js';
import { WeightBar } from './labels.js';
import { LineChart } from './line-chart.js';
import { Empty } from './states.js';
import { WideTable } from './table.js';
import { Time } from './time.js';

const VERIFIED: Partial<Record<string, string>> = {
  proxies: 'seen in the proxies',
  bound: 'written, not seen in the proxies',
};

/** The share of requests that the canary had over time, as a chart and as a table. */
export function Weights({ migration, events }: { migration: ShownMigration; events: readonly ListedEvent[] }) {
  const { weights, strategy } = migration;
  if (strategy !== null && !isDivided(strategy))
    return (
      <Empty title="No canary takes requests over">This plan moves its workload by {strategyWords(strategy)}.</Empty>
    );
  if (weights.length === 0)
    return <Empty title="No request was moved yet">The share of the canary appears here with the first step.</Empty>;
  return (
    <div className="scc-stack">
      <LineChart
        label="Share of requests that the canary had over time; the table below has the numbers"
        lines={[]}
        marksSteps
        time={timeOf(migration, events)}
        values={{ from: 0, to: 100 }}
        weights={sharesOf(weights, events)}
      />
      <WideTable isInCard label="Weights of the canary" columns={['When', 'Canary', 'How it is known']}>
        {weights.map(({ canary, verifiedBy, at }) => (
          <tr key={at}>
            <td>
              <Time at={at} />
            </td>
            <td>
              <WeightBar weight={canary} />
            </td>
            <td>{VERIFIED[verifiedBy] ?? verifiedBy}</td>
          </tr>
        ))}
      </WideTable>
    </div>
  );
}
