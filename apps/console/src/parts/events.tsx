import { sentenceOf } from '@scc/plan/words';
import { hrefOf } from '../data/route.js';
import type { ListedEvent } from '../data/types.js';
import { Empty } from './states.js';
import { WideTable } from './table.js';
import { Time } from './time.js';

/** The sentence of an event; one of a later version is told by its type. */
function words({ event }: ListedEvent): string {
  try {
    return sentenceOf(event as Parameters<typeof sentenceOf>[0]);
  } catch {
    return String(event['type']);
  }
}

export function Events({ events, mayAudit }: { events: ListedEvent[]; mayAudit: boolean }) {
  if (events.length === 0)
    return <Empty title="Nothing has happened yet">Events appear here as they are recorded.</Empty>;
  return (
    <WideTable isInCard label="Events of the migration" columns={['When', 'Phase', 'What happened', 'Record']}>
      {events.toReversed().map((one) => (
        <tr key={`${one.runId} ${one.sequence}`}>
          <td>
            <Time at={one.at} />
          </td>
          <td>{one.phase}</td>
          <td className="scc-text">{words(one)}</td>
          <td>{mayAudit ? <a href={hrefOf(['audit', one.entryId])}>audit entry</a> : one.entryId.slice(-6)}</td>
        </tr>
      ))}
    </WideTable>
  );
}
