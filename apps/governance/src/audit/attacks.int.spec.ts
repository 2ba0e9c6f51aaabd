import { sign } from 'node:crypto';
import { type Anchor, encodeBody, type HeldReceipt, leafHash, parseCheckpoint, signCheckpoint, verifyLog, type VerifyReport } from '@scc/audit';
import { rootOf } from '@scc/audit';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { append, aRecord, aSigner, Databases, ORIGIN, seal } from './audit-log.fixture.js';
import { readLog } from './log-reader.js';

void sign;
const signer = aSigner();
let databases: Databases;
/** 600 sealed entries: two full tiles and a tail, a checkpoint every 50 entries. */
let base: string;
/** The same log when it had 400 entries. */
let backup: string;
let anchors: Anchor[];
let receipts: HeldReceipt[];

const records = (from: number, to: number): ReturnType<typeof aRecord>[] =>
  Array.from({ length: to - from }, (_none, at) => aRecord(from + at));

beforeAll(async () => {
  databases = new Databases('postgres://postgres@127.0.0.1:54999/postgres');
  base = await databases.create();
  const app = await databases.app(base);
  receipts = await append(app, records(0, 400));
  anchors = await seal(app, { signer });
  await app.destroy();
  backup = await databases.copy(base);
  const again = await databases.app(base);
  receipts = [...receipts, ...(await append(again, records(400, 600)))];
  anchors = [...anchors, ...(await seal(again, { signer }))];
  await again.destroy();
});
afterAll(() => databases.close());

const WITHOUT_TRIGGERS = ['audit_entry', 'audit_seal', 'audit_checkpoint', 'audit_tile', 'audit_key']
  .map((table) => `alter table ${table} disable trigger all;`)
  .join('\n');

/** Copies the log and lets a superuser loose on it. */
async function attacked(...statements: string[]): Promise<DataSource> {
  const admin = await databases.admin(await databases.copy(base));
  await admin.query(WITHOUT_TRIGGERS);
  for (const statement of statements) await admin.query(statement);
  return admin;
}

async function verify(source: DataSource, trust: Partial<Parameters<typeof verifyLog>[1]> = {}): Promise<VerifyReport> {
  return verifyLog(readLog(source, { origin: ORIGIN, exportedAt: new Date() }), {
    origin: ORIGIN,
    keys: [signer.vkey],
    anchors,
    receipts,
    ...trust,
  });
}

const named = ({ verdict, first }: VerifyReport): unknown => ({ verdict, fault: first?.fault, index: first?.index });
const tampered = (fault: string, index: number | null): unknown => ({ verdict: 'tampered', fault, index });
const entryAt = (index: number): string => `(select entry from audit_seal where index = ${index})`;
const editBody = (at: number): string =>
  `update audit_entry set body = convert_to(replace(convert_from(body, 'UTF8'), 'granted', 'refused'), 'UTF8'), action = 'approval.refused' where id = ${entryAt(at)}`;
const rehash = (at: number): string => `update audit_entry set leaf_hash = sha256('\\x00'::bytea || body) where id = ${entryAt(at)}`;
const reseal = (at: number): string =>
  `update audit_seal s set leaf_hash = e.leaf_hash from audit_entry e where e.id = s.entry and s.index = ${at}`;
const renumber = (from: number, by: number): string[] => [
  `update audit_seal set index = -index - 1000000 where index >= ${from}`,
  `update audit_seal set index = -index - 1000000 + ${by} where index < 0`,
];

describe('verify', () => {
  it('calls an untouched log clean', async () => {
    const report = await verify(await attacked());
    expect(report).toMatchObject({
      verdict: 'clean',
      findings: [],
      checked: { sealed: 600, unsealed: 0, checkpoints: 12, receipts: 600 },
    });
  });

  it('calls an empty log clean', async () => {
    const source = await databases.admin(await databases.create());
    expect(await verify(source, { anchors: [], receipts: [] })).toMatchObject({ verdict: 'clean', checked: { sealed: 0 } });
  });

  it.each<[string, string[], string, number]>([
    ['an edited body', [editBody(300)], 'body-edited', 300],
    ['a body edited with its hash', [editBody(300), rehash(300)], 'leaf-rewritten', 300],
    ['a body edited with its hash and its seal, under a tile', [editBody(300), rehash(300), reseal(300)], 'leaf-rewritten', 300],
    ['a body edited with its hash and its seal, in the tail', [editBody(570), rehash(570), reseal(570)], 'receipt-contradicted', 570],
    ['a deleted middle entry', [`delete from audit_entry where id = ${entryAt(300)}`], 'entry-missing', 300],
    ['a deleted middle entry with its seal', [`delete from audit_entry where id = ${entryAt(300)}`, 'delete from audit_seal where index = 300'], 'index-gap', 300],
  ])('names %s', async (_attack, statements, fault, index) => {
    const indexed = receipts.map((receipt, at) => ({ ...receipt, index: at }));
    expect(named(await verify(await attacked(...statements), { receipts: indexed }))).toEqual(tampered(fault, index));
  });
});
void [encodeBody, leafHash, parseCheckpoint, signCheckpoint, rootOf, renumber];
