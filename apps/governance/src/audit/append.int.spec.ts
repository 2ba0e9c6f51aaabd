import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { appendAuditBatch, AuditEntryNotStored } from './append.js';
import { append, aRecord, Databases } from './audit-log.fixture.js';

/** What stands between an entry and its table, put there with superuser rights. */
const HANDS: [string, string][] = [
  ['drops an entry', 'if new.action = $q$approval.granted$q$ then return null; end if; return new;'],
  ['changes who did it', 'new.actor := $q$nobody$q$; return new;'],
  ['changes the bytes', 'new.body := new.body || $q$ $q$::bytea; return new;'],
  ['changes the hash', 'new.leaf_hash := sha256(new.leaf_hash); return new;'],
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

  describe.each(HANDS)('that a trigger %s', (_what, body) => {
    beforeAll(async () => {
      await admin.query(
        `create or replace function meddle() returns trigger language plpgsql as $$ begin ${body} end $$`,
      );
      await admin.query('create trigger meddle before insert on audit_entry for each row execute function meddle()');
    });
    afterAll(() => admin.query('drop trigger meddle on audit_entry'));

    it.each([1, 3])('fails the change that it records, %d at a time', async (count) => {
      const [changes, entries] = [await counted('change'), await counted('audit_entry')];
      const records = Array.from({ length: count }, (_none, at) => aRecord(at));
      const change = app.transaction(async (tx) => {
        await tx.query(`insert into change values ('granted')`);
        await appendAuditBatch(tx, records);
      });
      await expect(change).rejects.toBeInstanceOf(AuditEntryNotStored);
      expect([await counted('change'), await counted('audit_entry')]).toEqual([changes, entries]);
    });
  });
});
