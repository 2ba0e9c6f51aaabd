import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createLogger } from '@scc/runtime';
import { createBinding } from '../access/bindings.js';
import { at, inTx, NOON, person } from '../governance.fixture.js';
import { governanceSuite } from '../suite.fixture.js';
import { DataSource, type EntityManager } from 'typeorm';
import { Adoption } from './adoption.js';
import { answerFor, type FoundContradiction } from './answers.js';
import { append, aRecord, aSigner, seal } from './audit-log.fixture.js';
import { AuthorityWatch, contradictionsIn } from './authority-watch.js';
import { answersIn, keepOpen } from './open-findings.js';
import type { PublishedContradiction } from './publish.js';
import { PublishedWatch, publishedFinding } from './published-watch.js';
import { SchemaWatch } from './schema-watch.js';
import { StateWatch } from './state-watch.js';

const database = governanceSuite();
const logger = createLogger('schema-watch-spec', 'silent');
const auditor = { actor: { name: 'ada' }, requestId: null, reason: 'looked at by two people', checkpoint: null };

/** Governance as it is started: each has seen nothing yet. */
const started = (now?: () => Date) =>
  new AuthorityWatch({
    ...{ source: database.app, logger },
    also: [new SchemaWatch(database.app), new StateWatch(database.app, now)],
  });

const answer = (found: readonly FoundContradiction[]) => inTx(database.app, (tx) => answerFor(tx, found, auditor));

beforeAll(async () => {
  const admin = at(NOON, person('olga', 'admin'));
  const granter = { grants: [{ role: 'admin' as const, namespaces: '*', because: 'spec' }], scope: ['*'] };
  await new Adoption(database.app, contradictionsIn).adopt();
  for (const name of ['åsa', 'bob'])
    await inTx(database.app, (tx) =>
      createBinding(tx, { role: 'approver', subject: { kind: 'User', name }, namespaces: 'shop' }, granter, admin),
    );
  await append(
    database.app,
    Array.from({ length: 600 }, (_none, index) => aRecord(index)),
  );
  await seal(database.app, { signer: aSigner('scc.poc/test'), origin: 'scc.poc/test' });
  expect(await started().look()).toEqual([]);
}, 60_000);

/** After each attack its answer is given, so that the next begins with a database in order. */
afterEach(async () => {
  await answer(await started().look());
});

const reset = `reset session_replication_role`;
const entries = `select setval(pg_get_serial_sequence('audit_entry', 'id'), `;
const bindings = `select setval(pg_get_serial_sequence('role_binding', 'id'), `;

describe('what a superuser does to the database', () => {
  it.each<[string, [attack: string[], undo: string[]], string, RegExp]>([
    [
      'another way to find tables',
      [
        ['create schema evil', 'alter role scc_app set search_path = evil, public'],
        ['alter role scc_app reset search_path', 'drop schema evil'],
      ],
      'setting of the role search_path',
      /evil, public/,
    ],
    [
      'the same for the whole database',
      [[`alter database scc set search_path = '$user', public, x`], ['alter database scc reset search_path']],
      'setting of the database search_path',
      /public, x/,
    ],
    [
      'triggers that do not fire for the service',
      [
        ['alter role scc_app set session_replication_role = replica'],
        ['alter role scc_app reset session_replication_role'],
      ],
      'setting of the role session_replication_role',
      /replica/,
    ],
    [
      'rows that are hidden from the service',
      [
        [
          'alter table role_binding enable row level security',
          `create policy hide on role_binding using (subject_name <> 'åsa')`,
        ],
        ['drop policy hide on role_binding', 'alter table role_binding disable row level security'],
      ],
      'policy role_binding.hide',
      /åsa/,
    ],
    [
      'a table that reads from another, too',
      [['create table more () inherits (role_binding)'], ['drop table more']],
      'table role_binding',
      /parent of more/,
    ],
    [
      'a function of triggers that does nothing',
      [
        [
          `create or replace function audit_check_seals() returns trigger language plpgsql as $$ begin return null; end $$`,
        ],
        [],
      ],
      'function audit_check_seals()',
      /return null/,
    ],
    [
      'a trigger on seals',
      [
        [
          `create function swallow() returns trigger language plpgsql as $$ begin return null; end $$`,
          'create trigger swallow before insert on audit_seal for each row when (new.index < 0) execute function swallow()',
        ],
        ['drop trigger swallow on audit_seal', 'drop function swallow'],
      ],
      'trigger audit_seal.swallow',
      /before insert/i,
    ],
    [
      'a trigger on checkpoints that is disabled',
      [
        ['alter table audit_checkpoint disable trigger audit_checkpoint_check'],
        ['alter table audit_checkpoint enable trigger audit_checkpoint_check'],
      ],
      'trigger audit_checkpoint.audit_checkpoint_check',
      /disabled/,
    ],
    [
      'a trigger on tiles that is gone',
      [
        ['drop trigger audit_tile_no_change on audit_tile'],
        [
          'create trigger audit_tile_no_change before update or delete on audit_tile for each row execute function audit_refuse_change()',
          'alter table audit_tile enable always trigger audit_tile_no_change',
        ],
      ],
      'trigger audit_tile.audit_tile_no_change',
      /is gone/,
    ],
    [
      'a rule that swallows',
      [
        ['create rule swallow as on insert to audit_tile where new.level < 0 do instead nothing'],
        ['drop rule swallow on audit_tile'],
      ],
      'rule audit_tile.swallow',
      /instead/i,
    ],
    [
      'a view in place of a table',
      [
        ['alter table policy_verdict rename to hidden', 'create view policy_verdict as select * from hidden'],
        ['drop view policy_verdict', 'alter table hidden rename to policy_verdict'],
      ],
      'table policy_verdict',
      /view/,
    ],
    [
      'a constraint that is gone',
      [
        ['alter table audit_seal drop constraint audit_seal_entry_key'],
        ['alter table audit_seal add constraint audit_seal_entry_key unique (entry)'],
      ],
      'constraint audit_seal.audit_seal_entry_key',
      /is gone/,
    ],
    [
      'an index that keeps things apart',
      [
        ['drop index scc_presence_now'],
        ['create unique index scc_presence_now on scc_presence (name) where present_to is null'],
      ],
      'index scc_presence_now',
      /is gone/,
    ],
    [
      'a default that forges',
      [
        [`alter table approval_decision alter withdrawn_at set default now()`],
        ['alter table approval_decision alter withdrawn_at drop default'],
      ],
      'column approval_decision.withdrawn_at',
      /default now/,
    ],
    [
      'a column that is made of others',
      [
        [`alter table role_binding add forged text generated always as ('x' || role) stored`],
        ['alter table role_binding drop forged'],
      ],
      'column role_binding.forged',
      /generated s/,
    ],
    [
      'a column that may be null',
      [['alter table audit_entry alter actor drop not null'], ['alter table audit_entry alter actor set not null']],
      'column audit_entry.actor',
      /text/,
    ],
    [
      'a right to rewrite',
      [['grant update on audit_entry to scc_app'], ['revoke update on audit_entry from scc_app']],
      'right on audit_entry of scc_app',
      /UPDATE/,
    ],
    [
      'a right of everybody on a column',
      [
        ['grant update (namespaces) on role_binding to public'],
        ['revoke update (namespaces) on role_binding from public'],
      ],
      'right on role_binding.namespaces of public',
      /UPDATE/,
    ],
    [
      'a service that is a superuser',
      [['alter role scc_app superuser'], ['alter role scc_app nosuperuser']],
      'role of the service',
      /superuser/,
    ],
    [
      'a table that does not outlive a crash',
      [['alter table scc_mixture set unlogged'], ['alter table scc_mixture set logged']],
      'table scc_mixture',
      /not permanent/,
    ],
    [
      'another owner',
      [
        ['create role thief', 'alter table role_binding owner to thief'],
        ['alter table role_binding owner to scc_owner', 'drop role thief'],
      ],
      'table role_binding',
      /of thief/,
    ],
    [
      'a trigger on statements of everybody',
      [
        [
          'create function watch_all() returns event_trigger language plpgsql as $$ begin end $$',
          'create event trigger watch_all on ddl_command_end execute function watch_all()',
        ],
        ['drop event trigger watch_all', 'drop function watch_all'],
      ],
      'event trigger watch_all',
      /ddl_command_end/,
    ],
    [
      'a function of PostgreSQL that says something else',
      [
        [`create function pg_catalog.sha256(text) returns bytea language sql as $$ select ''::bytea $$`],
        ['drop function pg_catalog.sha256(text)'],
      ],
      'function sha256(text) beside those of PostgreSQL',
      /sha256/,
    ],
    [
      'a sequence that gives numbers again',
      [[`${bindings} 1)`], [`${bindings} (select max(id) from role_binding))`]],
      'role_binding_id_seq',
      /set back/,
    ],
    [
      'a sequence that is set forward',
      [[`${entries} 5000000000)`], [`${entries} (select max(id) from audit_entry))`]],
      'audit_entry_id_seq',
      /set forward/,
    ],
  ])('%s', async (_what, [attack, undo], key, message) => {
    const before = started();
    expect(await before.look()).toEqual([]);
    try {
      for (const statement of attack) await database.admin.query(statement);
      // A session keeps the settings that it began with.
      for (const watch of [before, started()]) {
        const found = (await watch.look()).find((one) => one.key === key);
        // The entry that it was found is itself a row with the next number.
        if (key !== 'audit_entry_id_seq') expect(found?.isOver ?? false).toBe(false);
        expect(found?.message).toMatch(message);
        expect(watch.contradicted).not.toBeNull();
      }
    } finally {
      for (const statement of [...undo, reset]) await database.admin.query(statement);
    }
    if (undo.length > 0)
      expect((await started().look()).find((one) => one.key === key)).toMatchObject({ isOver: true });
  });
});

describe('a table of the log that is emptied', () => {
  it.each<[string, string, RegExp]>([
    ['audit_tile', 'audit_tile/size', /has 0 full tiles of hashes, and 2 are sealed/],
    ['audit_checkpoint', 'audit_checkpoint/size', /signs 0 entries/],
    ['audit_entry', 'audit_entry/size', /has \d+ entries, and \d+ are sealed/],
    ['audit_seal', 'audit_seal/size', /had \d+/],
  ])('%s', async (table, place, message) => {
    const before = started();
    await before.look();
    const replica = 'set session_replication_role = replica';
    const { url } = database.admin.options as { url: string };
    const single = await new DataSource({ type: 'postgres', url, poolSize: 1 }).initialize();
    try {
      for (const statement of [
        replica,
        `create table kept as table ${table}`,
        `alter table ${table} disable trigger all`,
      ])
        await single.query(statement);
      await single.query(`truncate ${table} cascade`);
      const found = await before.look();
      expect(found.find((one) => `${one.table}/${one.key}` === place)?.message).toMatch(message);
    } finally {
      await single.query(`delete from ${table}`);
      await single.query(`insert into ${table} overriding system value table kept`);
      await single.query(`alter table ${table} enable trigger all`);
      for (const always of ['no_change', 'no_truncate'])
        await single.query(`alter table ${table} enable always trigger ${table}_${always}`);
      await single.query('drop table kept');
      await single.destroy();
    }
    // The entry that it was found is lost with the table of entries.
    const isKept = (await started().look()).some((one) => `${one.table}/${one.key}` === place);
    expect(isKept).toBe(table !== 'audit_entry');
  });

  it('is not adopted as what an earlier version left', async () => {
    await expect(
      database.admin.transaction(async (tx) => {
        await tx.query('alter table audit_entry disable trigger all');
        await tx.query('truncate audit_entry');
        const within = Object.create(database.app) as DataSource;
        within.transaction = (async (_level: unknown, work: (on: EntityManager) => Promise<void>) => {
          await work(tx);
        }) as DataSource['transaction'];
        await new Adoption(within, contradictionsIn).adopt();
        expect(await tx.query('select from audit_entry')).toEqual([]);
        throw new Error('undone');
      }),
    ).rejects.toThrow('undone');
  });
});

describe('replicas of two versions, of which one knows fewer tables', () => {
  it('take no table of the other for lost', async () => {
    const older = () => new SchemaWatch(database.app, ['role_binding', 'schema_migration']);
    expect(await older().look()).toEqual([]);
    expect(await new SchemaWatch(database.app).look()).toEqual([]);
    await database.admin.query('alter table role_binding alter created_by drop not null');
    try {
      expect((await older().look()).map(({ key }) => key)).toContain('column role_binding.created_by');
    } finally {
      await database.admin.query('alter table role_binding alter created_by set not null');
    }
  });
});

describe('scripts that are none of this version', () => {
  const MINUTE = 60_000;
  const later = () => Date.now() + 11 * MINUTE;
  /** A clock by which eleven minutes pass between two looks. */
  const stepping = () => {
    let nowMs = Date.now();
    return () => (nowMs += 11 * MINUTE);
  };
  const loosen = 'alter table role_binding alter created_by drop not null';
  const tighten = 'alter table role_binding alter created_by set not null';

  it('let no other schema be taken for the one to compare with', async () => {
    const clock = { nowMs: Date.now };
    const watch = new SchemaWatch(database.app, undefined, () => clock.nowMs());
    expect(await watch.look()).toEqual([]);
    await database.admin.query(`insert into schema_migration (name, checksum) values ('999-forged.sql', 'x')`);
    await database.admin.query(loosen);
    try {
      // As beside the first replica of a newer version.
      expect(await watch.look()).toEqual([]);
      clock.nowMs = later;
      expect(await watch.look()).toMatchObject([{ table: 'schema_migration', key: '999-forged.sql' }]);
      await database.admin.query(`delete from schema_migration where name = '999-forged.sql'`);
      expect((await watch.look()).map(({ key }) => key)).toContain('column role_binding.created_by');
    } finally {
      await database.admin.query(`delete from schema_migration where name = '999-forged.sql'`);
      await database.admin.query(tighten);
    }
    expect(await watch.look()).toEqual([]);
  });

  it('are lived with once somebody has answered for them', async () => {
    await database.admin.query(`insert into schema_migration (name, checksum) values ('999-newer.sql', 'x')`);
    try {
      const patient = new SchemaWatch(database.app, undefined, stepping());
      await patient.look();
      const found = await patient.look();
      expect(found).toMatchObject([{ key: '999-newer.sql' }]);
      await answer(found);
      expect(await patient.look()).toEqual([]);
      await database.admin.query(loosen);
      expect((await patient.look()).map(({ key }) => key)).toContain('column role_binding.created_by');
    } finally {
      await database.admin.query(tighten);
      await database.admin.query(`delete from schema_migration where name = '999-newer.sql'`);
    }
  });

  it('are missed at once', async () => {
    const rows: unknown = await database.admin.query('select * from schema_migration order by name desc limit 1');
    const [{ name, checksum }] = rows as [{ name: string; checksum: string }];
    await database.admin.query('delete from schema_migration where name = $1', [name]);
    try {
      expect(await new SchemaWatch(database.app).look()).toMatchObject([{ key: name, holds: { stands: 'gone' } }]);
      await database.admin.query('insert into schema_migration (name, checksum) values ($1, $2)', [name, 'other']);
      expect((await new SchemaWatch(database.app).look())[0]?.message).toContain('another content');
    } finally {
      await database.admin.query('delete from schema_migration where name = $1', [name]);
      await database.admin.query('insert into schema_migration (name, checksum) values ($1, $2)', [name, checksum]);
    }
    expect(await new SchemaWatch(database.app).look()).toEqual([]);
  });
});

describe('a clock that was set back', () => {
  it('is named while the newest entries are of the future', async () => {
    const hour = 3_600_000;
    const found = await started(() => new Date(Date.now() - hour)).look();
    expect(found).toMatchObject([{ fault: 'clock-set-back', key: 'clock' }]);
    expect(await started().look()).toMatchObject([{ fault: 'clock-set-back', isOver: true }]);
  });
});

describe('a published checkpoint that the log does not continue', () => {
  it('stays open after a restart, also when it was taken away', async () => {
    let published: PublishedContradiction | null = { message: 'a checkpoint of 900 entries', checkpoint: 'note' };
    const watch = () =>
      new AuthorityWatch({
        ...{ source: database.app, logger },
        also: [new PublishedWatch(database.app, () => published)],
      });
    expect(await watch().look()).toMatchObject([{ fault: 'rolled-back', key: 'published' }]);
    published = null;
    expect(await watch().look()).toMatchObject([{ fault: 'rolled-back', key: 'published', isOver: true }]);
  });

  it('is closed by an answer that comes before who publishes has tried again', async () => {
    const published = { message: 'a checkpoint of 900 entries', checkpoint: 'note' };
    const also = [new PublishedWatch(database.app, () => published)];
    const watch = new AuthorityWatch({ ...{ source: database.app, logger }, also });
    const found = await watch.look();
    expect(found).toMatchObject([{ fault: 'rolled-back', key: 'published' }]);
    await database.app.transaction((tx) => answerFor(tx, found, { ...auditor, checkpoint: 'note' }));
    expect(await watch.look()).toEqual([]);
    expect(watch.contradicted).toBeNull();
  });

  it('is not open again when a look that began before the answer ends after it', async () => {
    const finding = publishedFinding({ message: 'a checkpoint of 901 entries', checkpoint: 'other' });
    const before = await answersIn(database.app);
    await database.app.transaction((tx) => answerFor(tx, [finding], { ...auditor, checkpoint: 'other' }));
    expect(await keepOpen(database.app, [finding], before)).toEqual([]);
    expect(await keepOpen(database.app, [], await answersIn(database.app))).toEqual([]);
    // What is found by a look that began afterwards is another incident.
    await keepOpen(database.app, [finding], await answersIn(database.app));
    const [left] = await keepOpen(database.app, [], await answersIn(database.app));
    expect(left).toMatchObject({ key: 'published', isOver: true });
  });
});

describe('a database in which the comparison cannot be made', () => {
  it('is found, too', async () => {
    await database.admin.query('alter table break_glass rename column review to other');
    try {
      const found = await started().look();
      expect(found.find(({ fault }) => fault === 'not-comparable')?.message).toMatch(/review/);
    } finally {
      await database.admin.query('alter table break_glass rename column other to review');
    }
  });
});

describe('the role of the service', () => {
  it.each([
    'truncate audit_tile',
    'alter table audit_seal disable trigger all',
    'drop trigger audit_seal_check on audit_seal',
    'create rule nothing as on insert to audit_seal do instead nothing',
    `select setval(pg_get_serial_sequence('audit_entry', 'id'), 1)`,
    'set session_replication_role = replica',
    'alter table role_binding enable row level security',
    'create table more () inherits (role_binding)',
    'alter table audit_entry alter actor drop not null',
    'create or replace function audit_check_seals() returns trigger language plpgsql as $$ begin return null; end $$',
    'create view public.role_bindings as select * from role_binding',
    'alter database scc set search_path = x',
    'alter role scc_app superuser',
    'create schema evil',
  ])('may not: %s', async (statement) => {
    await expect(database.app.query(statement)).rejects.toThrow(
      /permission denied|must be (owner|able|superuser|a superuser)|not owner/,
    );
  });
});
