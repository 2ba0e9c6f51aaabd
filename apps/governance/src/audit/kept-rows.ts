import type { AuthorityRow } from '@scc/audit';
import { z } from 'zod';
import { type Queryable, rowsOf } from '../database/rows.js';
import { authorityRows } from './authority-rows.js';

/** Pages of PostgreSQL that are read again together when one row in them changed: about 2,500 rows. */
const PAGES = 64;
/** So many looks go by what PostgreSQL says of the versions of rows; then all rows are read again. */
const LOOKS = 20;

const stretchRow = z.object({ first: z.coerce.number(), digest: z.string() });

/** Which versions of rows there are: PostgreSQL gives each one a place, and the transaction that wrote it. */
const STRETCHES = `select (ctid::text::point)[0]::bigint / ${PAGES} * ${PAGES} as first,
    count(*) || ' ' || sum(hashtextextended(ctid::text || ' ' || xmin::text, 0)) as digest
  from scc_activation group by 1`;

/** The columns by name: renaming them changes what rows say without writing any. */
const COLUMNS = `select 0 as first, string_agg(attnum || ' ' || attname || ' ' || atttypid, ',' order by attnum) as digest
  from pg_attribute where attrelid = to_regclass('scc_activation')`;

interface Stretch {
  digest: string;
  rows: AuthorityRow[];
}

/**
 * The rows of the registry, which keeps every change for ever: kept from one look to the next, and read again where
 * PostgreSQL has other versions of rows than then.
 */
export class KeptRows {
  private stretches = new Map<number, Stretch>();
  private columns = '';
  private looks = 0;

  forget(): void {
    this.stretches = new Map();
  }

  /** Needs a transaction with one snapshot. */
  async read(tx: Queryable): Promise<AuthorityRow[]> {
    const [columns] = await rowsOf(tx, stretchRow.extend({ digest: z.string().nullable() }), COLUMNS);
    if (columns?.digest == null) return [];
    if (columns.digest !== this.columns || this.looks % LOOKS === 0) this.forget();
    const kept = new Map<number, Stretch>();
    for (const { first, digest } of await rowsOf(tx, stretchRow, STRETCHES)) {
      const before = this.stretches.get(first);
      kept.set(first, before?.digest === digest ? before : { digest, rows: await readStretch(tx, first) });
    }
    this.stretches = kept;
    this.columns = columns.digest;
    this.looks += 1;
    return [...kept.values()].flatMap(({ rows }) => rows);
  }
}

async function readStretch(tx: Queryable, first: number): Promise<AuthorityRow[]> {
  const rows: AuthorityRow[] = [];
  const where = `where ctid >= '(${first},0)' and ctid < '(${first + PAGES},0)'`;
  for await (const page of authorityRows(tx, 'scc_activation', where)) rows.push(...page);
  return rows;
}
