import { Button, FormSelect, FormSelectOption, SearchInput, Title } from '@patternfly/react-core';
import { type FormEvent, useEffect, useState } from 'react';
import { ask } from '../data/api.js';
import { submitOnEnter } from '../data/submit.js';
import { useReloadOn } from '../data/live.js';
import { goTo, hrefOf, useRoute } from '../data/route.js';
import type { ListedMigration, PageOf } from '../data/types.js';
import { useLoad } from '../data/use-load.js';
import { Requests, RiskLabel, Standing, Way } from '../parts/labels.js';
import { Empty, Shown } from '../parts/states.js';
import { PageLink, PlanLink, WideTable } from '../parts/table.js';
import { Time } from '../parts/time.js';

const PER_PAGE = 50;
/** The outcomes by the names of the API, in words. */
const OUTCOMES = [
  ['completed', 'completed'],
  ['rolledBack', 'rolled back'],
  ['rejected', 'rejected'],
  ['dryRun', 'dry run'],
  ['untrusted', 'untrusted'],
] as const;
const TEXTS = ['namespace', 'workload', 'author', 'targetSCC'] as const;
const WORDS: Record<(typeof TEXTS)[number], string> = {
  namespace: 'Namespace',
  workload: 'Workload',
  author: 'Author',
  targetSCC: 'Target SCC',
};

type Filter = Record<string, string | undefined>;
const filterIn = (query: URLSearchParams): Filter =>
  Object.fromEntries([...TEXTS, 'outcome', 'cursor'].map((key) => [key, query.get(key) ?? undefined]));

function Filters({ filter }: { filter: Filter }) {
  const [texts, setTexts] = useState(filter);
  useEffect(() => setTexts(filter), [JSON.stringify(filter)]);
  const apply = (next: Filter): void => goTo(hrefOf(['migrations'], { ...next, cursor: undefined }));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    apply(texts);
  };
  return (
    <form onSubmit={submit} onKeyDown={submitOnEnter} className="scc-row" role="search" aria-label="Find migrations">
      {TEXTS.map((key) => (
        <SearchInput
          key={key}
          aria-label={WORDS[key]}
          placeholder={WORDS[key]}
          value={texts[key] ?? ''}
          onChange={(_event, value) => setTexts({ ...texts, [key]: value })}
          onClear={() => apply({ ...texts, [key]: undefined })}
        />
      ))}
      <FormSelect
        aria-label="Outcome"
        className="scc-select"
        value={texts['outcome'] ?? ''}
        onChange={(_event, value) => apply({ ...texts, outcome: value })}
      >
        <FormSelectOption value="" label="Any outcome" />
        {OUTCOMES.map(([outcome, label]) => (
          <FormSelectOption key={outcome} value={outcome} label={label} />
        ))}
      </FormSelect>
      <Button type="submit" variant="secondary">
        Find
      </Button>
    </form>
  );
}

const Row = ({ one }: { one: ListedMigration }) => (
  <tr>
    <td>
      <PlanLink plan={one} />
      {one.workload ? (
        <div>
          {one.workload.kind} {one.workload.name}
        </div>
      ) : null}
    </td>
    <td>
      <Standing of={one} />
    </td>
    <td>
      <Way from={one.sourceSCC} to={one.targetSCC} />
    </td>
    <td>
      <Requests of={one} />
    </td>
    <td>
      <RiskLabel risk={one.risk} />
    </td>
    <td>{one.author ?? 'unknown'}</td>
    <td>
      <Time at={one.startedAt} />
    </td>
  </tr>
);

const Listed = ({ items }: { items: ListedMigration[] }) => (
  <WideTable label="Migrations" columns={['Plan', 'Phase', 'SCC', 'Requests', 'Risk', 'Author', 'Started']}>
    {items.map((one) => (
      <Row key={one.uid} one={one} />
    ))}
  </WideTable>
);

export default function Migrations() {
  const filter = filterIn(useRoute().query);
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  const loaded = useLoad(
    (signal) => ask<PageOf<ListedMigration>>('/v1/migrations', { query: { ...filter, limit: PER_PAGE }, signal }),
    [filter],
  );
  useReloadOn(loaded.reload, () => true);
  return (
    <div className="scc-stack">
      <Title headingLevel="h1">Migrations</Title>
      <Filters filter={filter} />
      <Shown loaded={loaded} what="the migrations">
        {({ items, nextCursor }) => (
          <>
            {items.length > 0 ? <Listed items={items} /> : <Nothing isFiltered={isFiltered} />}
            <nav className="scc-row" aria-label="Pages of the list">
              {filter['cursor'] === undefined ? null : (
                <PageLink href={hrefOf(['migrations'], { ...filter, cursor: undefined })}>Newest</PageLink>
              )}
              {nextCursor === null ? null : (
                <PageLink href={hrefOf(['migrations'], { ...filter, cursor: nextCursor })}>Older</PageLink>
              )}
            </nav>
          </>
        )}
      </Shown>
    </div>
  );
}

const Nothing = ({ isFiltered }: { isFiltered: boolean }) =>
  isFiltered ? (
    <Empty title="No migration fits" actions={<a href={hrefOf(['migrations'])}>Show all of them</a>}>
      Names have to be written in full. Take a condition away to see more.
    </Empty>
  ) : (
    <Empty title="There are no migrations yet">
      Write a plan, check it with <code>sccctl plan lint</code>, then apply it; it appears here by itself.
    </Empty>
  );
