import { Button, Label, TextInput, Title } from '@patternfly/react-core';
import { type FormEvent, useState } from 'react';
import { ask, type ApiProblem } from '../data/api.js';
import { lackOf } from '../data/rights.js';
import { goTo, hrefOf } from '../data/route.js';
import type { KeptScan } from '../data/scans.js';
import { useMe } from '../data/session.js';
import { problemOf, useLoad, useReloadWhile } from '../data/use-load.js';
import { Empty, Problem, Shown } from '../parts/states.js';
import { WideTable } from '../parts/table.js';
import { Time } from '../parts/time.js';
import { Scan } from './scan.js';

/** The stream tells of plans alone, so a scan that runs is asked for. */
const RUNNING_MS = 2000;

/** Asks for a scan; the page of the scan follows it. */
function Start() {
  const me = useMe();
  const [namespace, setNamespace] = useState('');
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const of = namespace.trim() === '' ? null : namespace.trim();
  const why = lackOf(me, 'scans:run', of);
  const start = (event: FormEvent): void => {
    event.preventDefault();
    setProblem(null);
    ask<KeptScan>('/v1/scans', { method: 'POST', body: { namespace: of } }).then(
      ({ id }) => goTo(hrefOf(['scans', id])),
      (error: unknown) => setProblem(problemOf(error)),
    );
  };
  return (
    <>
      <form onSubmit={start} className="scc-row" aria-label="Scan now">
        <TextInput
          aria-label="Namespace to scan"
          placeholder="every namespace"
          className="scc-input"
          value={namespace}
          onChange={(_event, value) => setNamespace(value)}
        />
        <Button type="submit" isDisabled={why !== null}>
          Scan now
        </Button>
        {why === null ? <span>It only reads.</span> : <span>{why}</span>}
      </form>
      {problem ? <Problem problem={problem} /> : null}
    </>
  );
}

const COLOURS = { running: 'blue', done: 'green', failed: 'red' } as const;

const Row = ({ scan: { id, namespace, state, failure, at, by, totals } }: { scan: KeptScan }) => (
  <tr>
    <td>
      <a href={hrefOf(['scans', id])}>scan {id}</a>
    </td>
    <td>{namespace ?? 'every namespace'}</td>
    <td>
      <Label isCompact color={COLOURS[state]}>
        {state}
      </Label>
      {failure === null ? null : <div className="scc-text">{failure}</div>}
    </td>
    <td>{totals.workloads}</td>
    <td>{totals.movable}</td>
    <td>{by}</td>
    <td>
      <Time at={at} />
    </td>
  </tr>
);

function Kept() {
  const loaded = useLoad((signal) => ask<{ items: KeptScan[] }>('/v1/scans', { signal }), []);
  const isRunning = loaded.state === 'there' && loaded.value.items.some(({ state }) => state === 'running');
  useReloadWhile(isRunning, loaded.reload, RUNNING_MS);
  return (
    <div className="scc-stack">
      <Title headingLevel="h1">Scans</Title>
      <p>
        Which SCC every workload of the cluster runs under, which stricter one it could run under, and what stands in
        the way. The newest scans are kept.
      </p>
      <Start />
      <Shown loaded={loaded} what="the scans">
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No scan was made yet">Scan the cluster: it changes nothing, and takes a few seconds.</Empty>
          ) : (
            <WideTable
              label="Scans"
              columns={['Scan', 'Of', 'State', 'Workloads', 'A plan can move', 'Asked for by', 'When']}
            >
              {items.map((one) => (
                <Row key={one.id} scan={one} />
              ))}
            </WideTable>
          )
        }
      </Shown>
    </div>
  );
}

export default function Scans({ id }: { id: string | null }) {
  return id === null ? <Kept /> : <Scan id={id} />;
}
