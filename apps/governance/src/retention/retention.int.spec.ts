import { describe, expect, it } from '@jest/globals';
import { QueryFailedError } from 'typeorm';
import { evaluatePlan } from '../engine/evaluate.js';
import { aRequest, at, inTx, NOON, ownWorkload, row } from '../governance.fixture.js';
import { governanceSuite } from '../suite.fixture.js';
import { FORGET, forgetOld, MAX_DELETED } from './retention.js';

const database = governanceSuite();
const ago = (days: number): Date => new Date(Date.now() - days * 24 * 3_600_000);

const aPod = (uid: string, goneDays: number | null) =>
  database.app.query(
    `with pod as (insert into tracked_pod (uid, namespace, name, scc, first_seen, last_seen, gone_at, confirmed)
       values ($1, 'shop', $1, 'restricted-v2', $2, coalesce($3, now()), $3, true) returning uid)
     select uid from pod`,
    [uid, ago(1000), goneDays === null ? null : ago(goneDays)],
  );
const aMessage = (uid: string, column: string, days: number) =>
  database.app.query(
    `insert into outbox (plan_uid, workflow_id, signal, payload, created_at, ${column}) values ($1, 'w', 's', '{}', $2, $2)`,
    [uid, ago(days)],
  );
const left = (table: string) =>
  row(database.app, `select array_agg(${table === 'outbox' ? 'id' : 'uid'}::text order by 1) as ids from ${table}`);

describe('retention', () => {
  it('deletes pods that are long gone, with their transitions, and old messages, says so, and keeps the rest', async () => {
    const { plan } = aRequest(ownWorkload('kept'));
    await inTx(database.app, (tx) => evaluatePlan(tx, aRequest({ ...ownWorkload('kept'), uid: plan.uid }), at(NOON)));
    for (const [uid, days] of [
      ['old', 500],
      ['new', 300],
      ['running', null],
    ] as const) {
      await aPod(uid, days);
      await database.app.query(`insert into pod_transition (uid, at, change) values ($1, $2, 'appeared')`, [
        uid,
        ago(1000),
      ]);
    }
    await aMessage(plan.uid, 'delivered_at', 500);
    await aMessage(plan.uid, 'abandoned_at', 500);
    await aMessage(plan.uid, 'delivered_at', 300);
    await database.app.query(
      `insert into outbox (plan_uid, workflow_id, signal, payload, created_at) values ($1, 'w', 's', '{}', $2)`,
      [plan.uid, ago(500)],
    );
    const forget = () => inTx(database.app, (tx) => forgetOld(tx, { now: new Date(), days: 400 }));
    expect(await forget()).toEqual({ pods: 1, messages: 2 });
    expect(await forget()).toEqual({ pods: 0, messages: 0 });
    expect(await left('tracked_pod')).toEqual({ ids: ['new', 'running'] });
    expect(await left('pod_transition')).toEqual({ ids: ['new', 'running'] });
    expect(await left('outbox')).toEqual({ ids: ['3', '4'] });
    const entries = `select count(*)::int as entries, min(convert_from(body, 'UTF8')::jsonb -> 'details' ->> 'pods') as pods
      from audit_entry where action = 'retention.applied'`;
    expect(await row(database.app, entries)).toEqual({ entries: 1, pods: '1' });
  });

  it('takes so many at once', async () => {
    await database.app.query(
      `insert into tracked_pod (uid, namespace, name, first_seen, last_seen, gone_at, confirmed)
       select 'many-' || n, 'shop', 'many-' || n, $2, $2, $2, true from generate_series(1, $1::int) as n`,
      [MAX_DELETED + 1, ago(450)],
    );
    const forget = () => inTx(database.app, (tx) => forgetOld(tx, { now: new Date(), days: 400 }));
    expect([(await forget()).pods, (await forget()).pods]).toEqual([MAX_DELETED, 1]);
  });

  it('finds old messages by an index, however many are kept', async () => {
    await database.admin.query(
      `insert into outbox (plan_uid, workflow_id, signal, payload, delivered_at)
       select plan_uid, 'w', 's', '{}', now() from migration, generate_series(1, 20000)`,
    );
    await database.admin.query('analyze outbox');
    const plan = await database.admin.query<Record<string, string>[]>(`explain ${FORGET}`, [ago(400), MAX_DELETED]);
    const steps = plan.flatMap((line) => Object.values(line)).join('\n');
    for (const index of ['outbox_delivered', 'outbox_abandoned']) expect(steps).toContain(`using ${index}`);
    expect(steps).not.toContain('Seq Scan on outbox');
  });

  it.each([
    ['a pod that runs', `delete from tracked_pod where uid = 'running'`],
    ['a message that waits', 'delete from outbox where delivered_at is null and abandoned_at is null'],
    ['a transition', 'delete from pod_transition'],
  ])('is no right to delete %s', async (_what, statement) => {
    await expect(database.app.query(statement)).rejects.toBeInstanceOf(QueryFailedError);
  });
});
