import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  AUTHORITY_TABLES,
  EXPORT_FORMAT,
  type EntryRow,
  type LogRecord,
  type SealedEntry,
  TILE_WIDTH,
} from '@scc/audit';
import type { DataSource, QueryRunner } from 'typeorm';
import { type CopiedRow, type CopyClient, copyRows } from '../database/copy.js';
import type { Queryable } from '../database/rows.js';
import { authorityRows } from './authority-rows.js';

interface CheckpointRow {
  size: string;
  note: string;
  edge: Buffer;
  sealer: string;
  foreign: string | null;
}
interface TileRow {
  level: number;
  index: string;
  hashes: Buffer;
  root: Buffer;
}

const PAGE = 5_000;
/** How many records are given away at once: between, the connection takes in what the database has sent meanwhile. */
const BATCH = 500;
/** Column by column: one JSON array of them costs PostgreSQL seven times as much. */
const COLUMNS = `e.id, e.leaf_hash, e.body, e.entry_id,
  to_char(e.occurred_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as occurred_at,
  e.actor, e.action, e.object_kind, e.object_namespace, e.object_name, e.request_id`;

/**
 * Streams the whole log as it is stored, from one snapshot, judging nothing. The origin and the time are the caller's.
 * A consumer that stops early ends the snapshot.
 */
export async function* readLog(
  dataSource: DataSource,
  header: { origin: string; exportedAt: Date },
): AsyncGenerator<LogRecord[]> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.startTransaction('REPEATABLE READ');
    await runner.manager.query('set transaction read only');
    // A page is read by index in milliseconds; parallel workers would only compete with the consumer.
    await runner.manager.query('set local max_parallel_workers_per_gather = 0');
    yield* readSnapshot(await snapshotOf(runner), header);
  } finally {
    if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
    await runner.release();
  }
}

/** A part of the log, in the order of an export and without its header. */
export interface LogPart {
  /** Public keys, oldest first. */
  keys: string[];
  records: LogRecord[];
  /** The size of the log up to and including this part. */
  end: number;
  /** Whether the log ends here; entries that are not sealed yet are then among the records. */
  isLast: boolean;
}

/** Reads one part of the log from a snapshot of its own. Sealed entries stay, so that parts of several snapshots fit. */
export async function readPart(dataSource: DataSource, from: number): Promise<LogPart> {
  const runner = dataSource.createQueryRunner();
  try {
    await runner.startTransaction('REPEATABLE READ');
    await runner.manager.query('set transaction read only');
    const snapshot = await snapshotOf(runner);
    const keys = await keysIn(snapshot.db);
    const page = await sealedPage(snapshot, from);
    const records = interleave(page);
    const isLast = page.seals.length < PAGE;
    if (isLast) records.push(...(await checkpointRows(snapshot.db, page.end, null)).map(checkpointRecord));
    if (isLast)
      for await (const entries of unsealedPages(snapshot.client))
        records.push(...entries.map((entry): LogRecord => ({ t: 'unsealed', entry })));
    return { keys, records, end: page.end, isLast };
  } finally {
    if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
    await runner.release();
  }
}

async function keysIn(db: Queryable): Promise<string[]> {
  const keys = await db.query<{ vkey: string }[]>('select vkey from audit_key order by added_at, vkey');
  return keys.map(({ vkey }) => vkey);
}

async function sealersIn(db: Queryable): Promise<number[]> {
  const sealers = await db.query<{ epoch: string }[]>('select epoch from audit_epoch order by epoch');
  return sealers.map(({ epoch }) => Number(epoch));
}

interface Snapshot {
  db: Queryable;
  client: CopyClient;
}
const snapshotOf = async (runner: QueryRunner): Promise<Snapshot> => ({
  db: runner.manager,
  client: (await runner.connect()) as CopyClient,
});

async function* readSnapshot(
  { db, client }: Snapshot,
  { origin, exportedAt }: { origin: string; exportedAt: Date },
): AsyncGenerator<LogRecord[]> {
  yield [
    {
      t: 'header',
      format: EXPORT_FORMAT,
      origin,
      keys: await keysIn(db),
      exportedAt: exportedAt.toISOString(),
      tiles: 'all',
      sealers: await sealersIn(db),
    },
  ];
  const counts = { sealed: 0, unsealed: 0, checkpoints: 0, rows: 0 };
  let size = 0;
  let page = await sealedPage({ db, client }, size);
  while (page.seals.length > 0) {
    size = page.end;
    // The database reads the next page while the consumer works on this one.
    const next = sealedPage({ db, client }, size);
    next.catch(() => undefined);
    counts.sealed += page.seals.length;
    counts.checkpoints += page.checkpoints.length;
    try {
      yield* inTurns(interleave(page));
    } finally {
      await next.catch(() => undefined);
    }
    page = await next;
  }
  const beyond = await checkpointRows(db, size, null);
  counts.checkpoints += beyond.length;
  yield beyond.map(checkpointRecord);
  for await (const page of unsealedPages(client)) {
    counts.unsealed += page.length;
    yield page.map((entry) => ({ t: 'unsealed', entry }));
  }
  for (const table of AUTHORITY_TABLES) {
    yield [{ t: 'table', table }];
    for await (const page of authorityRows(db, table)) {
      counts.rows += page.length;
      yield page.map((row) => ({ t: 'row', ...row }));
    }
  }
  yield [{ t: 'end', ...counts }];
}

async function* inTurns(records: LogRecord[]): AsyncGenerator<LogRecord[]> {
  for (let at = 0; at < records.length; at += BATCH) {
    yield records.slice(at, at + BATCH);
    await nextTurn();
  }
}

interface SealedPage {
  seals: SealedEntry[];
  checkpoints: CheckpointRow[];
  tiles: TileRow[];
  /** The size of the log up to and including this page. */
  end: number;
}

async function sealedPage({ db, client }: Snapshot, from: number): Promise<SealedPage> {
  const seals = await sealRows(client, from);
  const last = seals.at(-1);
  if (!last) return { seals, checkpoints: [], tiles: [], end: from };
  const end = last.index + 1;
  return { seals, end, checkpoints: await checkpointRows(db, from, end), tiles: await tileRows(db, from, end) };
}

const sealRows = (client: CopyClient, from: number): Promise<SealedEntry[]> =>
  copyRows(
    client,
    `select s.index, s.leaf_hash, ${COLUMNS} from audit_seal s left join audit_entry e on e.id = s.entry
     where s.index >= ${from} order by s.index limit ${PAGE}`,
    (row) => ({ t: 'entry', index: row.int8() ?? 0, sealed: row.bytes() ?? NO_BYTES, entry: entryRow(row) }),
  );

const checkpointRows = (db: Queryable, above: number, upTo: number | null): Promise<CheckpointRow[]> =>
  db.query(
    `select c.size, c.note, c.compact_range as edge, c.epoch as sealer,
       (select min(s.index) from audit_seal s where s.epoch <> c.epoch and s.index < c.size
          and s.index >= coalesce((select max(p.size) from audit_checkpoint p where p.size < c.size), 0)) as "foreign"
     from audit_checkpoint c
     where c.size > $1 and ($2::bigint is null or c.size <= $2) order by c.size, c.created_at`,
    [above, upTo],
  );

/** Tiles above these would need more entries than any log has. */
const LEVELS = [0, 1, 2, 3];
/** How many leaves a tile of a level covers. */
const leavesOf = (level: number): number => TILE_WIDTH ** (level + 1);

const tileRows = (db: Queryable, from: number, to: number): Promise<TileRow[]> =>
  db.query(
    `select t.level, t.index, t.hashes, t.root
     from unnest($3::smallint[], $4::bigint[]) as l (level, leaves)
     join audit_tile t on t.level = l.level and t.index >= $1::bigint / l.leaves and t.index < $2::bigint / l.leaves
     order by (t.index + 1) * l.leaves, t.level`,
    [from, to, LEVELS, LEVELS.map(leavesOf)],
  );

async function* unsealedPages(client: CopyClient): AsyncGenerator<EntryRow[]> {
  let after = Number.MIN_SAFE_INTEGER;
  for (;;) {
    const page = await copyRows(
      client,
      `select ${COLUMNS} from audit_entry e
       where e.id > ${after} and not exists (select from audit_seal s where s.entry = e.id) order by e.id limit ${PAGE}`,
      entryRow,
    );
    const entries = page.filter((entry) => entry !== null);
    if (entries.length > 0) yield entries;
    if (page.length < PAGE) return;
    after = entries.at(-1)?.row ?? after;
  }
}

const NO_BYTES = Buffer.alloc(0);

/** In the order of `COLUMNS`; null for what a seal names and the database does not hold. */
function entryRow(copied: CopiedRow): EntryRow | null {
  const row = copied.int8();
  if (row === null) return null;
  const leaf = copied.bytes() ?? NO_BYTES;
  const body = copied.bytes() ?? NO_BYTES;
  const [id, occurredAt, actor, action, kind, namespace = null, name = null, requestId = null] = copied.texts();
  const columns = [
    id ?? '',
    occurredAt ?? '',
    actor ?? '',
    action ?? '',
    kind ?? '',
    namespace,
    name,
    requestId,
  ] as const;
  return { row, leaf, body, columns };
}

const tileRecord = ({ level, index, hashes, root }: TileRow): LogRecord => ({
  ...{ t: 'tile', index: Number(index), hashes, root },
  ...(level === 0 ? {} : { level }),
});
const checkpointRecord = ({ size, note, edge, sealer, foreign }: CheckpointRow): LogRecord => ({
  ...{ t: 'checkpoint', size: Number(size), note, edge, sealer: Number(sealer) },
  ...(foreign === null ? {} : { foreign: Number(foreign) }),
});

/** Puts each tile and then each checkpoint right after the entry that completes it. */
function interleave({ seals, checkpoints, tiles }: SealedPage): LogRecord[] {
  const records: LogRecord[] = [];
  let [nextCheckpoint, nextTile] = [0, 0];
  for (const seal of seals) {
    const size = seal.index + 1;
    records.push(seal);
    for (
      let tile = tiles[nextTile];
      tile && (Number(tile.index) + 1) * leavesOf(tile.level) <= size;
      tile = tiles[(nextTile += 1)]
    )
      records.push(tileRecord(tile));
    for (
      let row = checkpoints[nextCheckpoint];
      row && Number(row.size) <= size;
      row = checkpoints[(nextCheckpoint += 1)]
    )
      records.push(checkpointRecord(row));
  }
  return records;
}
