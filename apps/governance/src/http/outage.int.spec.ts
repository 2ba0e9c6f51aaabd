import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import {
  ContractError,
  createGovernanceClient,
  GovernanceError,
  GovernanceUnreachable,
  problemType,
} from '@scc/governance-api';
import { waitFor } from '@scc/runtime';
import { startTestApi } from '../api.fixture.js';
import { aBatch, aRequest, completedEvents, ownWorkload, recorded, row } from '../governance.fixture.js';
import { apiSuite } from '../suite.fixture.js';

const { database, test } = apiSuite();

const startGate = { step: 'Prepare', detail: '' } as const;

describe('the client', () => {
  it('speaks every route of the engine with the real service', async () => {
    const client = test.client('worker');
    const request = aRequest(ownWorkload('by-client'));
    const { uid } = request.plan;
    const { contentHash } = await client.evaluate(uid, request);
    expect(await client.approval(uid)).toMatchObject({ status: 'notRequired' });
    expect(await client.authorizeStep(uid, { ...startGate, contentHash })).toMatchObject({ allowed: true });
    const command = { command: 'pause', source: 'signal', actor: null, reason: null, token: null } as const;
    expect(await client.checkCommand(uid, command)).toMatchObject({ allowed: true });
    const images = { workflowId: 'w', images: [{ key: 'a', order: 0, manifest: { kind: 'Deployment' } }] };
    expect(await client.savePreImages(uid, images)).toEqual(images);
    expect(await client.preImages(uid)).toEqual(images);
    const batch = aBatch(request, recorded(completedEvents));
    expect(await client.report(uid, batch)).toMatchObject({ accepted: completedEvents.length, duplicates: 0 });
    expect(await client.report(uid, batch)).toMatchObject({ accepted: 0, duplicates: completedEvents.length });
    client.close();
  });

  it('says no as governance does, and does not ask again', async () => {
    const client = test.client('worker');
    const error: unknown = await client.approval('nobody-knows').catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(GovernanceError);
    expect(error).toMatchObject({ status: 404, type: problemType('not-found'), errors: [] });
    await expect(
      test.client('vera/viewer').report('x', aBatch(aRequest(), recorded(completedEvents))),
    ).rejects.toMatchObject({
      status: 403,
    });
    client.close();
  });

  it('refuses to send what was not agreed', async () => {
    const client = test.client('worker');
    const step = { ...startGate, contentHash: 'h', detail: 'x'.repeat(201) };
    await expect(client.authorizeStep('x', step)).rejects.toBeInstanceOf(ContractError);
    client.close();
  });

  it('sends the same key again after a lost answer, so that the effect is one', async () => {
    const request = aRequest(ownWorkload('lost-answer'));
    const keys: (string | undefined)[] = [];
    // Lets the first request through and loses its answer.
    const proxy = createServer((incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        keys.push(String(incoming.headers['idempotency-key']));
        const headers = Object.fromEntries(
          ['authorization', 'content-type', 'idempotency-key'].map((name) => [name, String(incoming.headers[name])]),
        );
        void fetch(`${test.url}${incoming.url ?? ''}`, { method: 'POST', headers, body: Buffer.concat(chunks) }).then(
          async (answer) => {
            const text = await answer.text();
            if (keys.length === 1) outgoing.destroy();
            else outgoing.writeHead(answer.status, { 'content-type': 'application/json' }).end(text);
          },
        );
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const client = createGovernanceClient({ url, token: () => Promise.resolve('worker') });
    const answer = await client.evaluate(request.plan.uid, request);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
    expect(
      await row(
        database.app,
        'select count(*)::int as count, min(entry_id) as entry from evaluation where plan_uid = $1',
        request.plan.uid,
      ),
    ).toEqual({ count: 1, entry: answer.receipt.entryId });
    client.close();
    proxy.close();
  });

  it('gives up after a few tries when there is no server', async () => {
    let tries = 0;
    const client = createGovernanceClient({
      url: 'http://127.0.0.1:1',
      token: () => Promise.resolve(`${++tries}`),
      timeoutMs: 300,
    });
    await expect(client.approval('x')).rejects.toBeInstanceOf(GovernanceUnreachable);
    // The waits in between begin at 100 ms and grow.
    expect(tries).toBeGreaterThan(0);
    expect(tries).toBeLessThanOrEqual(10);
    client.close();
  });
});

describe('the end of the service', () => {
  it('comes while callers keep their connections busy, and loses no request', async () => {
    const other = await startTestApi(database.app);
    const client = other.client('worker');
    const request = aRequest(ownWorkload('busy-caller'));
    await client.evaluate(request.plan.uid, request);
    let isOver = false;
    const answers: unknown[] = [];
    const ask = async (): Promise<void> => {
      while (!isOver)
        await client.approval(request.plan.uid, { signal: AbortSignal.timeout(1500) }).then(
          ({ status }) => answers.push(status),
          // No server listens any more: the client was still trying.
          () => (isOver = true),
        );
    };
    const callers = Promise.all(Array.from({ length: 4 }, ask));
    await waitFor(() => answers.length > 20, { timeoutMs: 10_000, what: 'callers' });
    await other.close();
    await callers;
    expect(new Set(answers)).toEqual(new Set(['notRequired']));
    client.close();
  }, 30_000);
});

describe('a database that crashes under load', () => {
  it('is answered with 503, loses nothing that was acknowledged, and is used again when it is back', async () => {
    const request = aRequest(ownWorkload('crash'));
    const { uid } = request.plan;
    const path = `/v1/migrations/${uid}/events`;
    await test.call('worker', 'POST', `/v1/migrations/${uid}/evaluations`, { body: request });
    const [pattern] = recorded(completedEvents);
    if (!pattern) throw new Error('there are no events');
    const acknowledged: number[] = [];
    const statuses = new Set<number>();
    let sequence = 0;
    let isOver = false;
    const report = async (): Promise<void> => {
      while (!isOver) {
        const own = sequence++;
        const body = aBatch(request, [{ ...pattern, sequence: own }]);
        const { status } = await test.call('worker', 'POST', path, { body });
        statuses.add(status);
        if (status === 200) acknowledged.push(own);
        if (status === 503) await waitFor(() => true, { timeoutMs: 1000, what: 'a moment' });
      }
    };
    const load = Promise.all(Array.from({ length: 8 }, report));
    await waitFor(() => acknowledged.length > 50, { timeoutMs: 20_000, what: 'reports that were acknowledged' });
    await database.server.crash();
    await waitFor(() => statuses.has(503), { timeoutMs: 10_000, what: 'an answer that says not now' });
    expect(await test.call('', 'GET', '/v1/health')).toMatchObject({
      body: { status: 'error', components: { database: { status: 'down' } } },
    });
    const before = acknowledged.length;
    await database.server.start();
    await waitFor(() => acknowledged.length > before + 50, { timeoutMs: 20_000, what: 'reports after the crash' });
    isOver = true;
    await load;
    expect([...statuses].sort()).toEqual([200, 503]);
    const stored = await database.app.query<{ sequence: number }[]>(
      'select sequence from migration_event where plan_uid = $1',
      [uid],
    );
    const kept = new Set(stored.map((event) => event.sequence));
    expect(acknowledged.filter((own) => !kept.has(own))).toEqual([]);
    expect(
      await row(
        database.app,
        `select count(*)::int as entries from audit_entry where action = 'migration.event.PlanAccepted' and object_name = 'crash'`,
      ),
    ).toEqual({ entries: stored.length });
  }, 60_000);
});
