import { Label, Title } from '@patternfly/react-core';
import { ask } from '../data/api.js';
import { useReloadOn } from '../data/live.js';
import { hrefOf, useRoute } from '../data/route.js';
import type { ListedApproval, PageOf } from '../data/types.js';
import { useLoad } from '../data/use-load.js';
import { Empty, Shown } from '../parts/states.js';
import { PageLink, PlanLink, WideTable } from '../parts/table.js';
import { Time } from '../parts/time.js';

const PER_PAGE = 50;

const Row = ({ one: { plan, needs, status, by, requestedAt, contentHash } }: { one: ListedApproval }) => (
  <tr>
    <td>
      <PlanLink plan={plan} />
      <div>by {plan.author ?? 'an unknown author'}</div>
    </td>
    <td>
      <Label isCompact color={status === 'pending' ? 'blue' : status === 'granted' ? 'green' : 'grey'}>
        {status}
      </Label>
      {by.length > 0 ? <div>by {by.join(', ')}</div> : null}
    </td>
    <td>{needs.map((need) => `${need.granted} of ${need.count} ${need.role}: ${need.reason}`).join('; ')}</td>
    <td>
      <Time at={requestedAt} />
      <div>
        <Time at={requestedAt} ago />
      </div>
    </td>
    <td>
      <code title={contentHash}>{contentHash.slice(0, 12)}…</code>
    </td>
  </tr>
);

export default function Approvals() {
  const { query } = useRoute();
  const isAll = query.get('all') !== null;
  const cursor = query.get('cursor') ?? undefined;
  const loaded = useLoad(
    (signal) =>
      ask<PageOf<ListedApproval>>('/v1/approvals', {
        query: { status: isAll ? undefined : 'pending', limit: PER_PAGE, cursor },
        signal,
      }),
    [isAll, cursor],
  );
  useReloadOn(loaded.reload, ({ action }) => action.startsWith('approval.'));
  const all = isAll ? 'yes' : undefined;
  return (
    <div className="scc-stack">
      <div className="scc-row">
        <Title headingLevel="h1">Approvals</Title>
        <a href={hrefOf(['approvals'], { all: isAll ? undefined : 'yes' })}>
          {isAll ? 'Only those that wait' : 'Also those that are over'}
        </a>
      </div>
      <p>Open a plan to read what is asked, word for word, and to decide there.</p>
      <Shown loaded={loaded} what="the approvals">
        {({ items, nextCursor }) => (
          <>
            {items.length === 0 ? (
              <Empty title="No plan waits for approval">A plan that needs one appears here by itself.</Empty>
            ) : (
              <WideTable label="Approvals" columns={['Plan', 'Status', 'Needs', 'Asked', 'Content']}>
                {items.map((one) => (
                  <Row key={one.id} one={one} />
                ))}
              </WideTable>
            )}
            {nextCursor === null ? null : (
              <PageLink href={hrefOf(['approvals'], { all, cursor: nextCursor })}>Older</PageLink>
            )}
          </>
        )}
      </Shown>
    </div>
  );
}
