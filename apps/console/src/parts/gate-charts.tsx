import { rangeOf } from '../data/chart.js';
import type { ApprovalView, ShownMigration } from '../data/types.js';
import { LineChart } from './line-chart.js';

type Metric = ApprovalView['gates']['metrics'][number];

const boundsOf = (metric: Metric | undefined): { text: string; value: number }[] => [
  ...(metric?.min === undefined ? [] : [{ text: `at least ${metric.min}`, value: metric.min }]),
  ...(metric?.max === undefined ? [] : [{ text: `at most ${metric.max}`, value: metric.max }]),
];

/** The samples of each gate over time, with the bounds of the plan where they are known. */
export function GateCharts({ migration, metrics }: { migration: ShownMigration; metrics: readonly Metric[] }) {
  const { gates, startedAt, finishedAt, updatedAt } = migration;
  const names = [...new Set(gates.flatMap(({ gate, value }) => (value === null ? [] : [gate])))];
  const time = { from: Date.parse(startedAt), to: Date.parse(finishedAt ?? updatedAt) };
  return (
    <>
      {names.map((name) => {
        const dots = gates.flatMap(({ gate, value, at }) =>
          gate === name && value !== null ? [{ at: Date.parse(at), value }] : [],
        );
        const bounds = boundsOf(metrics.find((metric) => metric.name === name));
        const values = rangeOf([...dots, ...bounds].map(({ value }) => value));
        const known = bounds.map(({ text }) => text).join(', ') || 'its bounds are not known here';
        return (
          <div key={name}>
            <h3>{name}</h3>
            <LineChart
              label={`Samples of the gate ${name} over time (${known}); the table has the last of them, the events have all`}
              {...{ lines: [{ name, dots }], bounds, time, values }}
            />
          </div>
        );
      })}
    </>
  );
}
