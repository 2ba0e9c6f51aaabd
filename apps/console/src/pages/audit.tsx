import { Alert, Button, SearchInput, Title } from '@patternfly/react-core';
import type { AuditEntryDetail, AuditEntrySummary, AuditState } from '@scc/audit';
import { type FormEvent, useEffect, useState } from 'react';
import { ask } from '../data/api.js';
import { type Checked, checkInclusion } from '../data/inclusion.js';
import { goTo, hrefOf, useRoute } from '../data/route.js';
import type { PageOf } from '../data/types.js';
import { submitOnEnter } from '../data/submit.js';
import { useLoad } from '../data/use-load.js';
import { Empty, Shown } from '../parts/states.js';
import { PageLink, WideTable } from '../parts/table.js';
import { Time } from '../parts/time.js';

const PER_PAGE = 50;
const FIELDS = {
  actor: 'Actor',
  action: 'Action',
  namespace: 'Namespace',
  name: 'Name of the object',
  requestId: 'Request id',
} as const;
type Filter = Partial<Record<string, string>>;

const filterIn = (query: URLSearchParams): Filter =>
  Object.fromEntries(
    [...Object.keys(FIELDS), 'cursor'].flatMap((key) => {
      const value = query.get(key);
      return value === null ? [] : [[key, value]];
    }),
  );

function Filters({ filter }: { filter: Filter }) {
  const [texts, setTexts] = useState(filter);
  const key = JSON.stringify(filter);
  useEffect(() => setTexts(JSON.parse(key) as Filter), [key]);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    goTo(hrefOf(['audit'], { ...texts, cursor: undefined }));
  };
  return (
    <form onSubmit={submit} onKeyDown={submitOnEnter} className="scc-row" role="search" aria-label="Find entries">
      {Object.entries(FIELDS).map(([field, title]) => (
        <SearchInput
          key={field}
          aria-label={title}
          placeholder={title}
          value={texts[field] ?? ''}
          onChange={(_event, value) => setTexts({ ...texts, [field]: value })}
          onClear={() => setTexts({ ...texts, [field]: '' })}
        />
      ))}
      <Button type="submit" variant="secondary">
        Find
      </Button>
    </form>
  );
}

const objectOf = ({ object }: AuditEntrySummary['body']): string =>
  [object.kind, [object.namespace, object.name].filter(Boolean).join('/')].filter(Boolean).join(' ');

const Entries = ({ items }: { items: AuditEntrySummary[] }) => (
  <WideTable label="Entries" columns={['When', 'Actor', 'Action', 'Object', 'Entry']}>
    {items.map(({ id, index, body }) => (
      <tr key={id}>
        <td>
          <Time at={body.occurredAt} />
        </td>
        <td>{body.actor.name}</td>
        <td>{body.action}</td>
        <td>{objectOf(body)}</td>
        <td>
          <a href={hrefOf(['audit', id])}>{index === null ? 'not sealed yet' : `number ${index}`}</a>
        </td>
      </tr>
    ))}
  </WideTable>
);

function List() {
  const filter = filterIn(useRoute().query);
  const loaded = useLoad(
    (signal) => ask<PageOf<AuditEntrySummary>>('/v1/audit/entries', { query: { ...filter, limit: PER_PAGE }, signal }),
    [filter],
  );
  return (
    <div className="scc-stack">
      <Title headingLevel="h1">Audit log</Title>
      <Filters filter={filter} />
      <Shown loaded={loaded} what="the entries">
        {({ items, nextCursor }) => (
          <>
            {items.length === 0 ? (
              <Empty title="No entry fits" actions={<a href={hrefOf(['audit'])}>Show all of them</a>}>
                Names have to be written in full. Take a condition away to see more.
              </Empty>
            ) : (
              <Entries items={items} />
            )}
            {nextCursor === null ? null : (
              <PageLink href={hrefOf(['audit'], { ...filter, cursor: nextCursor })}>Older</PageLink>
            )}
          </>
        )}
      </Shown>
    </div>
  );
}

const VARIANTS = { proved: 'success', broken: 'danger', open: 'info' } as const;
const TITLES: Record<Checked['verdict'], string> = {
  proved: 'Proved in this browser: the entry is in the signed log',
  broken: 'The proof is broken: tell an auditor',
  open: 'Not provable yet',
};

function Entry({ id }: { id: string }) {
  const loaded = useLoad(
    async (signal) => {
      const [entry, state] = await Promise.all([
        ask<AuditEntryDetail>(`/v1/audit/entries/${encodeURIComponent(id)}`, { signal }),
        ask<AuditState>('/v1/audit/checkpoint', { signal }),
      ]);
      return { entry, checked: checkInclusion(entry, state) };
    },
    [id],
  );
  return (
    <div className="scc-stack">
      <Title headingLevel="h1">Audit entry</Title>
      <Shown loaded={loaded} what="the entry">
        {({ entry, checked }) => (
          <>
            <Alert
              variant={VARIANTS[checked.verdict]}
              isInline
              title={TITLES[checked.verdict]}
              actionLinks={
                checked.verdict === 'open' ? (
                  <Button variant="link" isInline onClick={loaded.reload}>
                    Load it again
                  </Button>
                ) : null
              }
            >
              <p className="scc-text">{checked.words}</p>
            </Alert>
            <p>
              <Time at={entry.body.occurredAt} />: {entry.body.actor.name} · {entry.body.action} ·{' '}
              {objectOf(entry.body)}
            </p>
            <pre className="scc-text scc-policy">{JSON.stringify(entry.body, null, 2)}</pre>
          </>
        )}
      </Shown>
      <p>
        <a href={hrefOf(['audit'])}>All entries</a>
      </p>
    </div>
  );
}

export default function Audit({ id }: { id: string | null }) {
  return id === null ? <List /> : <Entry id={id} />;
}
