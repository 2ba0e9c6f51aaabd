import { Alert, Button, Card, CardBody, CardTitle, Title } from '@patternfly/react-core';
import { isTerminal, strategyWords } from '@scc/plan/words';
import { type ReactNode, useState } from 'react';
import { ask, type ApiProblem } from '../data/api.js';
import { everyPage } from '../data/every-page.js';
import { useReloadOn } from '../data/live.js';
import { lackOf, may } from '../data/rights.js';
import { hrefOf } from '../data/route.js';
import { useMe } from '../data/session.js';
import type { ApprovalView, ListedEvent, ShownMigration, PageOf } from '../data/types.js';
import { problemOf, useLoad } from '../data/use-load.js';
import { actOn } from '../data/waits.js';
import { Approval } from '../parts/approval.js';
import { Commands } from '../parts/commands.js';
import { Events } from '../parts/events.js';
import { GateCharts } from '../parts/gate-charts.js';
import { Gates } from '../parts/gates.js';
import { PhaseLabel, Requests, Wait, Way } from '../parts/labels.js';
import { PhaseLine } from '../parts/phase-line.js';
import { Pods } from '../parts/pods.js';
import { Risk } from '../parts/risk.js';
import { Problem, Shown } from '../parts/states.js';
import { Weights } from '../parts/weights.js';

/** As many as one page of the API holds, the oldest first. */
const EVENTS = 500;

const Part = ({ title, children }: { title: string; children: ReactNode }) => (
  <Card>
    <CardTitle component="h2">{title}</CardTitle>
    <CardBody>{children}</CardBody>
  </Card>
);

function ProofButton({ migration: { uid, namespace, name } }: { migration: ShownMigration }) {
  const me = useMe();
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const why = lackOf(me, 'proofs:read', namespace);
  const download = (): void => {
    setProblem(null);
    ask<unknown>(`/v1/migrations/${encodeURIComponent(uid)}/proof`).then(
      (proof) => {
        const link = document.createElement('a');
        link.href = URL.createObjectURL(new Blob([JSON.stringify(proof, null, 2)], { type: 'application/json' }));
        link.download = `${namespace}-${name}-proof.json`;
        link.click();
        URL.revokeObjectURL(link.href);
      },
      (error: unknown) => setProblem(problemOf(error)),
    );
  };
  return (
    <>
      <Button variant="secondary" onClick={download} isDisabled={why !== null} title={why ?? undefined}>
        Download the proof
      </Button>
      {problem ? <Problem problem={problem} /> : null}
    </>
  );
}

const Head = ({ migration, events }: Facts) => (
  <>
    <div className="scc-row">
      <Title headingLevel="h1">
        {migration.namespace}/{migration.name}
      </Title>
      <PhaseLabel phase={migration.phase} />
      <Way from={migration.sourceSCC} to={migration.targetSCC} />
      <span>
        requests: <Requests of={migration} />
      </span>
    </div>
    {migration.workload === null ? null : (
      <p>
        {migration.workload.kind} {migration.workload.name}
        {migration.strategy === null ? null : (
          <>
            : <strong>{migration.strategy}</strong>, {strategyWords(migration.strategy)}
          </>
        )}
      </p>
    )}
    <p className="scc-text" aria-live="polite">
      {migration.message}
    </p>
    {migration.waitingFor === null ? null : (
      <Alert variant="info" isInline title={<Wait of={migration} />}>
        <p>{actOn(events)}</p>
      </Alert>
    )}
  </>
);

function Decision({ migration }: { migration: ShownMigration }) {
  const path = `/v1/migrations/${encodeURIComponent(migration.uid)}/approval`;
  const view = useLoad((signal) => ask<ApprovalView>(path, { signal }), [path]);
  useReloadOn(view.reload, concerns(migration));
  if (view.state === 'failed' && view.problem.status === 404)
    return <p>The plan was not evaluated yet. Its content stands here as soon as governance was asked.</p>;
  return (
    <Shown loaded={view} what="what is to be approved">
      {(value) => <Approval migration={migration} view={value} reload={view.reload} />}
    </Shown>
  );
}

interface Facts {
  migration: ShownMigration;
  events: ListedEvent[];
}

/** The bounds of gates are part of what was decided about, so not everyone may see them. */
function BoundedGates({ migration, events }: Facts) {
  const isKnown = may(useMe(), 'approvals:read', migration.namespace);
  const view = useLoad(
    async (signal) =>
      isKnown
        ? (await ask<ApprovalView>(`/v1/migrations/${encodeURIComponent(migration.uid)}/approval`, { signal })).gates
            .metrics
        : [],
    [migration.uid, isKnown],
  );
  return <GateCharts {...{ migration, events }} metrics={view.state === 'there' ? view.value : []} />;
}

const concerns =
  ({ namespace, name }: Pick<ShownMigration, 'namespace' | 'name'>) =>
  (change: { namespace: string | null; name: string | null }): boolean =>
    change.namespace === namespace && change.name === name;

/** The workflow of a migration; a link where governance knows the address of the Temporal Web UI. */
function Workflow({ id }: { id: string }) {
  const { temporalUi } = useMe();
  const name = <code>{id}</code>;
  if (temporalUi === null) return name;
  return (
    <a href={`${temporalUi}/workflows/${encodeURIComponent(id)}`} target="_blank" rel="noreferrer">
      {name}
    </a>
  );
}

function Details({ migration, events, reload }: Facts & { reload: () => void }) {
  const me = useMe();
  useReloadOn(reload, concerns(migration));
  return (
    <div className="scc-stack">
      <Head {...{ migration, events }} />
      <PhaseLine migration={migration} events={events} />
      <div className="scc-row">
        <Commands migration={migration} reload={reload} />
        <ProofButton migration={migration} />
      </div>
      {migration.gates.length === 0 ? null : (
        <Part title="Traffic">
          <BoundedGates {...{ migration, events }} />
        </Part>
      )}
      <div className="scc-columns">
        <Part title="Weights">
          <Weights {...{ migration, events }} />
        </Part>
        <Part title="Gates">
          <Gates migration={migration} />
        </Part>
        <Part title="Pods">
          <Pods migration={migration} />
        </Part>
        {may(me, 'risk:read', migration.namespace) ? (
          <Part title="Risk">
            <Risk migration={migration} events={events} />
          </Part>
        ) : null}
      </div>
      {may(me, 'approvals:read', migration.namespace) ? (
        <Part title={isTerminal(migration.phase) ? 'What was decided about' : 'What is decided about'}>
          <Decision migration={migration} />
        </Part>
      ) : null}
      <Part title="Events">
        <Events events={events} mayAudit={may(me, 'audit:read', null)} />
      </Part>
      <p>
        <a href={hrefOf(['migrations'])}>All migrations</a>
        {migration.workflowId === null ? null : (
          <>
            {' '}
            · Workflow in Temporal: <Workflow id={migration.workflowId} />
          </>
        )}
      </p>
    </div>
  );
}

export default function Migration({ uid }: { uid: string }) {
  const path = `/v1/migrations/${encodeURIComponent(uid)}`;
  const loaded = useLoad(
    async (signal): Promise<Facts> => {
      const [migration, events] = await Promise.all([
        ask<ShownMigration>(path, { signal }),
        everyPage((cursor) => ask<PageOf<ListedEvent>>(`${path}/events`, { query: { limit: EVENTS, cursor }, signal })),
      ]);
      return { migration, events };
    },
    [uid],
  );
  return (
    <Shown loaded={loaded} what="the migration">
      {(facts) => <Details {...facts} reload={loaded.reload} />}
    </Shown>
  );
}
