import { afterEach, describe, expect, it } from '@jest/globals';
import { createLogger, waitFor } from '@scc/runtime';
import { DataSource } from 'typeorm';
import { isOlderConnected } from '../database/application.js';
import { evaluatePlan } from '../engine/evaluate.js';
import { aRequest, at, inTx, NOON, ownWorkload } from '../governance.fixture.js';
import { governanceSuite } from '../suite.fixture.js';
import { Adoption } from './adoption.js';
import { appendAuditBatch } from './append.js';
import { AuthorityWatch, contradictionsIn } from './authority-watch.js';

const database = governanceSuite();
const logger = createLogger('adoption-spec', 'silent');
const adoption = () => new Adoption(database.app, contradictionsIn);
const found = async () => (await new AuthorityWatch({ source: database.app, logger }).look()).map(({ table }) => table);
const adopted = async () =>
  database.app.query<{ rows: string; alone: boolean }[]>(
    `select d->'rows' #>> '{}' as rows, (d->>'alone')::boolean as alone from (
       select convert_from(body, 'UTF8')::json->'details' as d, id from audit_entry where action = 'record.adopted') e order by id`,
  );

const connected: DataSource[] = [];

/** Connects as a replica of an earlier version names itself. */
async function older(): Promise<DataSource> {
  const { url } = database.app.options as { url: string };
  const source = new DataSource({ type: 'postgres', url, applicationName: 'scc-governance', poolSize: 1 });
  connected.push(source);
  return source.initialize();
}

/** Ends the replicas of earlier versions; PostgreSQL ends a connection some time after its client. */
async function endOlder(): Promise<void> {
  for (const source of connected.splice(0)) await source.destroy();
  const isOver = async () => !(await isOlderConnected(database.app));
  await waitFor(isOver, { timeoutMs: 20_000, everyMs: 20, what: 'the end of their connections' });
}
afterEach(endOlder);

/** A request for approval, an editor and a token as versions wrote them that had no entry, or less in it. */
async function writeAsBefore(source: DataSource, name: string): Promise<void> {
  const { plan } = aRequest(ownWorkload(name));
  await source.query('insert into migration (plan_uid, namespace, name) values ($1, $2, $3)', [
    ...[plan.uid, plan.namespace, plan.name],
  ]);
  await source.query(
    `insert into approval_request (plan_uid, content_hash, needs, expires_at) values ($1, repeat('a', 64), '[]', now() + interval '1 day')`,
    [plan.uid],
  );
  await source.query(`update approval_request set editors = '{eve}', begun_at = now() where plan_uid = $1`, [plan.uid]);
  await source.query(
    `insert into command_grant (token_hash, plan_uid, command, actor, expires_at) values (sha256($1::bytea), $2, 'skip', 'olga', now())`,
    [Buffer.from(name), plan.uid],
  );
}

describe('while replicas of an earlier version are replaced', () => {
  it('what they write is adopted, and from then on every row needs its entry', async () => {
    const before = await older();
    await writeAsBefore(before, 'first');
    await adoption().adopt();
    await writeAsBefore(before, 'second');
    expect(await found()).toEqual([]);
    await adoption().adopt();
    expect(await adopted()).toMatchObject([
      { alone: false, rows: expect.stringContaining('approval_request') as unknown },
      { alone: false, rows: expect.stringContaining('command_grant') as unknown },
    ]);
    await writeAsBefore(before, 'third');
    await endOlder();
    await adoption().adopt();
    expect(await found()).toEqual([]);
    expect((await adopted()).map(({ alone }) => alone)).toEqual([false, false, true]);

    const again = await older();
    await writeAsBefore(again, 'fourth');
    await adoption().adopt();
    expect(await found()).toEqual(['approval_request', 'command_grant']);
  });
});

describe('a table that is compared from a later version on', () => {
  it('has its own point to begin from, and the others keep theirs', async () => {
    const { plan } = aRequest(ownWorkload('later'));
    await inTx(database.app, (tx) => evaluatePlan(tx, aRequest({ ...ownWorkload('other') }), at(NOON)));
    await database.app.query('insert into migration (plan_uid, namespace, name) values ($1, $2, $3)', [
      ...[plan.uid, plan.namespace, plan.name],
    ]);
    // As the version adopted that did not compare steps: its entry names no table.
    await database.admin.query(
      `alter table audit_entry disable trigger all; delete from audit_entry where action like 'record.%';
       delete from command_grant; delete from approval_request`,
    );
    await inTx(database.app, async (tx) => {
      await appendAuditBatch(tx, [
        {
          ...{ actor: { name: 'system:governance' }, action: 'record.adopted', requestId: null },
          ...{ object: { kind: 'AuditLog' }, details: { rows: [] } },
        },
      ]);
    });
    await database.app.query(
      `insert into step_authorization (plan_uid, step, content_hash, detail, allowed, reason, entry_id) values ($1, 'Prepare', repeat('a', 64), '', true, 'ok', 'none')`,
      [plan.uid],
    );
    await database.app.query(
      `insert into role_binding (role, subject_kind, subject_name, namespaces, created_by) values ('admin', 'User', 'mallory', '*', 'x')`,
    );
    await adoption().adopt();
    const left = await found();
    expect(left).toContain('role_binding');
    expect(left).not.toContain('step_authorization');
  });
});
