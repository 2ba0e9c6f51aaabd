import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { aBatch, aRequest, completedEvents, ownWorkload, recorded } from '../governance.fixture.js';
import { apiSuite } from '../suite.fixture.js';

const { database, test } = apiSuite();
const listSchema = z.object({ items: z.array(z.object({ namespace: z.string(), name: z.string() })) });

async function listOf(caller: string, path = '/v1/migrations?limit=50'): Promise<string[]> {
  const { status, headers, body } = await test.call(caller, 'GET', path);
  expect([status, headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
  return listSchema
    .parse(body)
    .items.map(({ namespace, name }) => `${namespace}/${name}`)
    .toSorted();
}

async function begin(namespace: string, name: string): Promise<void> {
  const request = aRequest({ ...ownWorkload(name), namespace });
  const worker = test.client('worker');
  await worker.evaluate(request.plan.uid, request);
  await worker.report(request.plan.uid, aBatch(request, recorded(completedEvents.slice(0, 1))));
}

describe('an answer that many ask for at once', () => {
  it('is the same for all of one scope, and shows nobody what lies in another', async () => {
    await database.app.query(
      `insert into role_binding (role, subject_kind, subject_name, namespaces, created_by) values ('viewer', 'User', 'tilda', 'till', 'test')`,
    );
    await begin('shop', 'ledger');
    await begin('till', 'drawer');
    const callers = Array.from({ length: 30 }, (_none, at) => (at % 3 === 0 ? 'tilda/nothing' : `vic-${at}/viewer`));
    const told = await Promise.all(callers.map((caller) => listOf(caller)));
    expect(told).toEqual(
      callers.map((caller) => [...(caller.startsWith('vic') ? ['shop/ledger'] : []), 'till/drawer']),
    );
    const statuses = callers.map(
      async (caller) => (await test.call(caller, 'GET', '/v1/migrations?namespace=shop')).status,
    );
    expect(await Promise.all(statuses)).toEqual(callers.map((caller) => (caller.startsWith('vic') ? 200 : 403)));
  });

  it('has all that was written before it was asked for', async () => {
    let isOver = false;
    const readOn = async (caller: string): Promise<void> => {
      while (!isOver) await listOf(caller);
    };
    const readers = Promise.all(Array.from({ length: 5 }, (_none, at) => readOn(`vic-${at}/viewer`)));
    try {
      for (let turn = 0; turn < 10; turn += 1) {
        await begin('shop', `own-${turn}`);
        expect(await listOf('ana/viewer')).toContain(`shop/own-${turn}`);
      }
    } finally {
      isOver = true;
      await readers;
    }
  });

  it('is refused to each with the reason, and to nobody else', async () => {
    const ask = (caller: string, path: string) => test.call(caller, 'GET', path);
    const answers = await Promise.all([
      ...Array.from({ length: 3 }, () => ask('vic/viewer', '/v1/migrations?cursor=x')),
      ask('eve/nothing', '/v1/migrations'),
      ask('vic/viewer', '/v1/migrations'),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([422, 422, 422, 403, 200]);
    const ids = answers.slice(0, 3).map(({ body }) => z.object({ requestId: z.string() }).parse(body).requestId);
    expect(new Set(ids).size).toBe(3);
  });
});
