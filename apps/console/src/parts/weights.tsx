import { stepPath } from '../data/bounds.js';
import type { ShownMigration } from '../data/types.js';
import { WeightBar } from './labels.js';
import { Empty } from './states.js';
import { Table } from './table.js';
import { Time } from './time.js';

const BOX = { width: 600, height: 120 };
const LINES = [0, 50, 100];

/** The share of requests that the canary had over time, as a chart and as a table. */
export function Weights({ migration }: { migration: ShownMigration }) {
  const { weights, startedAt, finishedAt } = migration;
  if (weights.length === 0)
    return <Empty title="No request was moved yet">The share of the canary appears here with the first step.</Empty>;
  const span = { from: Date.parse(startedAt), to: Date.parse(finishedAt ?? new Date().toISOString()), ...BOX };
  return (
    <div className="scc-stack">
      <svg
        className="scc-chart"
        viewBox={`-40 -10 ${BOX.width + 50} ${BOX.height + 20}`}
        role="img"
        aria-label="Share of requests that the canary had over time; the table below has the numbers"
      >
        {LINES.map((line) => (
          <g key={line}>
            <line
              className="grid"
              x1={0}
              x2={BOX.width}
              y1={BOX.height * (1 - line / 100)}
              y2={BOX.height * (1 - line / 100)}
            />
            <text x={-6} y={BOX.height * (1 - line / 100) + 4} textAnchor="end">
              {line} %
            </text>
          </g>
        ))}
        <path className="curve" d={stepPath(weights, span)} />
      </svg>
      <Table columns={['When', 'Canary', 'Verified by']}>
        {weights.map(({ canary, verifiedBy, at }) => (
          <tr key={at}>
            <td>
              <Time at={at} />
            </td>
            <td>
              <WeightBar weight={canary} />
            </td>
            <td>{verifiedBy}</td>
          </tr>
        ))}
      </Table>
    </div>
  );
}
