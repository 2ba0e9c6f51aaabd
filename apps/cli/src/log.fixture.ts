import { generateKeyPairSync } from 'node:crypto';
import {
  AUTHORITY_TABLES,
  columnsOf,
  CompactRange,
  encodeBody,
  EXPORT_FORMAT,
  formatExportLine,
  type HeldReceipt,
  leafHash,
  type LogRecord,
  type NoteSigner,
  signCheckpoint,
  signerFromPem,
} from '@scc/audit';

export const ORIGIN = 'scc.poc/cli-spec';

export function aSigner(origin = ORIGIN): NoteSigner {
  const { privateKey } = generateKeyPairSync('ed25519');
  return signerFromPem(origin, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
}

export interface LogFixture {
  records: LogRecord[];
  receipts: HeldReceipt[];
  /** The checkpoint of each size that was signed. */
  checkpoints: Map<number, string>;
}

const EVERY = 10;

/** A sealed log of so many entries with a checkpoint after every ten, as governance exports it. */
export function aLog(size: number, signer: NoteSigner): LogFixture {
  const range = CompactRange.empty();
  const exportedAt = new Date('2026-03-10T13:00:00.000Z').toISOString();
  const records: LogRecord[] = [
    { t: 'header', format: EXPORT_FORMAT, origin: ORIGIN, keys: [signer.vkey], exportedAt },
  ];
  const receipts: HeldReceipt[] = [];
  const checkpoints = new Map<number, string>();
  for (let index = 0; index < size; index += 1) {
    const body = {
      v: 1 as const,
      id: `ENTRY${String(index).padStart(4, '0')}`,
      occurredAt: new Date(Date.parse('2026-03-10T12:00:00.000Z') + index).toISOString(),
      actor: { name: 'ana' },
      action: 'approval.granted',
      object: { kind: 'SCCMigrationPlan', namespace: 'shop', name: 'ledger' },
      requestId: null,
      details: { index },
    };
    const bytes = encodeBody(body);
    const leaf = leafHash(bytes);
    range.append(leaf);
    const entry = { row: index + 1, leaf, body: bytes, columns: columnsOf(body) };
    records.push({ t: 'entry', index, sealed: leaf, entry });
    receipts.push({ entryId: body.id, leafHash: leaf.toString('hex'), index, checkpoint: null });
    if (range.size % EVERY !== 0) continue;
    const note = signCheckpoint({ origin: ORIGIN, size: range.size, root: range.root() }, [signer]);
    records.push({ t: 'checkpoint', size: range.size, note });
    checkpoints.set(range.size, note);
  }
  for (const table of AUTHORITY_TABLES) records.push({ t: 'table', table });
  records.push({ t: 'end', sealed: size, unsealed: 0, checkpoints: checkpoints.size, rows: 0 });
  return { records, receipts, checkpoints };
}

export const exportText = (records: readonly LogRecord[]): string =>
  records.map((record) => `${formatExportLine(record)}\n`).join('');
