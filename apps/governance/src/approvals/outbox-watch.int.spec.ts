import { beforeAll, expect, it } from '@jest/globals';
import { makeAuthorityRows } from '../audit/authority-rows.fixture.js';
import { governanceSuite } from '../suite.fixture.js';
import { OutboxWatch } from './outbox-watch.js';

/** What is done to messages that wake workflows. */

const database = governanceSuite();
beforeAll(() => makeAuthorityRows(database), 120_000);

it.each<[string, string[], object]>([
  [
    'is gone',
    ['alter table outbox disable trigger all', 'delete from outbox'],
    { fault: 'entry-without-row', table: 'outbox', message: expect.stringMatching(/no message tells/) as unknown },
  ],
  [
    'tells another outcome',
    [`update outbox set payload = jsonb_set(payload, '{reason}', '"granted"') where payload ->> 'reason' = 'refused'`],
    { fault: 'entry-without-row', table: 'outbox' },
  ],
  [
    'is put off',
    [`update outbox set due_at = now() + interval '1 hour'`],
    { fault: 'row-differs', table: 'outbox', message: expect.stringMatching(/put off/) as unknown },
  ],
])('a message that %s is named', async (_what, attack, expected) => {
  const watch = new OutboxWatch(database.app);
  expect(await watch.look()).toEqual([]);
  await database.admin.query('create table kept as table outbox');
  for (const statement of attack) await database.admin.query(statement);
  expect(await watch.look()).toContainEqual(expect.objectContaining(expected));
  await database.admin.query('alter table outbox disable trigger all');
  await database.admin.query('delete from outbox');
  await database.admin.query('insert into outbox overriding system value table kept');
  await database.admin.query('drop table kept');
  expect(await watch.look()).toEqual([]);
});
