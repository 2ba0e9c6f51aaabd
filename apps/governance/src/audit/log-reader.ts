import { EXPORT_FORMAT, type EntryRow, type LogRecord } from '@scc/audit';
import type { DataSource, EntityManager } from 'typeorm';
import type { Queryable } from '../database/rows.js';

interface EntryColumns {
  id: string;
  leaf_hash: Buffer;
  body: Buffer;
  entry_id: string;
  occurred_at: string;
  actor: string;
  action: string;
  object_kind: string;
  object_namespace: string | null;
  object_name: string | null;
  request_id: string | null;
}

type SealRow = { index: string; sealed: Buffer } & (EntryColumns | { id: null });
interface CheckpointRow {
  size: string;
  note: string;
}
interface TileRow {
  index: string;
  hashes: Buffer;
}

const PAGE = 5_000;
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
    yield* readSnapshot(runner.manager, header);
  } finally {
    if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
    await runner.release();
  }
}

async function* readSnapshot(
  db: EntityManager,
  { origin, exportedAt }: { origin: string; exportedAt: Date },
): AsyncGenerator<LogRecord[]> {
  const keys = await db.query<{ vkey: string }[]>('select vkey from audit_key order by added_at, vkey');
  yield [
    {
      t: 'header',
      format: EXPORT_FORMAT,
      origin,
      keys: keys.map(({ vkey }) => vkey),
      exportedAt: exportedAt.toISOString(),
    },
  ];
  const counts = { sealed: 0, unsealed: 0, checkpoints: 0 };
  let size = 0;
  let page = await sealedPage(db, size);
  while (page.seals.length > 0) {
    size = page.end;
    // The database reads the next page while the consumer works on this one.
    const next = sealedPage(db, size);
    next.catch(() => undefined);
    counts.sealed += page.seals.length;
    counts.checkpoints += page.checkpoints.length;
    try {
      yield interleave(page);
    } finally {
      await next.catch(() => undefined);
    }
    page = await next;
  }
  const beyond = await checkpointRows(db, size, null);
  counts.checkpoints += beyond.length;
  yield beyond.map(checkpointRecord);
  for await (const page of unsealedPages(db)) {
    counts.unsealed += page.length;
    yield page.map((row) => ({ t: 'unsealed', entry: entryRow(row) }));
  }
  yield [{ t: 'end', ...counts }];
}

interface SealedPage {
  seals: SealRow[];
  checkpoints: CheckpointRow[];
  tiles: TileRow[];
  /** The size of the log up to and including this page. */
  end: number;
}

async function sealedPage(db: Queryable, from: number): Promise<SealedPage> {
  const seals = await sealRows(db, from);
  if (seals.length === 0) return { seals, checkpoints: [], tiles: [], end: from };
  const end = Number(seals.at(-1)?.index) + 1;
  return { seals, end, checkpoints: await checkpointRows(db, from, end), tiles: await tileRows(db, from, end) };
}

const sealRows = (db: Queryable, from: number): Promise<SealRow[]> =>
  db.query(
    `select s.index, s.leaf_hash as sealed, ${COLUMNS} from audit_seal s left join audit_entry e on e.id = s.entry
     where s.index >= $1 order by s.index limit ${PAGE}`,
    [from],
  );

const checkpointRows = (db: Queryable, above: number, upTo: number | null): Promise<CheckpointRow[]> =>
  db.query(
    `select size, note from audit_checkpoint
     where size > $1 and ($2::bigint is null or size <= $2) order by size, created_at`,
    [above, upTo],
  );

const tileRows = (db: Queryable, from: number, to: number): Promise<TileRow[]> =>
  db.query(
    `select index, hashes from audit_tile
     where level = 0 and (index + 1) * 256 > $1 and (index + 1) * 256 <= $2 order by index`,
    [from, to],
  );

async function* unsealedPages(db: Queryable): AsyncGenerator<EntryColumns[]> {
  let after = Number.MIN_SAFE_INTEGER;
  for (;;) {
    const page = await db.query<EntryColumns[]>(
      `select ${COLUMNS} from audit_entry e
       where e.id > $1 and not exists (select from audit_seal s where s.entry = e.id) order by e.id limit ${PAGE}`,
      [after],
    );
    if (page.length > 0) yield page;
    if (page.length < PAGE) return;
    after = Number(page.at(-1)?.id);
  }
}

const entryRow = (row: EntryColumns): EntryRow => ({
  row: Number(row.id),
  leaf: row.leaf_hash,
  body: row.body,
  columns: [
    row.entry_id,
    row.occurred_at,
    row.actor,
    row.action,
    row.object_kind,
    row.object_namespace,
    row.object_name,
    row.request_id,
  ],
});

const checkpointRecord = ({ size, note }: CheckpointRow): LogRecord => ({ t: 'checkpoint', size: Number(size), note });

/** Puts each tile and then each checkpoint right after the entry that completes it. */
function interleave({ seals, checkpoints, tiles }: SealedPage): LogRecord[] {
  const records: LogRecord[] = [];
  let [nextCheckpoint, nextTile] = [0, 0];
  for (const seal of seals) {
    const size = Number(seal.index) + 1;
    records.push({ t: 'entry', index: size - 1, sealed: seal.sealed, entry: seal.id === null ? null : entryRow(seal) });
    for (let tile = tiles[nextTile]; tile && (Number(tile.index) + 1) * 256 <= size; tile = tiles[(nextTile += 1)])
      records.push({ t: 'tile', index: Number(tile.index), hashes: tile.hashes });
    for (
      let row = checkpoints[nextCheckpoint];
      row && Number(row.size) <= size;
      row = checkpoints[(nextCheckpoint += 1)]
    )
      records.push(checkpointRecord(row));
  }
  return records;
}
