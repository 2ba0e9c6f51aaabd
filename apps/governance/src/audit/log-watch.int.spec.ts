import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { formatExportLine, parseExportLine, rotationDetails, verifyLog } from '@scc/audit';
import { createLogger } from '@scc/runtime';
import { governanceSuite } from '../suite.fixture.js';
import { answerFor, type FoundContradiction } from './answers.js';
import { append, aRecord, aSigner, ORIGIN, seal, SecondVerifier } from './audit-log.fixture.js';
import { AuthorityWatch } from './authority-watch.js';
import { readLog } from './log-reader.js';
import { LogWatch } from './log-watch.js';
import { inTx } from '../governance.fixture.js';
import { DataSource } from 'typeorm';

/** What a superuser does to the log itself, and what governance says of it while it runs. */

const database = governanceSuite();
const signer = aSigner();
const stranger = aSigner();
const watching = (by = signer) => new LogWatch(database.app, { origin: ORIGIN, vkeys: [by.vkey] });
const named = (found: readonly FoundContradiction[]) => found.map(({ fault, key }) => `${fault} ${key}`);
let single: DataSource;
let secondVerifier: SecondVerifier;
/** Where the second verifier puts a fault that has no index. */
const WITHOUT_PLACE = 2 ** 62;

const LOG = ['audit_entry', 'audit_seal', 'audit_checkpoint', 'audit_tile', 'audit_key', 'audit_epoch'];

beforeAll(async () => {
  secondVerifier = await SecondVerifier.build();
  for (let batch = 0; batch < 2; batch += 1) {
    await append(
      database.app,
      Array.from({ length: 300 }, (_none, index) => aRecord(300 * batch + index)),
    );
    await seal(database.app, { signer });
  }
  const { url } = database.admin.options as { url: string };
  single = await new DataSource({ type: 'postgres', url, poolSize: 1 }).initialize();
  for (const table of LOG) await single.query(`alter table ${table} disable trigger all`);
}, 60_000);
afterAll(async () => {
  await single.destroy();
  await secondVerifier.remove();
});

const at = (index: number): string => `id = (select entry from audit_seal where index = ${index})`;

it.each<[string, [attack: string[], table: string], string[]]>([
  [
    'an entry that was edited',
    [
      [
        `update audit_entry set body = convert_to(replace(convert_from(body, 'UTF8'), 'reviewed', 'refused'), 'UTF8') where ${at(7)}`,
      ],
      'audit_entry',
    ],
    ['body-edited body-edited/7'],
  ],
  [
    'an entry that is found as another',
    [[`update audit_entry set actor = 'eve' where ${at(7)}`], 'audit_entry'],
    ['column-altered column-altered/7'],
  ],
  [
    'an entry that is gone',
    [[`delete from audit_entry where ${at(599)}`], 'audit_entry'],
    ['entry-missing entry-missing/599'],
  ],
  [
    'entries that were exchanged',
    [
      [
        `update audit_seal set index = case index when 10 then 20 else 10 end + 1000000 where index in (10, 20)`,
        `update audit_seal set index = index - 1000000 where index >= 1000000`,
      ],
      'audit_seal',
    ],
    ['seal-order-changed seal-order-changed/10'],
  ],
  [
    'a checkpoint that is gone',
    [['delete from audit_checkpoint where size = 200'], 'audit_checkpoint'],
    ['checkpoint-missing checkpoint-missing/199'],
  ],
  [
    'a checkpoint that was changed',
    [[`update audit_checkpoint set note = replace(note, '200', '201') where size = 200`], 'audit_checkpoint'],
    ['checkpoint-replaced checkpoint-replaced/199'],
  ],
  [
    'a tile that was changed',
    [['update audit_tile set root = sha256(root) where index = 0 and level = 0'], 'audit_tile'],
    ['tile-altered tile-altered/0'],
  ],
  [
    'an edge of the tree that no sealer can go on from',
    [['update audit_checkpoint set compact_range = sha256(compact_range) where size = 600'], 'audit_checkpoint'],
    ['checkpoint-replaced newest'],
  ],
  [
    'a key that no rotation introduced',
    [[`insert into audit_key (vkey) values ('${stranger.vkey}')`], 'audit_key'],
    [`key-replaced key/${stranger.vkey}`],
  ],
  [
    'a key that came before all others',
    [[`insert into audit_key (vkey, added_at) values ('${stranger.vkey}', '2020-01-01')`], 'audit_key'],
    ['key-replaced key/oldest'],
  ],
  [
    'a key with the same name and id and other bytes',
    [
      [
        `update audit_key set vkey = regexp_replace(vkey, '[^+]*$', '') || regexp_replace('${stranger.vkey}', '^[^+]*[+][^+]*[+]', '')`,
      ],
      'audit_key',
    ],
    ['key-replaced key/oldest', 'key-replaced key-replaced/0'],
  ],
  ['sealers that are gone', [['delete from audit_epoch'], 'audit_epoch'], ['checkpoint-replaced epoch/49']],
  [
    'seals of another sealer than their checkpoint',
    [['update audit_seal set epoch = 2 where index = 3'], 'audit_seal'],
    ['checkpoint-replaced epoch/3'],
  ],
  [
    'an entry that the service did not write',
    [
      [
        `insert into audit_entry (entry_id, body, leaf_hash, occurred_at, actor, action, object_kind) values ('FORGED', 'x', sha256('\\x0078'), now(), 'olga', 'record.answered', 'AuditLog')`,
      ],
      'audit_entry',
    ],
    ['entry-malformed entry-malformed/FORGED'],
  ],
])('names %s, also when the look began before', async (_what, [attack, table], keys) => {
  const before = watching();
  expect(await before.look()).toEqual([]);
  await single.query(`create table kept as table ${table}`);
  try {
    for (const statement of attack) await single.query(statement);
    for (const watch of [before, watching()]) {
      expect(named(await watch.look())).toEqual(expect.arrayContaining(keys));
    }
  } finally {
    await single.query(`delete from ${table}`);
    await single.query(`insert into ${table} overriding system value table kept`);
    await single.query('drop table kept');
  }
  expect(await before.look()).toEqual([]);
});

/** The answer of both verifiers to an export, about the log itself: they name the same places. */
const exported = async () => {
  const lines: string[] = [];
  for await (const batch of readLog(database.app, { origin: ORIGIN, exportedAt: new Date() }))
    lines.push(...batch.map(formatExportLine));
  async function* records() {
    await Promise.resolve();
    yield lines.map((line, at) => parseExportLine(line, at + 1));
  }
  const trust = { origin: ORIGIN, keys: [signer.vkey], anchors: [], receipts: [] };
  const { findings } = await verifyLog(records(), trust);
  const named = findings.filter(({ fault, severity }) => severity === 'tampered' && fault !== 'row-without-entry');
  const second = await secondVerifier.verify(records(), trust);
  expect(second.verdict).toBe(named.length > 0 ? 'tampered' : 'clean');
  const places = named.map(({ index }) => index ?? WITHOUT_PLACE);
  expect(new Set(second.problems.map(({ to }) => to))).toEqual(new Set(places));
  return named.map(({ fault, message }) => `${fault} ${message}`);
};

it.each<[string, string, string, RegExp]>([
  [
    'the edge of the newest tree',
    'update audit_checkpoint set compact_range = sha256(compact_range) where size = 600',
    'audit_checkpoint',
    /^checkpoint-replaced the checkpoint of size 600 is kept with another edge of the tree/,
  ],
  [
    'the edge of an older tree',
    `update audit_checkpoint set compact_range = '' where size = 200`,
    'audit_checkpoint',
    /^checkpoint-replaced the checkpoint of size 200 is kept with another edge of the tree/,
  ],
  [
    'a key that no rotation made',
    `insert into audit_key (vkey) values ('${stranger.vkey}')`,
    'audit_key',
    /^key-replaced no rotation introduced the key/,
  ],
  [
    'sealers that are gone',
    'delete from audit_epoch',
    'audit_epoch',
    /^checkpoint-replaced the checkpoint of size 50 is of the sealer 1, which is not there/,
  ],
  [
    'a seal of another sealer',
    'update audit_seal set epoch = 2 where index = 3',
    'audit_seal',
    /^checkpoint-replaced the checkpoint of size 50 is of the sealer 1, and the seal 3 of another one/,
  ],
  [
    'a checkpoint of an earlier sealer',
    'update audit_checkpoint set epoch = 1 where size = 600',
    'audit_checkpoint',
    /^checkpoint-replaced the checkpoint of size 600 is of the sealer 1/,
  ],
])('an export shows %s', async (_what, attack, table, said) => {
  expect(await exported()).toEqual([]);
  await single.query(`create table kept as table ${table}`);
  try {
    await single.query(attack);
    expect(await exported()).toContainEqual(expect.stringMatching(said));
  } finally {
    await single.query(`delete from ${table}`);
    await single.query(`insert into ${table} overriding system value table kept`);
    await single.query('drop table kept');
  }
  expect(await exported()).toEqual([]);
});

it('says nothing more of what somebody has answered for as it stands', async () => {
  await single.query('create table kept as table audit_checkpoint');
  await single.query('delete from audit_checkpoint where size = 250');
  const watch = watching();
  const found = await watch.look();
  const auditor = { actor: { name: 'ada' }, requestId: null, reason: 'looked at by two people', checkpoint: null };
  await inTx(database.app, (tx) => answerFor(tx, found, auditor));
  expect(await watch.look()).toEqual([]);
  await single.query('insert into audit_checkpoint select * from kept where size = 250');
  await single.query('drop table kept');
});

it('is not put out of action by entries that say they are something else', async () => {
  const forged = [
    'record.answered',
    'record.contradicted',
    'record.schema',
    'record.adopted',
    'access.granted',
    'audit.key.rotated',
  ];
  for (const action of forged)
    await single.query(
      `insert into audit_entry (entry_id, body, leaf_hash, occurred_at, actor, action, object_kind)
       values ($1, 'x', sha256('\\x0078'), now(), 'olga', $2::text, 'AuditLog')`,
      [`FORGED ${action}`, action],
    );
  const logger = createLogger('log-watch-spec', 'silent');
  const found = await new AuthorityWatch({ source: database.app, logger, also: [watching()] }).look();
  expect(named(found)).toEqual(
    expect.arrayContaining(forged.map((action) => `entry-malformed entry-malformed/FORGED ${action}`)),
  );
  await single.query(`delete from audit_entry where entry_id like 'FORGED%'`);
  const verified = () =>
    verifyLog(readLog(database.app, { origin: ORIGIN, exportedAt: new Date() }), {
      ...{ origin: ORIGIN, keys: [signer.vkey], anchors: [], receipts: [] },
    });
  // What is over waits for an answer, also for whoever has only the log.
  expect(await verified()).toMatchObject({ verdict: 'tampered', totals: { contradicted: found.length } });
  const open = await new AuthorityWatch({ source: database.app, logger, also: [watching()] }).look();
  const auditor = { actor: { name: 'ada' }, requestId: null, reason: 'looked at by two people', checkpoint: null };
  await inTx(database.app, (tx) => answerFor(tx, open, auditor));
  expect(await verified()).toMatchObject({ verdict: 'clean' });
});

it('follows a rotation of the key', async () => {
  const next = aSigner();
  await append(database.app, [
    { ...aRecord(1), action: 'audit.key.rotated', details: rotationDetails(ORIGIN, signer, next) },
  ]);
  await single.query('insert into audit_key (vkey) values ($1)', [next.vkey]);
  expect(await exported()).toEqual([]);
  await seal(database.app, { signer: next, previousSigner: signer });
  for (const by of [signer, next]) expect(await watching(by).look()).toEqual([]);
  expect(await exported()).toEqual([]);
});
