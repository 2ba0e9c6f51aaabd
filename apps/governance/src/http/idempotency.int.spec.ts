import { generateKeyPairSync, randomInt } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { engineRoutes, evaluationSchema, problemType } from '@scc/governance-api';
import { AnswerSeals } from '../database/answer-seals.js';
import { forgetKeys } from '../database/once.js';
import { aRequest, inTx, ownWorkload, row } from '../governance.fixture.js';
import { apiSuite } from '../suite.fixture.js';

const { database, test } = apiSuite();

const key = (value: string) => ({ headers: { 'idempotency-key': value } });
const evaluate = (name: string) => {
  const request = aRequest(ownWorkload(name));
  const path = engineRoutes.evaluate.path.replace('{id}', request.plan.uid);
  return {
    request,
    path,
    send: (value: string, over = {}) =>
      test.call('worker', 'POST', path, { body: { ...request, ...over }, ...key(value) }),
  };
};
const evaluations = (uid: string) =>
  row(database.app, 'select count(*)::int as count from evaluation where plan_uid = $1', uid);
const entries = (name: string) =>
  row(database.app, 'select count(*)::int as count from audit_entry where object_name = $1', name);

describe('a write with a key', () => {
  it('has one effect and one answer when it is sent again', async () => {
    const { request, send } = evaluate('again');
    const first = await send('again-1');
    const second = await send('again-1');
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    expect([second.status, second.body]).toEqual([first.status, first.body]);
    expect(evaluationSchema.parse(second.body).receipt.entryId).not.toBe('');
    expect(await evaluations(request.plan.uid)).toEqual({ count: 1 });
    expect(await entries(request.plan.name)).toEqual({ count: 1 });
  });

  it('has one effect when it is sent a hundred times at once', async () => {
    const { request, send } = evaluate('hundred-duplicates');
    const answers = await Promise.all(Array.from({ length: 100 }, () => send('hundred')));
    const statuses = new Set(answers.map(({ status }) => status));
    expect([...statuses].filter((status) => status !== 200 && status !== 409)).toEqual([]);
    const busy = answers.filter(({ status }) => status === 409);
    for (const { body } of busy) expect(body).toMatchObject({ type: problemType('request-in-progress') });
    const bodies = new Set(answers.filter(({ status }) => status === 200).map(({ body }) => JSON.stringify(body)));
    expect(bodies.size).toBe(1);
    expect(await evaluations(request.plan.uid)).toEqual({ count: 1 });
    expect(await entries(request.plan.name)).toEqual({ count: 1 });
  });

  it('is refused with another body, and the first effect stays alone', async () => {
    const { request, send } = evaluate('reused');
    await send('reused');
    const other = await send('reused', { expectedDurationSeconds: 601 });
    expect(other).toMatchObject({ status: 422, body: { type: problemType('key-reused') } });
    expect(await evaluations(request.plan.uid)).toEqual({ count: 1 });
  });

  it('shares nothing with the same key of another caller', async () => {
    const policy = {
      name: 'mine',
      rules: [{ name: 'r', when: 'plan.name == "x"', verdict: 'deny', message: 'm', remedy: 'r' }],
    };
    const put = (caller: string) =>
      test.call(caller, 'PUT', '/v1/policies/mine', {
        body: policy,
        headers: { 'idempotency-key': 'k', 'if-none-match': '*' },
      });
    expect(await put('paula/policy-author')).toMatchObject({ status: 200, body: { version: 1, author: 'paula' } });
    expect(await put('paula/policy-author')).toMatchObject({ status: 200, body: { version: 1 } });
    expect(await put('peter/policy-author')).toMatchObject({ status: 412 });
  });

  it('keeps nothing of what was refused: the same key may succeed later', async () => {
    const { request, path } = evaluate('refused-first');
    const command = { command: 'pause', source: 'signal', actor: null, reason: null, token: null };
    const send = () =>
      test.call('worker', 'POST', `/v1/migrations/${request.plan.uid}/commands`, { body: command, ...key('later') });
    expect(await send()).toMatchObject({ status: 404 });
    await test.call('worker', 'POST', path, { body: request });
    expect(await send()).toMatchObject({ status: 200, body: { allowed: true } });
  });

  it('answers an empty answer again', async () => {
    const entry = {
      name: 'once-only',
      kind: 'freeze',
      reason: 'test',
      timeZone: 'UTC',
      recurrence: { type: 'once', from: '2030-01-01T00:00', to: '2030-01-02T00:00' },
    };
    await test.call('paula/policy-author', 'PUT', '/v1/calendar/once-only', {
      body: entry,
      headers: { 'if-none-match': '*' },
    });
    const remove = () =>
      test.call('paula/policy-author', 'DELETE', '/v1/calendar/once-only', {
        headers: { 'if-match': '"1"', 'idempotency-key': 'remove' },
      });
    expect(await remove()).toMatchObject({ status: 204, body: '' });
    expect(await remove()).toMatchObject({ status: 204, body: '' });
  });

  it('stores no secret: a grant takes no key', async () => {
    const { request, path } = evaluate('grants');
    await test.call('worker', 'POST', path, { body: request });
    const grant = () =>
      test.call('olga/operator', 'POST', `/v1/migrations/${request.plan.uid}/command-grants`, {
        body: { command: 'skip' },
        ...key('grant'),
      });
    const [first, second] = [await grant(), await grant()];
    expect(first).toMatchObject({ status: 201 });
    expect(second.body).not.toEqual(first.body);
    expect(await row(database.app, `select count(*)::int as count from idempotency_key where key = 'grant'`)).toEqual({
      count: 0,
    });
  });

  it.each<[string, string]>([
    ['says something else', `set answer = '{"verdict": "allow"}'`],
    ['is of another request', `set request_hash = sha256('other')`],
    ['is of another caller', `set principal = 'worker', key = 'forged-to' where key = 'forged-from' --`],
    ['has a seal of somebody else', `set seal = substring(seal from 1 for 4) || sha256('guessed')`],
    ['has no seal', 'set seal = null'],
    ['has a seal of another key', `set seal = sha256('x') || '\\x00000000'`],
  ])('is given no answer that %s, and changes nothing', async (what, change) => {
    const { request, send } = evaluate(`forged-${what.replaceAll(' ', '-').replaceAll('_', '-')}`);
    const isMoved = change.includes('forged-to');
    await send(isMoved ? 'forged-from' : 'forged');
    await database.admin.query(`update idempotency_key ${change} where key = 'forged'`);
    const answer = await send(isMoved ? 'forged-to' : 'forged');
    expect(answer).toMatchObject({ status: 409, body: { detail: expect.stringContaining('seal of governance') } });
    expect(await evaluations(request.plan.uid)).toEqual({ count: 1 });
    await database.admin.query(`delete from idempotency_key where key in ('forged', 'forged-to')`);
  });

  it.each<[string, string, string, number]>([
    ['is given its answer of the release before', '2 hours', '90 minutes', 200],
    ['is given no answer without a seal that came later', '2 hours', '10 minutes', 409],
    ['is given no answer without a seal a day after', '30 hours', '29 hours', 409],
  ])('%s', async (what, ran, written, status) => {
    const { request, send } = evaluate(what.replaceAll(' ', '-'));
    const first = await send('upgrade');
    const [ago] = await database.admin.query<{ at: Date }[]>(
      `select applied_at as at from schema_migration where name = '102-sealed-answers.sql'`,
    );
    const set = (at: string, older: string) =>
      database.admin.query(
        `update schema_migration set applied_at = ${at} - case when name < '102' then ${older} else interval '0' end`,
      );
    await set(`now() - interval '${ran}'`, `interval '1 day'`);
    await database.admin.query(
      `update idempotency_key set seal = null, created_at = now() - interval '${written}' where key = 'upgrade'`,
    );
    const again = await send('upgrade');
    expect(again.status).toBe(status);
    if (status === 200) expect(again.body).toEqual(first.body);
    expect(await evaluations(request.plan.uid)).toEqual({ count: 1 });
    await set(`'${ago?.at.toISOString() ?? ''}'::timestamptz`, `interval '0'`);
    await database.admin.query(`delete from idempotency_key where key = 'upgrade'`);
  });

  it('is given its answer also when the audit key was rotated since', () => {
    const pair = () => ({ privateKey: generateKeyPairSync('ed25519').privateKey, keyId: randomInt(2 ** 32) });
    const [former, now, stranger] = [pair(), pair(), pair()];
    const kept = { principal: 'worker', key: 'k', requestHash: Buffer.alloc(32), answer: '{}' };
    const seal = new AnswerSeals(former).of(kept);
    expect(new AnswerSeals(now, former).isOwn({ ...kept, seal })).toBe(true);
    const seals = new AnswerSeals(now, stranger);
    expect(seals.isOwn({ ...kept, seal })).toBe(false);
    expect(seals.found).toEqual([]);
  });

  it('whose answer was forged is a contradiction of the record', async () => {
    const { send } = evaluate('named');
    await send('named');
    await database.admin.query(`update idempotency_key set answer = '{}' where key = 'named'`);
    await send('named');
    const { body } = await test.call('paula/auditor', 'GET', '/v1/audit/contradictions');
    expect(JSON.stringify(body)).toContain(
      'the answer that is kept for the Idempotency-Key named of worker is not one',
    );
  });

  it('is forgotten after a day', async () => {
    const { request, send } = evaluate('old-key');
    await send('old');
    await database.admin.query(`update idempotency_key set created_at = now() - interval '25 hours' where key = 'old'`);
    await inTx(database.app, forgetKeys);
    await send('old');
    expect(await evaluations(request.plan.uid)).toEqual({ count: 2 });
  });

  it('has a key of visible characters', async () => {
    const { send } = evaluate('bad-key');
    expect(await send('a b')).toMatchObject({ status: 400, body: { errors: [{ field: 'Idempotency-Key' }] } });
    expect(await send('x'.repeat(256))).toMatchObject({ status: 400 });
  });
});
