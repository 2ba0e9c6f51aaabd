import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type Anchor,
  type AuditBody,
  columnsOf,
  encodeBody,
  type HeldReceipt,
  leafHash,
  parseCheckpoint,
  signCheckpoint,
  type Trust,
  verifyLog,
  type VerifyReport,
} from '@scc/audit';
import type { DataSource } from 'typeorm';
import { append, aRecord, aSigner, Databases, ORIGIN, seal, SecondVerifier } from './audit-log.fixture.js';
import { readLog } from './log-reader.js';

const signer = aSigner();
/** Where the independent verifier puts a fault that has no index. */
const WITHOUT_PLACE = 2 ** 62;
const stranger = aSigner();
let databases: Databases;
let secondVerifier: SecondVerifier;
/** 600 sealed entries: two full tiles and a tail, a checkpoint every 50 entries. */
let base: string;
/** The same log when it had 400 entries. */
let backup: string;
let anchors: Anchor[];
/** The answers to the callers: no index, because entries are sealed after the answer. */
let receipts: HeldReceipt[];
/** The answers that callers hold who asked again after sealing. */
let indexed: HeldReceipt[];

const records = (from: number, to: number): ReturnType<typeof aRecord>[] =>
  Array.from({ length: to - from }, (_none, at) => aRecord(from + at));

beforeAll(async () => {
  secondVerifier = await SecondVerifier.build();
  databases = await Databases.start();
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
  indexed = receipts.map((receipt, index) => ({ ...receipt, index }));
}, 60_000);
afterAll(async () => {
  await databases.close();
  await secondVerifier.remove();
});

const WITHOUT_TRIGGERS = ['audit_entry', 'audit_seal', 'audit_checkpoint', 'audit_tile', 'audit_key']
  .map((table) => `alter table ${table} disable trigger all;`)
  .concat('alter table audit_seal drop constraint audit_seal_entry_key;')
  .join('\n');

/** Copies a log and lets a superuser loose on it. */
async function attacked(statements: string[] = [], of = base): Promise<DataSource> {
  const admin = await databases.admin(await databases.copy(of));
  await admin.query(WITHOUT_TRIGGERS);
  for (const statement of statements) await admin.query(statement);
  return admin;
}

/** Lets the real sealer of the service go on where the attacker left the log. */
async function sealOn(attackedSource: DataSource, by = signer): Promise<Anchor[]> {
  const name =
    attackedSource.options.type === 'postgres' ? new URL(attackedSource.options.url ?? '').pathname.slice(1) : '';
  const app = await databases.app(name);
  const published = await seal(app, { signer: by });
  await app.destroy();
  return published;
}

/** Verifies with our verifier, and requires the independent one to agree on the verdict and the place. */
async function verify(
  source: DataSource,
  known: Partial<Trust & { exportedAt: Date; header: string }> = {},
): Promise<VerifyReport> {
  const { exportedAt = new Date(), header = ORIGIN, ...rest } = known;
  const trust = { origin: ORIGIN, keys: [signer.vkey], anchors, receipts, ...rest };
  const log = (): ReturnType<typeof readLog> => readLog(source, { origin: header, exportedAt });
  const report = await verifyLog(log(), trust);
  const second = await secondVerifier.verify(log(), trust);
  expect(second.verdict).toBe(report.verdict);
  if (report.verdict === 'tampered') {
    const [problem] = second.problems;
    const place = report.first?.index ?? WITHOUT_PLACE;
    expect(problem?.from).toBeLessThanOrEqual(place);
    expect(problem?.to).toBeGreaterThanOrEqual(place);
  }
  return report;
}

const named = ({ verdict, first }: VerifyReport): unknown => ({ verdict, fault: first?.fault, index: first?.index });
const tampered = (fault: string, index: number | null): unknown => ({ verdict: 'tampered', fault, index });
const entryAt = (index: number): string => `(select entry from audit_seal where index = ${index})`;
const editBody = (at: number): string =>
  `update audit_entry set body = convert_to(replace(convert_from(body, 'UTF8'), 'granted', 'refused'), 'UTF8'), action = 'approval.refused' where id = ${entryAt(at)}`;
const rehash = (at: number): string =>
  `update audit_entry set leaf_hash = sha256('\\x00'::bytea || body) where id = ${entryAt(at)}`;
const reseal = (at: number): string =>
  `update audit_seal s set leaf_hash = e.leaf_hash from audit_entry e where e.id = s.entry and s.index = ${at}`;
const moveSeals = (from: number, by: number): string[] => [
  `update audit_seal set index = index + 1000000 where index >= ${from}`,
  `update audit_seal set index = index - 1000000 + ${by} where index >= 1000000`,
];
/** A century earlier, in the body and in its column. */
const otherTime = (at: number): string[] => [
  `update audit_entry set body = convert_to(replace(convert_from(body, 'UTF8'), '"occurredAt":"20', '"occurredAt":"19'), 'UTF8') where id = ${entryAt(at)}`,
  `update audit_entry set occurred_at = (convert_from(body, 'UTF8')::json ->> 'occurredAt')::timestamptz where id = ${entryAt(at)}`,
];
const exchange = (table: string, key: string, columns: string, [a, b]: [string, string]): string =>
  `update ${table} t set (${columns}) = (select ${columns} from ${table} o where o.${key} = case when t.${key} = ${a} then ${b} else ${a} end) where ${key} in (${a}, ${b})`;
const BODY_COLUMNS =
  'entry_id, body, leaf_hash, occurred_at, actor, action, object_kind, object_namespace, object_name, request_id';

/** Writes a well-formed entry behind the service's back, dated and numbered as the attacker likes. */
async function forge(source: DataSource, occurredAt: Date, row: string): Promise<Buffer> {
  const body: AuditBody = {
    v: 1,
    id: `FORGED${occurredAt.getTime()}`,
    occurredAt: occurredAt.toISOString(),
    actor: { name: 'mallory' },
    action: 'approval.granted',
    object: { kind: 'SCCMigrationPlan', namespace: 'shop', name: 'plan-0' },
    requestId: null,
    details: {},
  };
  const bytes = encodeBody(body);
  await source.query(
    `insert into audit_entry (id, entry_id, body, leaf_hash, occurred_at, actor, action, object_kind, object_namespace, object_name, request_id)
     overriding system value values (${row}, $1, $9, $10, $2, $3, $4, $5, $6, $7, $8)`,
    [...columnsOf(body), bytes, leafHash(bytes)],
  );
  return leafHash(bytes);
}

const HOUR = 3_600_000;
const hourAgo = (): Date => new Date(Date.now() - HOUR);

describe('verify', () => {
  it('calls an untouched log clean', async () => {
    expect(await verify(await attacked())).toMatchObject({
      verdict: 'clean',
      findings: [],
      checked: { sealed: 600, unsealed: 0, checkpoints: 12, receipts: 600 },
    });
  });

  it('calls an empty log clean', async () => {
    const source = await databases.admin(await databases.create());
    expect(await verify(source, { anchors: [], receipts: [] })).toMatchObject({
      verdict: 'clean',
      checked: { sealed: 0 },
    });
  });

  it.each<[string, () => string[], string, number]>([
    ['1: an edited body', () => [editBody(300)], 'body-edited', 300],
    [
      '1: an edited search column',
      () => [`update audit_entry set actor = 'eve' where id = ${entryAt(7)}`],
      'column-altered',
      7,
    ],
    ['2: a body edited with its hash', () => [editBody(300), rehash(300)], 'leaf-rewritten', 300],
    ['2: … and its seal, under a tile', () => [editBody(300), rehash(300), reseal(300)], 'leaf-rewritten', 300],
    ['2: … and its seal, in the tail', () => [editBody(570), rehash(570), reseal(570)], 'root-mismatch', 570],
    ['3: a deleted middle entry', () => [`delete from audit_entry where id = ${entryAt(300)}`], 'entry-missing', 300],
    [
      '3: … with its seal',
      () => [`delete from audit_entry where id = ${entryAt(300)}`, 'delete from audit_seal where index = 300'],
      'index-gap',
      300,
    ],
    [
      '3: … with its seal, closing the gap',
      () => [
        `delete from audit_entry where id = ${entryAt(300)}`,
        'delete from audit_seal where index = 300',
        ...moveSeals(301, -1),
      ],
      'entry-missing',
      300,
    ],
    [
      '5: a truncated sealed tail',
      () => ['delete from audit_entry where id >= ' + entryAt(590), 'delete from audit_seal where index >= 590'],
      'tail-truncated',
      590,
    ],
    [
      '6: a truncated tail with its checkpoints',
      () => [
        'delete from audit_entry where id >= ' + entryAt(550),
        'delete from audit_seal where index >= 550',
        'delete from audit_checkpoint where size > 550',
      ],
      'rolled-back',
      550,
    ],
    [
      '8: two swapped entries',
      () => [exchange('audit_entry', 'id', BODY_COLUMNS.replace('entry_id, ', ''), [entryAt(100), entryAt(400)])],
      'entries-swapped',
      100,
    ],
    [
      '9: two seals that point at each other’s entry',
      () => [exchange('audit_seal', 'index', 'entry', ['100', '400'])],
      'seal-order-changed',
      100,
    ],
    [
      '9: two swapped seals, under a tile',
      () => [exchange('audit_seal', 'index', 'entry, leaf_hash', ['100', '130'])],
      'seal-order-changed',
      100,
    ],
    [
      '9: two swapped seals, in the tail',
      () => [exchange('audit_seal', 'index', 'entry, leaf_hash', ['520', '530'])],
      'seal-order-changed',
      520,
    ],
    [
      '14: JSON written again with the same meaning',
      () => [
        `update audit_entry set body = convert_to(replace(convert_from(body, 'UTF8'), '{"action"', '{ "action"'), 'UTF8') where id = ${entryAt(42)}`,
      ],
      'body-reencoded',
      42,
    ],
    [
      'an altered tile',
      () => [
        `update audit_tile t set hashes = overlay(hashes placing leaf_hash from 33) from audit_seal s where t.index = 1 and t.level = 0 and s.index = 0`,
      ],
      'tile-altered',
      257,
    ],
    [
      'all checkpoints but the newest few deleted',
      () => ['delete from audit_checkpoint where size < 500'],
      'checkpoint-missing',
      449,
    ],
    ['one deleted checkpoint', () => ['delete from audit_checkpoint where size = 300'], 'checkpoint-missing', 299],
    [
      'two entries that were exchanged with their columns, checkpoints and all',
      () => [
        exchange('audit_entry', 'id', BODY_COLUMNS.replace('entry_id, ', ''), [entryAt(100), entryAt(400)]),
        'delete from audit_checkpoint where size between 100 and 400',
      ],
      'entries-swapped',
      100,
    ],
    ['two exchanged tiles', () => [exchange('audit_tile', 'index', 'hashes, root', ['0', '1'])], 'tile-altered', 0],
    [
      'the root of a tile that was altered, which proofs are made of',
      () => [`update audit_tile set root = sha256(root) where index = 1 and level = 0`],
      'tile-altered',
      256,
    ],
    ['a tile that is gone', () => ['delete from audit_tile where index = 1 and level = 0'], 'tile-altered', 256],
    [
      'two checkpoints with exchanged notes',
      () => [exchange('audit_checkpoint', 'size', 'note', ['300', '350'])],
      'checkpoint-replaced',
      299,
    ],
    [
      'another time with its column, hash and seal, under a tile',
      () => [...otherTime(200), rehash(200), reseal(200)],
      'leaf-rewritten',
      200,
    ],
    [
      'another time with its column, hash and seal, in the tail',
      () => [...otherTime(540), rehash(540), reseal(540)],
      'root-mismatch',
      540,
    ],
    [
      'an entry that was moved, with all between',
      () => [
        'update audit_seal set index = 2000000 where index = 310',
        'update audit_seal set index = index + 1000000 where index between 305 and 309',
        'update audit_seal set index = index - 1000000 + 1 where index between 1000000 and 1999999',
        'update audit_seal set index = 305 where index = 2000000',
      ],
      'entry-inserted',
      305,
    ],
    [
      'an action that was renamed with its column, hash and seal',
      () => [editBody(10), rehash(10), reseal(10)],
      'leaf-rewritten',
      10,
    ],
    ['deleted checkpoints', () => ['delete from audit_checkpoint where size > 560'], 'checkpoint-missing', 550],
  ])('names %s', async (_attack, statements, fault, index) => {
    expect(named(await verify(await attacked(statements()), { receipts: indexed }))).toEqual(tampered(fault, index));
  });

  it('names 4: a deleted entry that was not sealed yet', async () => {
    const source = await attacked();
    const [receipt] = await append(source, [aRecord(600)]);
    await source.query(`delete from audit_entry where entry_id = $1`, [receipt?.entryId]);
    const report = await verify(source, { receipts: [...receipts, ...(receipt ? [receipt] : [])] });
    expect(report.first).toMatchObject({ fault: 'receipt-missing', entryId: receipt?.entryId });
    expect(report.verdict).toBe('tampered');
  });

  it('names 7: a back-dated entry that the sealer takes for a late one', async () => {
    const source = await attacked();
    await forge(source, hourAgo(), '-5');
    await sealOn(source);
    expect(named(await verify(source))).toEqual(tampered('back-dated', 600));
  });

  it.each([
    ['under a tile', 300],
    ['in the tail', 540],
  ])('names 7: an entry inserted %s', async (_where, index) => {
    const source = await attacked(moveSeals(index, 1));
    const leaf = await forge(source, new Date(), '-5');
    await source.query('insert into audit_seal (index, entry, leaf_hash, epoch) values ($1, -5, $2, 1)', [index, leaf]);
    expect(named(await verify(source))).toEqual(tampered('entry-inserted', index));
  });

  it('names 10: a log that was rewritten and signed again with the stolen key', async () => {
    const name = await databases.create();
    const source = await databases.app(name);
    await append(source, records(0, 250));
    await append(source, [...records(1_000, 1_050), ...records(300, 600)]);
    await seal(source, { signer });
    expect(named(await verify(source, { receipts: [] }))).toEqual(tampered('history-rewritten', 0));
    expect(named(await verify(source, { anchors: anchors.slice(-1), receipts: indexed }))).toEqual(
      tampered('history-rewritten', 0),
    );
    expect(await verify(source, { anchors: [], receipts: [] })).toMatchObject({ verdict: 'clean' });
  });

  describe('names 11: a checkpoint', () => {
    const rewrite = async (change: (note: string) => string, where = 'size = 300'): Promise<DataSource> => {
      const source = await attacked();
      const rows = await source.query<{ size: string; note: string }[]>(
        `select size, note from audit_checkpoint where ${where}`,
      );
      for (const { size, note } of rows)
        await source.query('update audit_checkpoint set note = $1 where size = $2', [change(note), size]);
      return source;
    };
    const withRoot = (note: string, root: Buffer, by = signer): string =>
      signCheckpoint({ ...parseCheckpoint(note), root }, [by]);

    it('whose text was changed', async () => {
      const source = await rewrite((note) =>
        note.replace(/\n300\n.*\n/, `\n300\n${Buffer.alloc(32, 1).toString('base64')}\n`),
      );
      expect(named(await verify(source))).toEqual(tampered('checkpoint-signature-invalid', 299));
    });
    it('with another root, signed with the stolen key', async () => {
      const source = await rewrite((note) => withRoot(note, Buffer.alloc(32, 1)));
      expect(named(await verify(source))).toEqual(tampered('checkpoint-replaced', 299));
    });
    it('moved to another size', async () => {
      const source = await rewrite((note) => signCheckpoint({ ...parseCheckpoint(note), size: 299 }, [signer]));
      expect(named(await verify(source))).toEqual(tampered('checkpoint-replaced', 299));
    });
    it('signed with a key that was never introduced', async () => {
      const source = await rewrite((note) => withRoot(note, parseCheckpoint(note).root, stranger));
      await source.query(`insert into audit_key (vkey, added_at) values ($1, now() + interval '1 hour')`, [
        stranger.vkey,
      ]);
      expect(named(await verify(source))).toEqual(tampered('key-replaced', 299));
    });
    it('like all others signed with another key', async () => {
      const source = await rewrite((note) => withRoot(note, parseCheckpoint(note).root, stranger), 'true');
      await source.query('update audit_key set vkey = $1', [stranger.vkey]);
      expect(named(await verify(source))).toEqual(tampered('key-replaced', 0));
    });
  });

  it('names 12: a restored older backup', async () => {
    expect(named(await verify(await attacked([], backup)))).toEqual(tampered('rolled-back', 400));
  });

  it('names 12: a restored older backup that the service went on with', async () => {
    const source = await attacked([], backup);
    await append(source, records(2_000, 2_300));
    await sealOn(source);
    expect(named(await verify(source))).toEqual(tampered('history-rewritten', 400));
  });

  it('names 13: two logs of one size, each signed', async () => {
    const [one, other] = [await attacked(), await attacked()];
    await append(one, [aRecord(1)]);
    await append(other, [aRecord(2)]);
    const views = [...(await sealOn(one)), ...(await sealOn(other))];
    expect(views.map(({ note }) => parseCheckpoint(note).size)).toEqual([601, 601]);
    expect(named(await verify(one, { anchors: [...anchors, ...views] }))).toEqual(tampered('split-view', 600));
    expect(named(await verify(one, { anchors: views.slice(1) }))).toEqual(tampered('history-rewritten', 400));
  });

  it('flags 15: a clock that was set back, and calls the log clean', async () => {
    const source = await attacked();
    await forge(source, hourAgo(), `nextval(pg_get_serial_sequence('audit_entry', 'id'))`);
    await sealOn(source);
    const report = await verify(source);
    expect(report).toMatchObject({ verdict: 'clean', totals: { 'clock-not-monotonic': 1 } });
    expect(report.findings[0]).toMatchObject({ severity: 'warning', index: 600 });
  });

  it('names 17: the log of another cluster', async () => {
    const name = await databases.create();
    const origin = 'scc.poc/elsewhere';
    const other = aSigner(origin);
    const source = await databases.app(name);
    await append(source, records(0, 60));
    await seal(source, { signer: other, origin });
    const elsewhere = { anchors: [], receipts: [], keys: [other.vkey] };
    expect(await verify(source, { ...elsewhere, header: origin, origin })).toMatchObject({ verdict: 'clean' });
    expect(named(await verify(source, elsewhere))).toEqual(tampered('foreign-origin', 0));
    expect(named(await verify(source, { ...elsewhere, header: origin }))).toEqual(tampered('foreign-origin', 0));
  });

  it('calls 18: a log whose sealer stopped incomplete, not clean', async () => {
    const source = await attacked();
    const late = await append(source, records(600, 603));
    const known = { receipts: [...receipts, ...late] };
    expect(await verify(source, known)).toMatchObject({ verdict: 'clean', checked: { unsealed: 3 } });
    const inAnHour = new Date(Date.now() + HOUR);
    expect(named(await verify(source, { ...known, exportedAt: inAnHour }))).toEqual({
      verdict: 'incomplete',
      fault: 'unsealed-entries',
      index: 600,
    });
  });
});
