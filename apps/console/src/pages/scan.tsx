import {
  Alert,
  Button,
  Card,
  CardBody,
  CardTitle,
  FormSelect,
  FormSelectOption,
  SearchInput,
  Title,
} from '@patternfly/react-core';
import { plural } from '@scc/plan/words';
import { CATEGORIES, categoryWords } from '@scc/scc/words';
import { type FormEvent, useEffect, useState } from 'react';
import { ask } from '../data/api.js';
import { goTo, hrefOf, useRoute } from '../data/route.js';
import { countsIn, type KeptScanDetail, workloadName, type ScanRow, type FirstWorkload } from '../data/scans.js';
import type { PageOf } from '../data/types.js';
import { submitOnEnter } from '../data/submit.js';
import { useLoad, useReloadWhile } from '../data/use-load.js';
import { Bars } from '../parts/bars.js';
import { Scanned, ScannedRow } from '../parts/scanned.js';
import { Empty, Loading, Shown } from '../parts/states.js';
import { PageLink, WideTable } from '../parts/table.js';
import { Time } from '../parts/time.js';

const PER_PAGE = 50;
const RUNNING_MS = 2000;
const KEYS = ['namespace', 'category', 'scc', 'restart', 'cursor'] as const;
type Filter = Partial<Record<(typeof KEYS)[number], string>>;

const filterIn = (query: URLSearchParams): Filter =>
  Object.fromEntries(KEYS.flatMap((key) => (query.get(key) ? [[key, query.get(key)]] : [])));
const hrefFor = (id: string, filter: Filter): string => hrefOf(['scans', id], filter);

const workloads = (count: number): string => plural(count, 'workload');

function FirstStep({ step: { workload, why }, aim }: { step: FirstWorkload; aim: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <li>
      <Button variant="link" isInline aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {workloadName(workload)}
      </Button>
      : {why}.{isOpen ? <Scanned row={workload} aim={aim} /> : null}
    </li>
  );
}

function FirstSteps({ id, aim }: { id: string; aim: string }) {
  const steps = useLoad((signal) => ask<{ items: FirstWorkload[] }>(`/v1/scans/${id}/first-steps`, { signal }), [id]);
  return (
    <Card>
      <CardTitle component="h2">What to do first, and why</CardTitle>
      <CardBody>
        <Shown loaded={steps} what="the first steps">
          {({ items }) =>
            items.length === 0 ? (
              <Empty title="Nothing can become stricter by a plan alone">
                The rows below say what would have to change first: an operator, a volume, or the design.
              </Empty>
            ) : (
              <ol className="scc-steps">
                {items.map((step) => (
                  <FirstStep key={workloadName(step.workload)} step={step} aim={aim} />
                ))}
              </ol>
            )
          }
        </Shown>
      </CardBody>
    </Card>
  );
}

function Totals({ scan: { id, totals }, aim }: { scan: KeptScanDetail; aim: string }) {
  return (
    <>
      <Card>
        <CardTitle component="h2">What can be done</CardTitle>
        <CardBody>
          <Bars
            of="workloads"
            bars={countsIn(totals.byCategory).map(([category, count]) => ({
              ...{ key: category, count, href: hrefFor(id, { category }) },
              text: `${category}: ${categoryWords(category, aim)}`,
            }))}
          />
        </CardBody>
      </Card>
      <Card>
        <CardTitle component="h2">What runs under what</CardTitle>
        <CardBody>
          <Bars
            of="workloads"
            bars={countsIn(totals.bySCC).map(([scc, count]) => ({
              ...{ key: scc, text: scc, count, href: hrefFor(id, { scc }) },
            }))}
          />
        </CardBody>
      </Card>
    </>
  );
}

interface Choice {
  title: string;
  any: string;
  value: string | undefined;
  values: readonly (readonly [string, string])[];
  choose: (value: string) => void;
}
const Select = ({ title, any, value, values, choose }: Choice) => (
  <FormSelect aria-label={title} className="scc-select" value={value ?? ''} onChange={(_event, to) => choose(to)}>
    <FormSelectOption value="" label={any} />
    {values.map(([key, label]) => (
      <FormSelectOption key={key} value={key} label={label} />
    ))}
  </FormSelect>
);

function Filters({ scan, filter }: { scan: KeptScanDetail; filter: Filter }) {
  const [namespace, setNamespace] = useState(filter.namespace ?? '');
  useEffect(() => setNamespace(filter.namespace ?? ''), [filter.namespace]);
  const apply = (change: Filter): void => goTo(hrefFor(scan.id, { ...filter, cursor: '', ...change }));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    apply({ namespace });
  };
  return (
    <form onSubmit={submit} onKeyDown={submitOnEnter} className="scc-row" role="search" aria-label="Find workloads">
      <SearchInput
        aria-label="Namespace"
        placeholder="Namespace"
        value={namespace}
        onChange={(_event, value) => setNamespace(value)}
        onClear={() => apply({ namespace: '' })}
      />
      <Select
        {...{ title: 'What can be done', any: 'Whatever can be done', value: filter.category }}
        values={CATEGORIES.map((category) => [category, category])}
        choose={(category) => apply({ category })}
      />
      <Select
        {...{ title: 'Runs under', any: 'Under any SCC', value: filter.scc }}
        values={countsIn(scan.totals.bySCC).map(([scc]) => [scc, scc])}
        choose={(scc) => apply({ scc })}
      />
      <Select
        {...{ title: 'At its next restart', any: 'Whatever its next restart does', value: filter.restart }}
        values={[
          ['captured', 'comes under another SCC'],
          ['refused', 'is refused'],
        ]}
        choose={(restart) => apply({ restart })}
      />
      <Button type="submit" variant="secondary">
        Find
      </Button>
    </form>
  );
}

function Workloads({ scan, aim }: { scan: KeptScanDetail; aim: string }) {
  const filter = filterIn(useRoute().query);
  const loaded = useLoad(
    (signal) =>
      ask<PageOf<ScanRow>>(`/v1/scans/${scan.id}/workloads`, { query: { ...filter, limit: PER_PAGE }, signal }),
    [scan.id, filter],
  );
  return (
    <div className="scc-stack">
      <Title headingLevel="h2">Workloads</Title>
      <Filters scan={scan} filter={filter} />
      <Shown loaded={loaded} what="the workloads">
        {({ items, nextCursor }) => (
          <>
            {items.length === 0 ? (
              <Empty title="No workload fits" actions={<a href={hrefFor(scan.id, {})}>Show all of them</a>}>
                Names have to be written in full. Take a condition away to see more.
              </Empty>
            ) : (
              <WideTable
                label="Workloads"
                columns={['Workload', 'Runs under', 'Could run under', 'How', 'First obstacle']}
              >
                {items.map((row) => (
                  <ScannedRow key={`${row.apiVersion} ${workloadName(row)}`} row={row} aim={aim} />
                ))}
              </WideTable>
            )}
            <nav className="scc-row" aria-label="Pages of the list">
              {filter.cursor === undefined ? null : (
                <PageLink href={hrefFor(scan.id, { ...filter, cursor: '' })}>First page</PageLink>
              )}
              {nextCursor === null ? null : (
                <PageLink href={hrefFor(scan.id, { ...filter, cursor: nextCursor })}>More</PageLink>
              )}
            </nav>
          </>
        )}
      </Shown>
    </div>
  );
}

function Notes({ scan: { id, totals, assumed, changedDefaults, unreadable } }: { scan: KeptScanDetail }) {
  const notes = [
    ...assumed.map((one) => `Assumed: ${one}.`),
    ...changedDefaults.map(({ scc, fields }) => `SCC ${scc} is not as OpenShift ships it: ${fields.join(', ')}.`),
    ...unreadable.map(({ source, reason }) => `Could not be read: ${source}: ${reason}.`),
  ];
  return (
    <>
      {totals.refusedAtNextRestart > 0 ? (
        <Alert
          variant="danger"
          isInline
          title={`${workloads(totals.refusedAtNextRestart)} would be refused at the next restart`}
        >
          <a href={hrefFor(id, { restart: 'refused' })}>See which, and why</a>
        </Alert>
      ) : null}
      {totals.capturedAtNextRestart > 0 ? (
        <Alert
          variant="warning"
          isInline
          title={`${workloads(totals.capturedAtNextRestart)} would come under another SCC at the next restart`}
        >
          <a href={hrefFor(id, { restart: 'captured' })}>See which</a>
        </Alert>
      ) : null}
      {notes.length > 0 ? (
        <Alert variant="info" isInline title="To know about this scan">
          <ul>
            {notes.map((note) => (
              <li key={note} className="scc-text">
                {note}
              </li>
            ))}
          </ul>
        </Alert>
      ) : null}
    </>
  );
}

const Report = ({ scan, aim }: { scan: KeptScanDetail; aim: string }) => (
  <>
    <p>
      {workloads(scan.totals.workloads)}, held against {aim}; a plan can move {scan.totals.movable} of them now. Scanned{' '}
      <Time at={scan.finishedAt ?? scan.at} />, as {scan.by} asked.
    </p>
    <FirstSteps id={scan.id} aim={aim} />
    <Notes scan={scan} />
    <div className="scc-columns">
      <Totals scan={scan} aim={aim} />
    </div>
    <Workloads scan={scan} aim={aim} />
  </>
);

/** One scan: while it is made, why it failed, or its report. */
export function Scan({ id }: { id: string }) {
  const loaded = useLoad((signal) => ask<KeptScanDetail>(`/v1/scans/${encodeURIComponent(id)}`, { signal }), [id]);
  const isRunning = loaded.state === 'there' && loaded.value.state === 'running';
  useReloadWhile(isRunning, loaded.reload, RUNNING_MS);
  return (
    <div className="scc-stack">
      <div className="scc-row">
        <Title headingLevel="h1">Scan {id}</Title>
        <a href={hrefOf(['scans'])}>All scans</a>
      </div>
      <Shown loaded={loaded} what="the scan">
        {(scan) => {
          if (scan.state === 'running') return <Loading what="the cluster, which is being scanned" />;
          if (scan.state === 'failed' || scan.aim === null)
            return (
              <Alert variant="danger" isInline title="The scan came to nothing">
                <p className="scc-text">{scan.failure}</p>
                <p>Remove the cause that is named, and scan again.</p>
              </Alert>
            );
          return <Report scan={scan} aim={scan.aim} />;
        }}
      </Shown>
    </div>
  );
}
