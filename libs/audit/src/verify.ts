import { isDeepStrictEqual } from 'node:util';
import { type Anchor, AnchorCheck } from './anchors.js';
import { AuthorityCheck } from './authority/compare.js';
import type { AuthorityRow, AuthorityTable } from './authority/rows.js';
import { checkEntry, type EntryVerdict } from './entry-check.js';
import type { EntryRow, LogEnd, LogHeader, LogRecord, SealedEntry, UnsealedEntry } from './export.js';
import { type Finding, Findings, type Fault } from './findings.js';
import { EMPTY_ROOT } from './hashing.js';
import { KEY_ROTATED, KeySchedule, readRotation, rotatedTo } from './keys.js';
import { NoteError, type NoteVerifier, parseVerifier } from './note.js';
import { OpenContradictions } from './open-contradictions.js';
import { OrderCheck } from './order-check.js';
import { type HeldReceipt, ReceiptCheck } from './receipts.js';
import { SwapCheck } from './swap-check.js';
import { TreeCheck } from './tree-check.js';

/** The verifier's knowledge without the log. The more it holds, the more it can find. */
export interface Trust {
  /** The log that this must be; null accepts the origin that the log states. */
  origin: string | null;
  /** Public keys in text form, of which one must have signed; none accepts the log's own first key. */
  keys: readonly string[];
  anchors: readonly Anchor[];
  receipts: readonly HeldReceipt[];
}

export interface VerifyReport {
  verdict: 'clean' | 'tampered' | 'incomplete';
  /** The first bad entry and the class of its fault. */
  first: Finding | null;
  findings: Finding[];
  totals: Partial<Record<Fault, number>>;
  checked: { sealed: number; unsealed: number; checkpoints: number; anchors: number; receipts: number; rows: number };
  /** The newest checkpoint that was confirmed, to be kept and given to the next verification. */
  head: string | null;
}

/** How long an entry may wait for its seal before the sealer counts as stopped. */
const MAX_SEAL_LAG_MS = 10_000;

/**
 * Verifies a log as a stream; needs memory for 256 entries and the anchors and receipts.
 * @throws NoteError when a pinned key is malformed.
 */
export async function verifyLog(batches: AsyncIterable<readonly LogRecord[]>, trust: Trust): Promise<VerifyReport> {
  const verification = new Verification(trust);
  for await (const batch of batches) for (const record of batch) verification.see(record);
  return verification.finish();
}

/** A verification of the log alone, without the tables beside it, that is given the log part by part. */
export interface RunningVerification {
  see(record: LogRecord): void;
  /** What was found so far. */
  found(): Finding[];
  finish(): VerifyReport;
}

/** @throws NoteError when a pinned key is malformed. */
export const beginVerification = (trust: Trust): RunningVerification => new Verification(trust, 'log');

class Verification implements RunningVerification {
  private readonly findings = new Findings();
  private readonly keys = new KeySchedule();
  private readonly pinned: NoteVerifier[];
  private readonly order = new OrderCheck(this.findings);
  private readonly swaps = new SwapCheck(this.findings);
  private readonly receipts: ReceiptCheck;
  private readonly anchors: AnchorCheck;
  private readonly anchorCount: number;
  private tree: TreeCheck | null = null;
  private header: LogHeader | null = null;
  private end: LogEnd | null = null;
  private readonly authority = AuthorityCheck.empty();
  private readonly contradictions = new OpenContradictions();
  private readonly tables: AuthorityTable[] = [];
  private readonly rows: AuthorityRow[] = [];
  private unsealed = 0;
  /** Keys of rotations that wait for their seal. */
  private readonly waitingKeys = new Set<string>();
  private oldestUnsealed: { at: number; entryId: string } | null = null;

  constructor(
    private readonly trust: Trust,
    private readonly what: 'log' | 'log and tables' = 'log and tables',
  ) {
    this.pinned = trust.keys.map(parseVerifier);
    const fromReceipts = trust.receipts.flatMap(({ entryId, checkpoint }) =>
      checkpoint === null ? [] : [{ source: `the receipt of ${entryId}`, note: checkpoint }],
    );
    const anchors = [...trust.anchors, ...fromReceipts];
    this.anchorCount = anchors.length;
    this.receipts = new ReceiptCheck(trust.receipts, this.findings);
    this.anchors = new AnchorCheck(anchors, this.findings);
  }

  see(record: LogRecord): void {
    switch (record.t) {
      case 'header': {
        this.seeHeader(record);
        return;
      }
      case 'entry': {
        this.seeEntry(record);
        return;
      }
      case 'unsealed': {
        this.seeUnsealed(record);
        return;
      }
      case 'tile':
        return this.tree?.tile(record);
      case 'checkpoint':
        return this.tree?.checkpoint(record);
      case 'table': {
        this.tables.push(record.table);
        return;
      }
      case 'row': {
        this.rows.push(record);
        return;
      }
      case 'end':
        this.end = record;
    }
  }

  private seeHeader(header: LogHeader): void {
    this.header = header;
    const origin = this.trust.origin ?? header.origin;
    if (header.origin !== origin)
      this.findings.add('foreign-origin', { index: 0 }, `this is the log ${header.origin}, not ${origin}`);
    const [first, ...later] = header.keys;
    this.startKeys(first);
    this.tree = new TreeCheck(origin, this.keys, later, this.findings);
    if (header.tiles === 'all') this.tree.expectUpperTiles();
    if (header.sealers && this.what === 'log and tables') this.tree.expectSealers(header.sealers);
    this.anchors.see(0, () => EMPTY_ROOT);
  }

  private startKeys(vkey: string | undefined): void {
    try {
      if (vkey !== undefined) this.keys.start(parseVerifier(vkey));
    } catch (error) {
      if (!(error instanceof NoteError)) throw error;
      this.findings.add('key-replaced', { index: 0 }, `the first key of the log: ${error.message}`);
    }
  }

  private seeEntry({ index, sealed, entry }: SealedEntry): void {
    const { tree } = this;
    if (!tree) return;
    const entryId = entry?.columns[0] ?? null;
    tree.append({ index, row: entry?.row ?? -1, entryId, leaf: sealed, tile: null });
    if (entry) {
      const { fault, body } = this.judge(entry, sealed, index);
      if (!fault && body?.action === KEY_ROTATED) this.rotate(body.details, index, entryId);
    } else this.findings.add('entry-missing', { index }, 'an entry was sealed here and is gone');
    this.receipts.see(sealed, index);
    if (tree.isWhole) this.anchors.see(tree.size, () => tree.root());
  }

  private judge(entry: EntryRow, sealed: Buffer | null, index: number | null): EntryVerdict {
    const verdict = checkEntry(entry, sealed);
    const [entryId] = entry.columns;
    if (verdict.fault && sealed && index !== null && !verdict.leaf.equals(sealed))
      this.swaps.see({ index, entryId, row: entry.row, leaf: verdict.leaf, sealed, ...verdict.fault });
    else if (verdict.fault) this.findings.add(verdict.fault.fault, { index, entryId }, verdict.fault.message);
    else if (verdict.body) this.accept(verdict.body, entry.row, index);
    return verdict;
  }

  private accept(body: NonNullable<EntryVerdict['body']>, row: number, index: number | null): void {
    const { id, occurredAt, action, actor, object, details } = body;
    this.order.see({ row, entryId: id, occurredAt }, index);
    if (this.what === 'log') return;
    this.contradictions.see({ action, id, details }, index);
    const { name = null, namespace = null } = object;
    this.authority.see({ id, action, actor: actor.name, name, namespace, details }, index);
  }

  private rotate(details: unknown, index: number, entryId: string | null): void {
    const current = this.keys.current();
    try {
      if (!current || !this.header) throw new NoteError('no key was in use');
      this.keys.rotate(index, readRotation(details, this.trust.origin ?? this.header.origin, current));
    } catch (error) {
      if (!(error instanceof NoteError)) throw error;
      this.findings.add('rotation-invalid', { index, entryId }, error.message);
    }
  }

  private seeUnsealed({ entry }: UnsealedEntry): void {
    const { fault, body } = this.judge(entry, null, null);
    const key = !fault && body?.action === KEY_ROTATED ? rotatedTo(body.details) : null;
    if (key !== null) this.waitingKeys.add(key);
    this.receipts.see(entry.leaf, null);
    this.unsealed += 1;
    const at = Date.parse(entry.columns[1]);
    if (!this.oldestUnsealed || at < this.oldestUnsealed.at) this.oldestUnsealed = { at, entryId: entry.columns[0] };
  }

  found(): Finding[] {
    return this.findings.sorted();
  }

  finish(): VerifyReport {
    const size = this.tree?.size ?? 0;
    this.swaps.finish();
    this.checkCompleteness(size);
    this.receipts.finish(this.trust.origin ?? this.header?.origin ?? '');
    const byReceipt = (from: number): number | null => this.receipts.firstContradiction(from);
    const place = this.tree?.finish(byReceipt) ?? null;
    this.anchors.finish({
      size,
      origin: this.trust.origin ?? this.header?.origin ?? '',
      keys: this.keys,
      pinned: this.pinned,
      blame: (from) => (place !== null && place >= from ? place : byReceipt(from)),
    });
    this.checkTrust(size);
    this.checkKeys();
    this.checkTables();
    this.contradictions.finish(this.findings);
    return this.report(size);
  }

  private checkCompleteness(size: number): void {
    const { end, oldestUnsealed, header } = this;
    const counts = {
      sealed: size,
      unsealed: this.unsealed,
      checkpoints: this.tree?.checkpoints ?? 0,
      rows: this.rows.length,
    };
    const announced = end && {
      sealed: end.sealed,
      unsealed: end.unsealed,
      checkpoints: end.checkpoints,
      rows: end.rows,
    };
    if (!isDeepStrictEqual(announced, counts))
      this.findings.add('export-truncated', {}, 'the export does not hold everything that it announces');
    if (!oldestUnsealed || !header || Date.parse(header.exportedAt) - oldestUnsealed.at < MAX_SEAL_LAG_MS) return;
    const waited = Math.round((Date.parse(header.exportedAt) - oldestUnsealed.at) / 1000);
    this.findings.add(
      'unsealed-entries',
      { index: size, entryId: oldestUnsealed.entryId },
      `${this.unsealed} entries wait for the sealer, the oldest for ${waited} s`,
    );
  }

  private checkTrust(size: number): void {
    if (size === 0 && this.anchorCount > 0) return;
    if (this.anchorCount === 0)
      this.findings.add(
        'no-anchor',
        {},
        'no checkpoint from outside was given: a removed end or an old copy cannot be found',
      );
    if (this.pinned.length === 0)
      this.findings.add('no-pinned-key', {}, 'no public key was given: the key that the log names was trusted');
    else if (size > 0 && !this.pinned.some(({ vkey }) => this.keys.includes(vkey)))
      this.findings.add('key-replaced', { index: 0 }, 'the log was never signed by the pinned key');
  }

  /** Each key that the log keeps has signed first, or was handed the log over by one that did. */
  private checkKeys(): void {
    if (!this.header?.sealers || this.what === 'log') return;
    const [, ...later] = this.header.keys;
    for (const vkey of later.filter((key) => !this.keys.includes(key) && !this.waitingKeys.has(key)))
      this.findings.add('key-replaced', {}, `no rotation introduced the key ${vkey}, which the log keeps`);
  }

  /** Rows of authority that no entry made, that are gone, or that say something else than their entries. */
  private checkTables(): void {
    if (this.tables.length === 0) {
      this.findings.add(
        'tables-not-compared',
        {},
        'the tables that carry authority were not given: only the log itself was checked',
      );
      return;
    }
    for (const { fault, by, message } of this.authority.compare(this.rows, this.tables))
      this.findings.add(fault, by ?? {}, message);
  }

  private report(size: number): VerifyReport {
    const findings = this.findings.sorted();
    const tampered = findings.find(({ severity }) => severity === 'tampered');
    const incomplete = findings.find(({ severity }) => severity === 'incomplete');
    return {
      verdict: tampered ? 'tampered' : incomplete ? 'incomplete' : 'clean',
      first: tampered ?? incomplete ?? null,
      findings,
      totals: this.findings.totals(),
      checked: {
        sealed: size,
        unsealed: this.unsealed,
        checkpoints: this.tree?.checkpoints ?? 0,
        anchors: this.anchorCount,
        receipts: this.trust.receipts.length,
        rows: this.rows.length,
      },
      head: this.tree?.head?.note ?? null,
    };
  }
}
