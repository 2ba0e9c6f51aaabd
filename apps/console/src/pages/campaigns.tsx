import { Label, Title } from '@patternfly/react-core';
import type { CampaignSummary } from '@scc/governance-api';
import { isCampaignOver } from '@scc/plan/words';
import { ask } from '../data/api.js';
import { useReloadOn } from '../data/live.js';
import { hrefOf } from '../data/route.js';
import { useLoad, useReloadWhile } from '../data/use-load.js';
import { Campaign, CampaignPhase } from '../parts/campaign.js';
import { Empty, Shown } from '../parts/states.js';
import { WideTable } from '../parts/table.js';
import { Time } from '../parts/time.js';

/** The stream tells of plans; that a campaign was edited or soaks is asked for. */
const RUNNING_MS = 5000;

const Row = ({
  campaign: { name, phase, suspended, counts, wave, author, createdAt, message },
}: {
  campaign: CampaignSummary;
}) => (
  <tr>
    <td>
      <a href={hrefOf(['campaigns', name])}>{name}</a>
    </td>
    <td>
      <CampaignPhase phase={phase} />
      {suspended && !isCampaignOver(phase) ? <Label isCompact>paused</Label> : null}
    </td>
    <td>
      {wave} of {counts.waves}
    </td>
    <td>
      {counts.completed} of {counts.workloads}
    </td>
    <td>{counts.failed}</td>
    <td>{author ?? 'unknown'}</td>
    <td>{createdAt === null ? '' : <Time at={createdAt} ago />}</td>
    <td className="scc-text">{message}</td>
  </tr>
);

function List() {
  const loaded = useLoad((signal) => ask<{ items: CampaignSummary[] }>('/v1/campaigns', { signal }), []);
  useReloadOn(loaded.reload, ({ action }) => action.startsWith('migration.'));
  const isRunning = loaded.state === 'there' && loaded.value.items.some(({ phase }) => !isCampaignOver(phase));
  useReloadWhile(isRunning, loaded.reload, RUNNING_MS);
  return (
    <div className="scc-stack">
      <Title headingLevel="h1">Campaigns</Title>
      <p>Many workloads, each moved by a plan of its own, in waves of rising risk.</p>
      <Shown loaded={loaded} what="the campaigns">
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="There is no campaign">
              Write one, see its waves with <code>sccctl campaign dry-run FILE</code>, then apply it with{' '}
              <code>kubectl apply -f FILE</code>.
            </Empty>
          ) : (
            <WideTable
              label="Campaigns"
              columns={['Campaign', 'Phase', 'Wave', 'Moved', 'Failed', 'Author', 'Age', 'Message']}
            >
              {items.map((one) => (
                <Row key={one.name} campaign={one} />
              ))}
            </WideTable>
          )
        }
      </Shown>
    </div>
  );
}

export default function Campaigns({ name }: { name: string | null }) {
  return name === null ? <List /> : <Campaign name={name} everyMs={RUNNING_MS} />;
}
