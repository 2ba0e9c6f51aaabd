import { Button, Card, CardBody, CardTitle, Title } from '@patternfly/react-core';
import { causeWords } from '@scc/plan/words';
import { ask } from '../data/api.js';
import { useReloadOn } from '../data/live.js';
import { mayAnywhere } from '../data/rights.js';
import { hrefOf } from '../data/route.js';
import { useMe } from '../data/session.js';
import type { ListedApproval, ListedMigration, PageOf, SCCDrift } from '../data/types.js';
import { useLoad } from '../data/use-load.js';
import { FleetNow, FleetOverTime } from '../parts/fleet.js';
import { Requests, Standing, Way } from '../parts/labels.js';
import { Empty, Shown } from '../parts/states.js';
import { PlanLink, Table } from '../parts/table.js';
import { Time } from '../parts/time.js';

const SHOWN = 10;

/** The newest migrations of a state, however many others there are. */
function useMigrations(state: 'running' | 'undone') {
  const found = useLoad(
    (signal) => ask<PageOf<ListedMigration>>('/v1/migrations', { query: { state, limit: SHOWN }, signal }),
    [state],
  );
  useReloadOn(found.reload, () => true);
  return found;
}

const RunningRow = ({ one }: { one: ListedMigration }) => (
  <tr>
    <td>
      <PlanLink plan={one} />
      <div>
        <Way from={one.sourceSCC} to={one.targetSCC} />
      </div>
    </td>
    <td>
      <Standing of={one} />
      <Requests of={one} />
    </td>
  </tr>
);

function Running() {
  const running = useMigrations('running');
  return (
    <Card>
      <CardTitle component="h2">Running migrations</CardTitle>
      <CardBody>
        <Shown loaded={running} what="the running migrations">
          {({ items, nextCursor }) =>
            items.length === 0 ? (
              <Empty title="Nothing runs now">
                Write a plan, check it with <code>sccctl plan lint</code>, then apply it.
              </Empty>
            ) : (
              <>
                <Table columns={['Plan', 'Where it stands']}>
                  {items.map((one) => (
                    <RunningRow key={one.uid} one={one} />
                  ))}
                </Table>
                {nextCursor === null ? null : <p>These {SHOWN} began last. More run: see All migrations.</p>}
              </>
            )
          }
        </Shown>
      </CardBody>
    </Card>
  );
}

function Undone() {
  const undone = useMigrations('undone');
  return (
    <Card>
      <CardTitle component="h2">Last undos</CardTitle>
      <CardBody>
        <Shown loaded={undone} what="the undone migrations">
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="Nothing was undone">The causes of undone migrations will stand here.</Empty>
            ) : (
              <Table columns={['Plan', 'Cause', 'When']}>
                {items.map((one) => (
                  <tr key={one.uid}>
                    <td>
                      <PlanLink plan={one} />
                    </td>
                    <td>
                      {one.undoCause === null ? '' : causeWords(one.undoCause)}
                      <div className="scc-text">{one.message}</div>
                    </td>
                    <td>
                      <Time at={one.updatedAt} ago />
                    </td>
                  </tr>
                ))}
              </Table>
            )
          }
        </Shown>
      </CardBody>
    </Card>
  );
}

function Waiting() {
  const waiting = useLoad(
    (signal) => ask<PageOf<ListedApproval>>('/v1/approvals', { query: { status: 'pending', limit: SHOWN }, signal }),
    [],
  );
  useReloadOn(waiting.reload, ({ action }) => action.startsWith('approval.'));
  return (
    <Card>
      <CardTitle component="h2">Approvals that are waited for</CardTitle>
      <CardBody>
        <Shown loaded={waiting} what="the approvals">
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="No plan waits for approval">A plan that needs one appears here by itself.</Empty>
            ) : (
              <Table columns={['Plan', 'Needs', 'Waits since']}>
                {items.map(({ id, plan, needs, requestedAt }) => (
                  <tr key={id}>
                    <td>
                      <PlanLink plan={plan} />
                    </td>
                    <td>{needs.map((need) => `${need.granted} of ${need.count} ${need.role}`).join(', ')}</td>
                    <td>
                      <Time at={requestedAt} ago />
                    </td>
                  </tr>
                ))}
              </Table>
            )
          }
        </Shown>
      </CardBody>
    </Card>
  );
}

function Drift() {
  const drift = useLoad((signal) => ask<{ items: SCCDrift[] }>('/v1/scc-drift', { signal }), []);
  return (
    <Card>
      <CardTitle component="h2">SCCs that differ from OpenShift’s defaults</CardTitle>
      <CardBody>
        <Shown loaded={drift} what="the SCCs">
          {({ items }) => {
            const differing = items.filter(({ relation }) => !['equal', 'custom'].includes(relation));
            if (differing.length === 0)
              return <Empty title="No default SCC was edited">An edited one will stand here with its fields.</Empty>;
            return (
              <ul>
                {differing.map(({ name, relation, changedFields }) => (
                  <li key={name}>
                    <strong>{name}</strong> is {relation}: {changedFields.join(', ')}
                  </li>
                ))}
              </ul>
            );
          }}
        </Shown>
      </CardBody>
    </Card>
  );
}

export default function Overview() {
  const me = useMe();
  const sees = (permission: string): boolean => mayAnywhere(me, permission);
  if (me.permissions.length === 0)
    return (
      <Empty title="You hold no role yet">
        Ask an admin to give {me.name} a role, then load this page again. You are in the groups{' '}
        {me.groups.join(', ') || 'of no issuer'}.
      </Empty>
    );
  return (
    <div className="scc-stack">
      <div className="scc-row">
        <Title headingLevel="h1">Overview</Title>
        <Button component="a" variant="link" href={hrefOf(['migrations'])}>
          All migrations
        </Button>
      </div>
      <div className="scc-columns">
        {sees('migrations:read') ? <Running /> : null}
        {sees('approvals:read') ? <Waiting /> : null}
        {sees('pods:read') ? <FleetNow /> : null}
        {sees('pods:read') ? <FleetOverTime /> : null}
        {sees('migrations:read') ? <Undone /> : null}
        {sees('registry:read') ? <Drift /> : null}
      </div>
    </div>
  );
}
