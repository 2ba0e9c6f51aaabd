import { beforeAll, describe, expect, it } from '@jest/globals';
import { healthSchema } from '@scc/governance-api';
import { createLogger } from '@scc/runtime';
import { z } from 'zod';
import { createBinding } from '../access/bindings.js';
import { evaluatePlan } from '../engine/evaluate.js';
import {
  aBatch,
  aRequest,
  at,
  completedEvents,
  inTx,
  NOON,
  ownWorkload,
  person,
  recorded,
  reportCovered,
} from '../governance.fixture.js';
import { apiSuite } from '../suite.fixture.js';
import { Adoption } from './adoption.js';
import { AuthorityWatch, contradictionsIn } from './authority-watch.js';

const { database, test } = apiSuite();
const logger = createLogger('contradictions-spec', 'silent');
const foundSchema = z.object({
  rows: z.array(z.object({ table: z.string(), key: z.string(), fault: z.string(), isOver: z.boolean() })),
});

beforeAll(async () => {
  // The fixture has put its role bindings there by hand: they are what an earlier version left.
  await new Adoption(database.app, contradictionsIn).adopt();
  await inTx(database.app, (tx) =>
    createBinding(
      tx,
      { role: 'approver', subject: { kind: 'User', name: 'åsa' }, namespaces: 'shop' },
      { grants: [{ role: 'admin', namespaces: '*', because: 'spec' }], scope: ['*'] },
      at(NOON, person('olga', 'admin')),
    ),
  );
});

describe('what contradicts the log', () => {
  const contradictions = async () =>
    foundSchema.parse((await test.call('ada/auditor', 'GET', '/v1/audit/contradictions')).body).rows;
  const health = async () => healthSchema.parse((await test.call('', 'GET', '/v1/health')).body).status;
  const answer = (rows: { table: string; key: string }[]) =>
    test.call('ada/auditor', 'POST', '/v1/audit/contradictions/answers', {
      body: { reason: 'looked at by two people', rows },
    });
  const restarted = () => new AuthorityWatch({ source: database.app, logger });

  it('stays open when it is over and governance was started again, until somebody has answered', async () => {
    const set = (namespaces: string) =>
      database.admin.query(`update role_binding set namespaces = $1 where subject_name = 'åsa'`, [namespaces]);
    await set('*');
    expect(await contradictions()).toMatchObject([{ fault: 'row-differs', table: 'role_binding' }]);
    await set('shop');
    const [left] = await contradictions();
    expect(left).toMatchObject({ fault: 'row-differs', isOver: true });
    expect(await health()).toBe('error');
    expect(await restarted().look()).toMatchObject([{ table: 'role_binding', isOver: true }]);
    expect(await answer(left ? [left] : [])).toMatchObject({ status: 200, body: { rows: [] } });
    expect(await restarted().look()).toEqual([]);
    const entries = await database.app.query<unknown>(
      `select count(*)::int as n from audit_entry where action = 'record.contradicted' and convert_from(body, 'UTF8') like '%role_binding%'`,
    );
    expect(entries).toEqual([{ n: 1 }]);
  });

  it('is also what is read of migrations', async () => {
    const request = aRequest(ownWorkload('read'));
    const { uid } = request.plan;
    await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    await inTx(database.app, (tx) => reportCovered(tx, uid, aBatch(request, recorded(completedEvents)), at(NOON)));
    expect(await contradictions()).toEqual([]);
    await database.admin.query(`update view_migration set phase = 'RolledBack' where plan_uid = $1`, [uid]);
    const differences = () => test.call('ada/auditor', 'GET', '/v1/read-model/differences');
    expect(await differences()).toMatchObject({ body: { differences: [{ uid, isAnswered: false }] } });
    expect(await health()).toBe('error');
    expect(await contradictions()).toMatchObject([{ table: 'view_migration', key: uid, fault: 'row-differs' }]);
    expect(await answer([{ table: 'view_migration', key: uid }])).toMatchObject({ status: 200, body: { rows: [] } });
    expect(await health()).not.toBe('error');
    expect(await differences()).toMatchObject({ body: { differences: [{ uid, isAnswered: true }] } });
    await database.admin.query(`update view_migration set phase = 'Failed' where plan_uid = $1`, [uid]);
    expect(await contradictions()).toMatchObject([{ table: 'view_migration', key: uid }]);
    await test.call('olga/admin', 'POST', '/v1/migrations/rebuild');
    expect(await contradictions()).toMatchObject([{ table: 'view_migration', isOver: true }]);
    expect(await answer([{ table: 'view_migration', key: uid }])).toMatchObject({ status: 200, body: { rows: [] } });
  });

  it('is not a view from before the plan was evaluated, until the next event', async () => {
    const request = aRequest(ownWorkload('begun'));
    const { uid } = request.plan;
    const first = recorded(completedEvents).slice(0, 2);
    await inTx(database.app, (tx) => reportCovered(tx, uid, aBatch(request, first), at(NOON)));
    // Twice, as when the answer to the first was lost.
    for (let asked = 0; asked < 2; asked++) await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    expect(await contradictions()).toEqual([]);
    await database.admin.query(`update view_migration set phase = 'Failed' where plan_uid = $1`, [uid]);
    const [found, ...others] = await contradictions();
    expect([found, others]).toMatchObject([{ table: 'view_migration', key: uid, fault: 'row-differs' }, []]);
    await test.call('olga/admin', 'POST', '/v1/migrations/rebuild');
    await answer(found ? [found] : []);
    await database.admin.query(`update view_migration set workload_name = 'other' where plan_uid = $1`, [uid]);
    const [renamed] = await contradictions();
    expect(renamed).toMatchObject({ table: 'view_migration', key: uid });
    await test.call('olga/admin', 'POST', '/v1/migrations/rebuild');
    expect(await answer(renamed ? [renamed] : [])).toMatchObject({ status: 200, body: { rows: [] } });
  });

  it('is not what another version made of the same events', async () => {
    await database.admin.query(`update view_migration set projection = null, message = 'in other words'`);
    expect(await contradictions()).toEqual([]);
    const [view] = await database.app.query<{ message: string }[]>('select message from view_migration limit 1');
    expect(view?.message).not.toBe('in other words');
  });
});
