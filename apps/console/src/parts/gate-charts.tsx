import { rangeOf } from '../data/chart.js';
import {
  boundsOf,
  boundsOfPreset,
  FIGURES,
  linesOfSides,
  type MetricOfPlan,
  ownCharts,
  sharesOf,
  timeOf,
} from '../data/figures.js';
import type { ListedEvent, ShownMigration } from '../data/types.js';
import { type Line, LineChart } from './line-chart.js';

interface Props {
  migration: ShownMigration;
  events: readonly ListedEvent[];
  /** The gates of the plan, where the user may see them. */
  metrics: readonly MetricOfPlan[];
}

interface ChartProps extends Omit<Props, 'metrics'> {
  title: string;
  lines: readonly Line[];
  bounds: readonly { text: string; value: number }[];
  of: string;
  /** No value is larger. */
  most?: number;
}

function Chart({ migration, events, title, lines, bounds, of, most }: ChartProps) {
  const values = rangeOf(
    [...lines.flatMap(({ dots }) => dots), ...bounds].map(({ value }) => value),
    most,
  );
  const known = bounds.map(({ text }) => text).join(', ') || 'without a bound that is known here';
  return (
    <div>
      <h3>{title}</h3>
      <LineChart
        label={`${of} over time (${known}), with the share of the canary behind; the events have all of the samples`}
        time={timeOf(migration, events)}
        weights={sharesOf(migration.weights, events)}
        {...{ lines, bounds, values }}
      />
    </div>
  );
}

/** What the callers of both sides met at each weight, and the samples of the other gates, with the bounds of the plan. */
export function GateCharts({ migration, events, metrics }: Props) {
  const { gates } = migration;
  const hasSides = gates.some(({ sides }) => sides !== null);
  return (
    <div className="scc-columns">
      {hasSides
        ? FIGURES.map(({ figure, title, most, preset }) => (
            <Chart
              key={figure}
              {...{ migration, events, title, most }}
              of={`${title} of both sides`}
              lines={linesOfSides(gates, figure)}
              bounds={boundsOfPreset(metrics, preset)}
            />
          ))
        : null}
      {ownCharts(gates, metrics).map((name) => {
        const dots = gates.flatMap(({ gate, value, at }) =>
          gate === name && value !== null ? [{ at: Date.parse(at), value }] : [],
        );
        const metric = metrics.find((one) => one.name === name);
        return (
          <Chart
            key={name}
            {...{ migration, events }}
            title={name}
            of={`Samples of the gate ${name}`}
            lines={[{ name, dots }]}
            bounds={metric ? boundsOf(metric) : []}
          />
        );
      })}
    </div>
  );
}
