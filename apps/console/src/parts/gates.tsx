import { Label } from '@patternfly/react-core';
import { isDivided } from '@scc/plan/words';
import { lastOfEach } from '../data/bounds.js';
import type { ShownMigration } from '../data/types.js';
import { Empty } from './states.js';
import { WideTable } from './table.js';
import { Time } from './time.js';

const COLOURS: Partial<Record<string, 'green' | 'red' | 'orange'>> = { pass: 'green', fail: 'red', noData: 'orange' };

/** The last sample of each gate with its bound, which the detail names. */
export function Gates({ migration: { gates, strategy } }: { migration: ShownMigration }) {
  const hasWeights = isDivided(strategy ?? undefined);
  const last = lastOfEach(gates);
  if (last.length === 0)
    return (
      <Empty title="No gate was asked yet">
        Gates are asked {hasWeights ? 'at each weight' : 'as the workload changes'}; their values appear here then.
      </Empty>
    );
  return (
    <WideTable isInCard label="Last samples of the gates" columns={['Gate', 'Last value', 'Against its bound', 'When']}>
      {last.map(({ gate, verdict, value, detail, weight, at }) => (
        <tr key={gate}>
          <td>
            {gate}{' '}
            <Label isCompact color={COLOURS[verdict] ?? 'grey'}>
              {verdict === 'noData' ? 'no data' : verdict}
            </Label>
          </td>
          <td>{value === null ? 'none' : Math.round(value * 1000) / 1000}</td>
          <td className="scc-text">
            {detail}
            {hasWeights ? ` (at ${weight} %)` : ''}
          </td>
          <td>
            <Time at={at} />
          </td>
        </tr>
      ))}
    </WideTable>
  );
}
