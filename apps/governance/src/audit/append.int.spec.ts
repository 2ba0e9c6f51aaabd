import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { inTransaction } from '../database/transaction.js';
import { appendAuditBatch, AuditEntryNotStored } from './append.js';
import { append, aRecord, Databases } from './audit-log.fixture.js';

/** Obstacles between an entry and its table, put there with superuser rights. */
const HANDS: [string, string][] = [
  ['drops an entry', 'if new.action = $q$approval.granted$q$ then return null; end if; return new;'],
  ['changes who did it', 'new.actor := $q$nobody$q$; return new;'],
  ['changes the bytes', 'new.body := new.body || $q$ $q$::bytea; return new;'],
  ['changes the hash', 'new.leaf_hash := sha256(new.leaf_hash); return new;'],
  ['puts it before where the sealer looks', 'new.transaction_id := 0; return new;'],
];

let databases: Databases;
let admin: DataSource;
let app: DataSource;
beforeAll(async () => {
  databases = await Databases.start();
  const name = await databases.create();
  [admin, app] = [await databases.admin(name), await databases.app(name)];
  await admin.query('create table change (what text); grant all on change to scc_app');
}, 60_000);
afterAll(() => databases.close());

const counted = async (table: string): Promise<unknown> =>
  (await admin.query<unknown[]>(`select count(*)::int as rows from ${table}`))[0];

describe('an entry', () => {
  it.each([1, 2, 500])('is stored word for word, %d at a time', async (count) => {
    const records = Array.from({ length: count }, (_none, at) => aRecord(at));
    expect(await append(app, records)).toHaveLength(count);
  });

  it('keeps the order of its batch', async () => {
    const before = await admin.query<{ id: string }[]>('select coalesce(max(id), 0) as id from audit_entry');
    const receipts = await append(
      app,
      Array.from({ length: 200 }, (_none, at) => aRecord(at)),
    );
    const rows = await admin.query<{ entry_id: string }[]>(
      'select entry_id from audit_entry where id > $1 order by id',
      [before[0]?.id],
    );
    expect(rows.map(({ entry_id: id }) => id)).toEqual(receipts.map(({ entryId }) => entryId));
  });

  /** @returns whether neither the change nor its entry is there. */
  async function expectRefused(count: number): Promise<void> {
    const [changes, entries] = [await counted('change'), await counted('audit_entry')];
    const records = Array.from({ length: count }, (_none, at) => aRecord(at));
    const change = inTransaction(app, async (tx) => {
      await tx.query(`insert into change values ('granted')`);
      await appendAuditBatch(tx, records);
    });
    await expect(change).rejects.toThrow();
    expect([await counted('change'), await counted('audit_entry')]).toEqual([changes, entries]);
    await change.catch((error: unknown) => expect(error).toBeInstanceOf(AuditEntryNotStored));
  }
  const meddling = (body: string): Promise<unknown> =>
    admin.query(
      `create or replace function meddle() returns trigger language plpgsql security definer as $$ begin ${body} end $$`,
    );
  /** Of the owner: a superuser has stopped it. */
  const allowChanges = (): Promise<unknown> =>
    admin.query('alter table audit_entry disable trigger audit_entry_no_change');

  describe.each(HANDS)('that a trigger %s', (_what, body) => {
    beforeAll(async () => {
      await meddling(body);
      await admin.query('create trigger meddle before insert on audit_entry for each row execute function meddle()');
    });
    afterAll(() => admin.query('drop trigger meddle on audit_entry'));

    it.each([1, 3])('fails the change that it records, %d at a time', expectRefused);
  });

  const LATER: [string, string][] = [
    ['deletes the entry', 'delete from audit_entry where id = new.id; return null;'],
    ['changes who did it', 'update audit_entry set actor = $q$nobody$q$ where id = new.id; return null;'],
    ['forgets which request it was', 'update audit_entry set request_id = null where id = new.id; return null;'],
    [
      'writes another body with its hash',
      `update audit_entry set body = body || $q$ $q$::bytea, leaf_hash = sha256($q$\\x00$q$::bytea || body || $q$ $q$::bytea) where id = new.id; return null;`,
    ],
    ['changes the body alone', 'update audit_entry set body = body || $q$ $q$::bytea where id = new.id; return null;'],
  ];
  describe.each([
    ['after the statement', 'create trigger meddle after insert on audit_entry for each row execute function meddle()'],
    [
      'at the end of the transaction',
      'create constraint trigger meddle after insert on audit_entry deferrable initially deferred for each row execute function meddle()',
    ],
  ])('that a trigger %s', (_when, trigger) => {
    describe.each(LATER)('%s', (_what, body) => {
      beforeAll(async () => {
        await allowChanges();
        await meddling(body);
        await admin.query(trigger);
      });
      afterAll(() => admin.query('drop trigger meddle on audit_entry'));

      // The second time finds the statements prepared.
      it.each([1, 3, 1])('fails the change that it records, %d at a time', expectRefused);
    });
  });

  it.each([
    ['nothing', 'do instead nothing'],
    ['a row of another table', `do instead insert into change values ('elsewhere')`],
  ])('that a rule turns into %s fails the change that it records', async (_what, action) => {
    await admin.query(`create rule meddle as on insert to audit_entry ${action}`);
    const before = await counted('change');
    const change = inTransaction(app, async (tx) => {
      await tx.query(`insert into change values ('granted')`);
      await appendAuditBatch(tx, [aRecord(1)]);
    });
    await expect(change).rejects.toThrow();
    await admin.query('drop rule meddle on audit_entry');
    expect(await counted('change')).toEqual(before);
  });

  it('is checked in the transaction that appended it, and in no other one', async () => {
    const refused = inTransaction(app, async (tx) => {
      await appendAuditBatch(tx, [aRecord(1)]);
      throw new Error('the change failed');
    });
    await expect(refused).rejects.toThrow('the change failed');
    const source = await databases.app(
      (await admin.query<{ name: string }[]>('select current_database() as name'))[0]?.name ?? '',
    );
    for (let at = 0; at < 3; at += 1) expect(await append(source, [aRecord(at), aRecord(at)])).toHaveLength(2);
    await inTransaction(source, async (tx) => {
      await appendAuditBatch(tx, [aRecord(1)]);
      await appendAuditBatch(tx, [aRecord(2), aRecord(3)]);
    });
  });

  it('is found at once by a connection that prepared its statements for a young log', async () => {
    const name = await databases.create();
    const [young, owner] = [await databases.app(name), await databases.admin(name)];
    const statistics = async (): Promise<number> => {
      const [row] = await owner.query<{ read: string }[]>(
        `select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) as read from pg_stat_user_tables where relname = 'audit_entry'`,
      );
      return Number(row?.read ?? 0);
    };
    const read = async (): Promise<number> => {
      await inTransaction(young, (tx) => tx.query('select pg_stat_force_next_flush()'));
      return statistics();
    };
    // All on one connection: each waits for the one before. PostgreSQL keeps a plan after five executions.
    for (let at = 0; at < 10; at += 1) await append(young, [aRecord(at)]);
    await append(
      owner,
      Array.from({ length: 3_000 }, (_none, at) => aRecord(at)),
    );
    const before = await read();
    for (let at = 0; at < 10; at += 1) await append(young, [aRecord(at)]);
    expect((await read()) - before).toBeLessThan(100);
  });
});
