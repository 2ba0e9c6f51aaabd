import { TILE_WIDTH } from '@scc/audit';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { type Queryable, rowOf, rowsOf } from '../database/rows.js';
import { type FoundContradiction, unanswered } from './answers.js';
import type { AlsoWatched } from './authority-watch.js';

/** Numbers that transactions may have taken in vain between two looks. */
const MAX_SKIPPED = 1_000_000;
/** Clocks of several replicas, and an entry that waited for its transaction, are less apart. */
const CLOCK_TOLERANCE_MS = 10 * 60_000;
/** Counting a longer log takes a while: only each so many looks. */
const SHORT_LOG = 200_000;
const COUNT_EVERY = 20;
/** Entries that the first look reads back. */
const FIRST_ENTRIES = 10_000;

const statementRow = z.object({ statement: z.string().nullable() });
const sequenceRow = z.object({
  sequence: z.string(),
  source: z.string(),
  last: z.coerce.number().nullable(),
  top: z.coerce.number().nullable(),
});
const logRow = z.object({
  size: z.coerce.number(),
  signed: z.coerce.number(),
  tiles: z.coerce.number(),
});
const countRow = z.object({ seals: z.coerce.number(), entries: z.coerce.number() });
const timesRow = z.object({
  newest: z.coerce.number(),
  earliest: z.date().nullable(),
  latest: z.date().nullable(),
  now: z.date(),
});

const LOG = `
  select (select coalesce(max(index) + 1, 0) from audit_seal) as size,
    (select coalesce(max(size), 0) from audit_checkpoint) as signed,
    (select count(*) from audit_tile where level = 0) as tiles`;

/** One row for each sequence of a table: where it stands, and the highest number that is in the table. */
const SEQUENCES = `
  select string_agg(format('select %L as sequence, %L as source, pg_sequence_last_value(%s) as last, (select max(%I) from %s) as top',
    s.oid::regclass::text, c.oid::regclass::text || '.' || a.attname, s.oid, a.attname, c.oid::regclass), ' union all ') as statement
  from pg_class c join pg_depend d on d.refobjid = c.oid and d.deptype = 'i' and d.classid = 'pg_class'::regclass
  join pg_class s on s.oid = d.objid and s.relkind = 'S' join pg_attribute a on a.attrelid = c.oid and a.attnum = d.refobjsubid
  where c.oid in (select to_regclass(quote_ident(name)) from unnest($1::text[]) as n(name))`;

/**
 * Looks at what no row and no entry says: sequences that were set, a log that lost its end or a table, and a clock that
 * went back. What a look has seen is held against the next one; a finding stays open after that, as all are.
 */
export class StateWatch implements AlsoWatched {
  readonly name = 'sequences, log and clock';
  /** Of each sequence: the highest number of a row that was seen, and where it stood at the last look. */
  private readonly used = new Map<string, number>();
  private readonly stood = new Map<string, number>();
  private size = 0;
  private newest: number | null = null;
  private latest = 0;
  private looks = 0;

  constructor(
    private readonly source: DataSource,
    private readonly now: () => Date = () => new Date(),
  ) {}

  async look(): Promise<FoundContradiction[]> {
    const found = await this.source.transaction('REPEATABLE READ', async (tx) => [
      ...(await this.sequences(tx)),
      ...(await this.log(tx)),
      ...(await this.clock(tx)),
    ]);
    return unanswered(this.source, found);
  }

  private async sequences(tx: Queryable): Promise<FoundContradiction[]> {
    const tables = this.source.entityMetadatas.map(({ tableName }) => tableName);
    const asked = await rowOf(tx, statementRow, SEQUENCES, [tables]);
    const rows = asked?.statement ? await rowsOf(tx, sequenceRow, asked.statement) : [];
    return rows.flatMap(({ sequence, source, last, top }) => {
      const at = last ?? 0;
      // Rows alone: numbers of transactions that did not end are given again after a crash of the database.
      const used = Math.max(top ?? 0, this.used.get(sequence) ?? 0);
      // Only rows of the log are never deleted: of others the highest one says little of a sequence.
      const before = this.stood.get(sequence) ?? (source.startsWith('audit_entry.') ? top : null);
      this.used.set(sequence, used);
      this.stood.set(sequence, at);
      const where = { table: 'sequence', key: sequence, stands: at };
      if (at < used)
        return [finding('sequence-altered', where, `is at ${at}, and ${source} has been at ${used}: it was set back`)];
      if (before !== null && at - before > MAX_SKIPPED)
        return [finding('sequence-altered', where, `is at ${at}, and was at ${before}: it was set forward`)];
      return [];
    });
  }

  private async log(tx: Queryable): Promise<FoundContradiction[]> {
    const row = await rowOf(tx, logRow, LOG);
    const { size, signed, tiles } = row ?? { size: 0, signed: 0, tiles: 0 };
    const before = this.size;
    this.size = size;
    const full = Math.floor(size / TILE_WIDTH);
    const isCounted = this.looks++ % COUNT_EVERY === 0 || size <= SHORT_LOG;
    return [
      ...(size < before ? [shortened('audit_seal', size, `has ${size} seals, and had ${before}`)] : []),
      ...(signed === size
        ? []
        : [shortened('audit_checkpoint', signed, `signs ${signed} entries, and ${size} are sealed`)]),
      ...(tiles === full
        ? []
        : [shortened('audit_tile', tiles, `has ${tiles} full tiles of hashes, and ${full} are sealed`)]),
      ...(isCounted ? await counted(tx, size) : []),
    ];
  }

  private async clock(tx: Queryable): Promise<FoundContradiction[]> {
    const row = await rowOf(
      tx,
      timesRow,
      `select coalesce(max(id), 0) as newest, min(occurred_at) as earliest, max(occurred_at) as latest,
         clock_timestamp() as now
       from audit_entry where id > coalesce($1::bigint, (select max(id) from audit_entry) - ${FIRST_ENTRIES})`,
      [this.newest],
    );
    if (!row) return [];
    const before = this.latest;
    this.newest = Math.max(this.newest ?? 0, row.newest);
    this.latest = Math.max(before, row.latest?.getTime() ?? 0);
    const now = this.now();
    const where = { table: 'audit_entry', key: 'clock', stands: this.latest };
    const iso = (ms: number): string => new Date(ms).toISOString();
    if (this.latest - now.getTime() > CLOCK_TOLERANCE_MS)
      return [
        finding(
          'clock-set-back',
          where,
          `is dated up to ${iso(this.latest)}, and the clock says ${iso(now.getTime())}`,
        ),
      ];
    if (row.earliest && before - row.earliest.getTime() > CLOCK_TOLERANCE_MS)
      return [finding('clock-set-back', where, `goes on at ${row.earliest.toISOString()} after ${iso(before)}`)];
    if (Math.abs(row.now.getTime() - now.getTime()) > CLOCK_TOLERANCE_MS)
      return [
        finding(
          'clock-set-back',
          where,
          `: PostgreSQL says ${row.now.toISOString()}, and governance ${iso(now.getTime())}`,
        ),
      ];
    return [];
  }
}

const shortened = (table: string, stands: number, message: string): FoundContradiction =>
  finding('log-shortened', { table, key: 'size', stands }, message);

async function counted(tx: Queryable, size: number): Promise<FoundContradiction[]> {
  const row = await rowOf(
    tx,
    countRow,
    'select (select count(*) from audit_seal) as seals, (select count(*) from audit_entry) as entries',
  );
  const { seals, entries } = row ?? { seals: 0, entries: 0 };
  return [
    ...(seals === size ? [] : [shortened('audit_seal', seals, `has ${seals} seals, and the last is number ${size}`)]),
    ...(entries >= seals ? [] : [shortened('audit_entry', entries, `has ${entries} entries, and ${seals} are sealed`)]),
  ];
}

const finding = (
  fault: string,
  { table, key, stands }: { table: string; key: string; stands: number },
  message: string,
): FoundContradiction => ({
  ...{ fault, table, key, by: null, holds: { stands: String(stands) } },
  message: `${table === 'sequence' ? key : table} ${message}`,
});
