import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  beginVerification,
  CompactRangeError,
  EXPORT_FORMAT,
  type Finding,
  isSignedBy,
  KEY_ROTATED,
  NoteError,
  type NoteVerifier,
  parseCheckpoint,
  parseVerifier,
  type RunningVerification,
} from '@scc/audit';
import { jsonOf } from '@scc/runtime';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { type Queryable, rowOf, rowsOf } from '../database/rows.js';
import { type FoundContradiction, unanswered } from './answers.js';
import type { AlsoWatched } from './authority-watch.js';
import { readPart } from './log-reader.js';
import { loadLogState, LogRefused } from './log-state.js';

/** Records that are judged before others have a turn on this thread. */
const BATCH = 500;

interface Pass {
  verification: RunningVerification;
  /** How far it has come. */
  size: number;
  unsealed: number;
  checkpoints: number;
}

const epochRow = z.object({ size: z.coerce.number(), message: z.string() });

/** Seals and checkpoints of a stretch whose epochs do not follow from each other. */
const EPOCHS = `
  with stretch as (
    select size, epoch, lag(epoch) over (order by size) as before from audit_checkpoint where size > $1 and size <= $2
  )
  select size, 'the checkpoint of size ' || size || ' is of the sealer ' || epoch || case when before > epoch
      then ', and one before it of the later sealer ' || before else ', which is not there' end as message
  from stretch c where before > epoch or not exists (select from audit_epoch e where e.epoch = c.epoch)
  union all
  select s.index + 1, 'the seal ' || s.index || ' is of the sealer ' || s.epoch || ', its checkpoint of ' || c.epoch
  from audit_seal s, lateral (select epoch from audit_checkpoint c where c.size > s.index order by c.size limit 1) c
  where s.index >= $1 and s.index < $2 and s.epoch <> c.epoch
  order by 1 limit 20`;

/** What is known without the database. */
export interface LogWatchOptions {
  origin: string;
  /** The keys that governance signs with, and signed with before, in their text form. */
  vkeys: readonly string[];
}

/**
 * Verifies the log as `sccctl audit verify` does, again and again from its first entry on: one part with each look, so
 * that a short log is verified whole with each of them. What only sealers read of it is compared, too: the edge of the
 * tree, the keys, and who sealed.
 */
export class LogWatch implements AlsoWatched {
  readonly name = 'the log itself';
  private pass: Pass | null = null;
  /** Of the passes before and the one at hand. */
  private whole: readonly FoundContradiction[] = [];
  private head: string | null = null;

  constructor(
    private readonly source: DataSource,
    private readonly options: LogWatchOptions,
  ) {}

  async look(): Promise<FoundContradiction[]> {
    const verified = await this.verifyOn();
    const found = await this.source.transaction('REPEATABLE READ', async (tx) => [
      ...verified,
      ...(await this.edge(tx)),
      ...(await this.keys(tx)),
    ]);
    return unanswered(this.source, [...new Map(found.map((one) => [`${one.table} ${one.key}`, one])).values()]);
  }

  /** One part further. @returns what was found in the pass before and in this one so far. */
  private async verifyOn(): Promise<FoundContradiction[]> {
    const part = await readPart(this.source, this.pass?.size ?? 0);
    const pass = this.pass ?? this.begin(part.keys);
    const epochs = await this.epochs(pass.size, part.end);
    for (let at = 0; at < part.records.length; at += BATCH) {
      for (const record of part.records.slice(at, at + BATCH)) {
        pass.verification.see(record);
        if (record.t === 'unsealed') pass.unsealed += 1;
        if (record.t === 'checkpoint') pass.checkpoints += 1;
      }
      await nextTurn();
    }
    // A log that got shorter is named elsewhere; the next pass begins with what is left.
    pass.size = Math.max(pass.size, part.end);
    this.pass = part.isLast ? null : pass;
    if (!part.isLast) return [...this.whole, ...foundIn(pass.verification.found()), ...epochs];
    const { size: sealed, unsealed, checkpoints } = pass;
    pass.verification.see({ t: 'end', sealed, unsealed, checkpoints, rows: 0 });
    const report = pass.verification.finish();
    this.head = report.verdict === 'tampered' ? this.head : report.head;
    this.whole = [...foundIn(report.findings), ...epochs];
    return [...this.whole];
  }

  private begin(keys: readonly string[]): Pass {
    const { origin, vkeys } = this.options;
    const anchors = this.head === null ? [] : [{ source: 'the look before', note: this.head }];
    const verification = beginVerification({ origin, keys: vkeys, anchors, receipts: [] });
    const exportedAt = new Date().toISOString();
    verification.see({ t: 'header', format: EXPORT_FORMAT, origin, keys, exportedAt, tiles: 'all' });
    return { verification, size: 0, unsealed: 0, checkpoints: 0 };
  }

  private async epochs(from: number, to: number): Promise<FoundContradiction[]> {
    const rows = await rowsOf(this.source, epochRow, EPOCHS, [from, to]);
    return rows.map(({ size, message }) => toFound('checkpoint-replaced', `epoch/${size - 1}`, message));
  }

  /** What the next sealer will go on from. */
  private async edge(tx: Queryable): Promise<FoundContradiction[]> {
    const { origin, vkeys } = this.options;
    const known = [...vkeys, ...(await keyRows(tx)).map(({ vkey }) => vkey)].flatMap(readKey);
    try {
      await loadLogState(tx, origin, known);
      return [];
    } catch (error) {
      if (!(error instanceof LogRefused || error instanceof NoteError || error instanceof CompactRangeError))
        throw error;
      return [toFound('checkpoint-replaced', 'newest', `no sealer can go on from the log: ${error.message}`)];
    }
  }

  /** The oldest key signed the first checkpoint, and a rotation introduced each one after it. */
  private async keys(tx: Queryable): Promise<FoundContradiction[]> {
    const [first, ...later] = await keyRows(tx);
    const known = new Set([...this.options.vkeys, ...(await rotatedTo(tx))]);
    const oldest = await rowOf(tx, noteRow, 'select note from audit_checkpoint order by size limit 1');
    return [
      ...(oldest && !isOf(oldest.note, first?.vkey ?? '')
        ? [toFound('key-replaced', 'key/oldest', 'the oldest key of the log did not sign its first checkpoint')]
        : []),
      ...later
        .filter(({ vkey }) => !known.has(vkey))
        .map(({ vkey }) => toFound('key-replaced', `key/${vkey}`, `no rotation introduced the key ${vkey}`)),
    ];
  }
}

const keyRow = z.object({ vkey: z.string() });
const noteRow = z.object({ note: z.string() });
const rotationRow = z.object({ body: z.instanceof(Buffer).transform((bytes) => jsonOf(bytes.toString('utf8'))) });
const rotationSchema = z.object({ details: z.object({ to: z.string() }) });

const keyRows = (tx: Queryable): Promise<z.infer<typeof keyRow>[]> =>
  rowsOf(tx, keyRow, 'select vkey from audit_key order by added_at, vkey');

async function rotatedTo(tx: Queryable): Promise<string[]> {
  const rows = await rowsOf(tx, rotationRow, 'select body from audit_entry where action = $1', [KEY_ROTATED]);
  return rows.flatMap(({ body }) => rotationSchema.safeParse(body).data?.details.to ?? []);
}

function readKey(vkey: string): NoteVerifier[] {
  try {
    return [parseVerifier(vkey)];
  } catch (error) {
    if (error instanceof NoteError) return [];
    throw error;
  }
}

function isOf(note: string, vkey: string): boolean {
  try {
    return isSignedBy(parseCheckpoint(note), parseVerifier(vkey));
  } catch (error) {
    if (error instanceof NoteError) return false;
    throw error;
  }
}

/** What waits for a seal is told by a metric, and what nobody gave cannot be compared. */
const foundIn = (findings: readonly Finding[]): FoundContradiction[] =>
  findings
    .filter(({ severity }) => severity === 'tampered')
    .map(({ fault, index, entryId, message }) => ({
      ...toFound(fault, `${fault}/${index ?? entryId ?? 'none'}`, message),
      by: entryId === null ? null : { index, entryId },
    }));

const toFound = (fault: string, key: string, message: string): FoundContradiction => ({
  ...{ fault, table: 'audit_log', key, by: null, message },
  holds: { stands: createHash('sha256').update(message).digest('hex') },
});
