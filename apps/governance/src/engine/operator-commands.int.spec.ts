import { beforeAll, describe, expect, it } from '@jest/globals';
import type { SendCommand } from '../approvals/temporal.js';
import { aRequest, at, inTx, NOON, ownWorkload } from '../governance.fixture.js';
import { apiSuite } from '../suite.fixture.js';
import { evaluatePlan } from './evaluate.js';

/** Commands that would have reached the workflow. */
const sent: Parameters<SendCommand>[] = [];
const { database, test } = apiSuite({
  sendCommand: (...command) => {
    sent.push(command);
    return Promise.resolve({ applied: true, reason: 'it is undone' });
  },
});
let uid: string;

beforeAll(async () => {
  const request = aRequest({ ...ownWorkload('commanded'), name: 'commanded' });
  uid = request.plan.uid;
  await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
});

const command = (caller: string, body: object, id = uid) =>
  test.call(caller, 'POST', `/v1/migrations/${id}/operator-commands`, { body });

describe('a command through the API', () => {
  it('reaches the workflow with the authority of its caller, once', async () => {
    const answer = await command('oda/operator', { command: 'rollback', reason: 'it is slow' });
    expect(answer).toMatchObject({ status: 200, body: { applied: true, reason: 'it is undone' } });
    const [[plan, name, input] = []] = sent;
    expect([plan, name]).toEqual([{ namespace: 'shop', name: 'commanded', uid }, 'rollback']);
    expect(input).toMatchObject({ actor: 'oda', reason: 'it is slow' });
    const check = { command: 'rollback', actor: 'oda', reason: null, token: input?.token, source: 'update' };
    const asked = () => test.call('worker', 'POST', `/v1/migrations/${uid}/commands`, { body: check });
    expect((await asked()).body).toMatchObject({ allowed: true, reason: 'granted to oda' });
    expect((await asked()).body).not.toMatchObject({ reason: 'granted to oda' });
  });

  it('is refused to those without the right, and nothing is sent', async () => {
    const before = sent.length;
    for (const role of ['viewer', 'approver', 'auditor', 'policy-author'])
      expect(await command(`eve/${role}`, { command: 'rollback' })).toMatchObject({ status: 403 });
    const unknown = '00000000-0000-0000-0000-000000000000';
    expect(await command('oda/operator', { command: 'rollback' }, unknown)).toMatchObject({ status: 404 });
    expect(sent).toHaveLength(before);
  });
});
