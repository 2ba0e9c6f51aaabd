import { Card, CardBody, CardTitle, Label, Title } from '@patternfly/react-core';
import type { CampaignDetail } from '@scc/governance-api';
import { isCampaignOver } from '@scc/plan/words';
import { ask } from '../data/api.js';
import { approvalOf, commandsOf, waveWords } from '../data/campaigns.js';
import { useReloadOn } from '../data/live.js';
import { hrefOf } from '../data/route.js';
import { useMe } from '../data/session.js';
import { useLoad, useReloadWhile } from '../data/use-load.js';
import { CopiedText } from './plan-text.js';
import { Shown } from './states.js';
import { Table } from './table.js';
import { Time } from './time.js';

const PHASES = {
  Pending: 'grey',
  Running: 'blue',
  Stopped: 'red',
  Completed: 'green',
  Aborted: 'orange',
  Rejected: 'grey',
} as const;
const STATES = { Waiting: 'grey', Running: 'blue', Completed: 'green', Failed: 'red' } as const;

export const CampaignPhase = ({ phase }: { phase: keyof typeof PHASES }) => (
  <Label isCompact color={PHASES[phase]}>
    {phase}
  </Label>
);

type Wave = CampaignDetail['waves'][number];
type Member = Wave['workloads'][number];

function Workload({ of: { namespace, kind, name, targetSCC, state, message, plan } }: { of: Member }) {
  return (
    <li className="scc-card" data-state={state}>
      <div className="scc-row">
        <strong>
          {namespace}/{name}
        </strong>
        <Label isCompact color={STATES[state]}>
          {state}
        </Label>
      </div>
      <div>
        {kind} <span aria-label="to">→</span> {targetSCC}
      </div>
      {plan === null ? null : (
        <div>
          {plan.uid === null ? (
            <span>plan {plan.name}</span>
          ) : (
            <a href={hrefOf(['migrations', plan.uid])}>plan {plan.name}</a>
          )}
        </div>
      )}
      {message === null ? null : <div className="scc-text">{message}</div>}
    </li>
  );
}

function Approval({ campaign, wave }: { campaign: CampaignDetail; wave: Wave }) {
  const offered = approvalOf(campaign, wave, useMe().name);
  return (
    <>
      {wave.approvedBy.length > 0 ? <p>Approved by {wave.approvedBy.join(', ')}.</p> : null}
      {offered === null ? null : (
        <>
          <p>Waits for approval before it begins.</p>
          {'why' in offered ? <p>{offered.why}</p> : <CopiedText title={offered.title} text={offered.command} />}
        </>
      )}
    </>
  );
}

function Column({ campaign, wave }: { campaign: CampaignDetail; wave: Wave }) {
  const { number, hash, workloads, hidden } = wave;
  const isNow = campaign.wave === number && !isCampaignOver(campaign.phase);
  return (
    <section className="scc-wave" aria-label={`Wave ${number}`} aria-current={isNow ? 'step' : undefined}>
      <h2>
        Wave {number} {isNow ? <Label isCompact>now</Label> : null}
      </h2>
      <p>{waveWords(wave)}</p>
      <p title={hash}>
        Set <code>{hash.slice(0, 12)}…</code>
      </p>
      <Approval {...{ campaign, wave }} />
      <ul className="scc-cards">
        {workloads.map((one) => (
          <Workload key={`${one.namespace}/${one.kind}/${one.name}`} of={one} />
        ))}
      </ul>
      {hidden > 0 ? <p>And {hidden} in namespaces that you may not see.</p> : null}
    </section>
  );
}

const Left = ({ left }: Pick<CampaignDetail, 'left'>) =>
  left.length === 0 ? null : (
    <Card>
      <CardTitle component="h2">Left as they are</CardTitle>
      <CardBody>
        <Table columns={['Workload', 'Why no plan can move it']}>
          {left.map(({ workload, reason }) => (
            <tr key={workload}>
              <td>{workload}</td>
              <td className="scc-text">{reason}</td>
            </tr>
          ))}
        </Table>
      </CardBody>
    </Card>
  );

function Edits({ campaign }: { campaign: CampaignDetail }) {
  const commands = commandsOf(campaign);
  return commands.length === 0 ? null : (
    <Card>
      <CardTitle component="h2">Change its course</CardTitle>
      <CardBody className="scc-stack">
        <p>
          A campaign is edited in the cluster, which decides whether you may and records that it was you. Plans that run
          go on to their end.
        </p>
        {commands.map(({ title, command }) => (
          <CopiedText key={title} title={title} text={command} />
        ))}
      </CardBody>
    </Card>
  );
}

function Head({ campaign }: { campaign: CampaignDetail }) {
  const { name, phase, suspended, author, createdAt, message, counts, failureBudget, soakUntil, unread } = campaign;
  return (
    <>
      <div className="scc-row">
        <Title headingLevel="h1">{name}</Title>
        <CampaignPhase phase={phase} />
        {suspended && !isCampaignOver(phase) ? <Label isCompact>paused</Label> : null}
        <span className="scc-weight">
          <progress
            max={Math.max(1, counts.workloads)}
            value={counts.completed}
            aria-label="workloads that have moved"
          />{' '}
          {counts.completed} of {counts.workloads} moved
        </span>
      </div>
      {message === null ? null : (
        <p className="scc-text" aria-live="polite">
          {message}
        </p>
      )}
      <p>
        By <strong>{author ?? 'an unknown author'}</strong>
        {createdAt === null ? null : (
          <>
            , <Time at={createdAt} />
          </>
        )}
        .{' '}
        {campaign.targetSCC === 'LeastReachable'
          ? 'Each to the least SCC that it can reach'
          : `All to ${campaign.targetSCC}`}
        , {campaign.maxConcurrent} at once, {campaign.soak} between waves. {counts.failed} failed, {failureBudget} may.
        {soakUntil === null || phase !== 'Running' ? null : (
          <>
            {' '}
            The next wave waits until <Time at={soakUntil} />.
          </>
        )}
      </p>
      {unread === null ? null : <p className="scc-text">The board was made without all it should know: {unread}.</p>}
    </>
  );
}

/** A campaign as a board: a column for each wave, a card for each workload, from which its plan is reached. */
export function Campaign({ name, everyMs }: { name: string; everyMs: number }) {
  const path = `/v1/campaigns/${encodeURIComponent(name)}`;
  const loaded = useLoad((signal) => ask<CampaignDetail>(path, { signal }), [path]);
  useReloadOn(loaded.reload, ({ action }) => action.startsWith('migration.'));
  useReloadWhile(loaded.state === 'there' && !isCampaignOver(loaded.value.phase), loaded.reload, everyMs);
  return (
    <Shown loaded={loaded} what="the campaign">
      {(campaign) => (
        <div className="scc-stack">
          <Head campaign={campaign} />
          <div className="scc-board" role="region" aria-label="Waves" tabIndex={0}>
            {campaign.waves.map((wave) => (
              <Column key={wave.number} {...{ campaign, wave }} />
            ))}
          </div>
          {campaign.waves.length === 0 ? <p>Its board is not made yet.</p> : null}
          <Edits campaign={campaign} />
          <Left left={campaign.left} />
          <p>
            <a href={hrefOf(['campaigns'])}>All campaigns</a>
          </p>
        </div>
      )}
    </Shown>
  );
}
