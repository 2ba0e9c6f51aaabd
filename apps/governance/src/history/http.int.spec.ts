import { describe, expect, it } from '@jest/globals';
import { approvalStateSchema, engineRoutes, evaluationSchema, stepVerdictSchema } from '@scc/governance-api';
import { type TestApi } from '../api.fixture.js';
import { aBatch, aRequest, completedEvents, coverSteps, inTx, ownWorkload, recorded } from '../governance.fixture.js';
import { apiSuite } from '../suite.fixture.js';

const { database, test } = apiSuite();

const call: TestApi['call'] = (...request) => test.call(...request);
const worker = 'worker/engine';
const pathOf = (route: keyof typeof engineRoutes, id: string): string => engineRoutes[route].path.replace('{id}', id);

describe("the engine's routes", () => {
  it('answer in the agreed shape from the first question to the proof', async () => {
    const workload = ownWorkload('over-http');
    const request = aRequest({ ...workload, spec: { ...workload.spec, approval: { required: true } } });
    const { uid } = request.plan;
    const evaluated = await call(worker, 'POST', pathOf('evaluate', uid), { body: request });
    const { contentHash, verdict } = evaluationSchema.parse(evaluated.body);
    expect(verdict).toBe('requireApproval');

    const decision = { decision: 'approve', contentHash };
    const path = `/v1/migrations/${uid}/approvals`;
    expect(await call('ana/approver', 'POST', path, { body: decision })).toMatchObject({ status: 403 });
    expect(await call('bob/viewer', 'POST', path, { body: decision })).toMatchObject({ status: 403 });
    expect(await call('bob/approver', 'POST', path, { body: decision })).toMatchObject({ status: 200 });
    const state = await call(worker, 'GET', pathOf('approval', uid));
    expect(approvalStateSchema.parse(state.body)).toMatchObject({ status: 'granted', by: ['bob'] });

    const step = { step: 'Prepare', contentHash, detail: '' };
    const allowed = await call(worker, 'POST', pathOf('authorizeStep', uid), { body: step });
    expect(stepVerdictSchema.parse(allowed.body)).toMatchObject({ allowed: true });
    const images = { workflowId: 'w', images: [{ key: 'a', order: 0, manifest: null }] };
    expect(await call(worker, 'PUT', pathOf('savePreImages', uid), { body: images })).toMatchObject({
      status: 200,
      body: images,
    });
    const batch = aBatch(request, recorded(completedEvents));
    await inTx(database.app, (tx) => coverSteps(tx, batch.plan));
    expect(await call(worker, 'POST', pathOf('report', uid), { body: batch })).toMatchObject({
      body: { accepted: completedEvents.length },
    });
    const command = { command: 'skip', source: 'signal', actor: null, reason: null, token: null };
    expect(await call(worker, 'POST', pathOf('checkCommand', uid), { body: command })).toMatchObject({
      body: { allowed: false },
    });
    expect(await call('vera/viewer', 'GET', `/v1/migrations/${uid}`)).toMatchObject({ body: { phase: 'Completed' } });
    expect(await call('vera/viewer', 'GET', `/v1/migrations/${uid}/proof`)).toMatchObject({
      status: 200,
      body: { document: { plan: { uid } } },
    });
  }, 30_000);

  it('say no to nonsense with a client error', async () => {
    const { plan } = aRequest();
    const statuses = await Promise.all([
      call(worker, 'POST', pathOf('evaluate', plan.uid), { body: { plan } }),
      call(worker, 'POST', pathOf('evaluate', 'another'), { body: aRequest() }),
      call(worker, 'POST', pathOf('authorizeStep', 'nobody'), {
        body: { step: 'Prepare', contentHash: 'h', detail: '' },
      }),
      call('vera/viewer', 'GET', '/v1/migrations?cursor=nonsense'),
      call('vera/viewer', 'GET', '/v1/migrations?limit=0'),
      call('vera/viewer', 'GET', '/v1/migrations?phase=Nowhere'),
      call('vera/viewer', 'GET', '/v1/migrations/nobody/proof'),
      call('vera/viewer', 'GET', '/v1/scc-versions/nan/affected'),
      call('vera/viewer', 'GET', '/v1/workloads/a/Nothing/b/scc'),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([400, 409, 404, 422, 400, 400, 404, 400, 400]);
  });

  it('say no to what the database cannot hold', async () => {
    const request = aRequest(ownWorkload('unstorable'));
    const [event] = recorded(completedEvents);
    const nul = {
      ...request,
      spec: { ...request.spec, justification: 'a\0b' },
      plan: { ...request.plan, author: 'a\0b' },
    };
    const surrogate = { ...request, spec: { ...request.spec, justification: '\ud800' } };
    const large = { ...request, plan: { ...request.plan, generation: Number.MAX_SAFE_INTEGER } };
    const batch = aBatch(request, recorded(completedEvents).slice(0, 1));
    const { uid } = request.plan;
    const statuses = [];
    for (const body of [nul, surrogate, large])
      statuses.push((await call(worker, 'POST', pathOf('evaluate', uid), { body })).status);
    for (const over of [{ at: 'yesterday' }, { sequence: 2 ** 40 }])
      statuses.push(
        (await call(worker, 'POST', pathOf('report', uid), { body: { ...batch, events: [{ ...event, ...over }] } }))
          .status,
      );
    expect(statuses.filter((status) => status >= 500)).toEqual([]);
  });
});

describe('policies over HTTP', () => {
  const document = {
    name: 'never',
    rules: [{ name: 'rule', when: 'plan.name == "x"', verdict: 'deny', message: 'no', remedy: 'do not' }],
  };
  const author = 'paula/policy-author';

  it('are edited with entity tags', async () => {
    const put = (body: unknown, headers: Record<string, string>) =>
      call(author, 'PUT', '/v1/policies/never', { body, headers });
    expect(await put(document, {})).toMatchObject({ status: 428 });
    expect(await put(document, { 'if-none-match': '*' })).toMatchObject({ status: 200, body: { version: 1 } });
    expect(await put({ ...document, description: 'lost' }, { 'if-none-match': '*' })).toMatchObject({ status: 412 });
    const etag = (await call(author, 'GET', '/v1/policies/never')).headers.get('etag');
    expect(etag).toBe('"1"');
    expect(await put({ ...document, description: 'kept' }, { 'if-match': etag ?? '' })).toMatchObject({
      body: { version: 2 },
    });
    expect(
      await put({ ...document, rules: [{ ...document.rules[0], when: 'nobody' }] }, { 'if-match': '"2"' }),
    ).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'rules[0].when' }] },
    });
    const binding = { name: 'never', policy: 'never', version: 2, action: 'warn' };
    expect(
      await call(author, 'PUT', '/v1/policy-bindings/never', { body: binding, headers: { 'if-none-match': '*' } }),
    ).toMatchObject({ status: 200, body: { rowVersion: 1 } });
    expect(await call(author, 'DELETE', '/v1/policy-bindings/never', { headers: { 'if-match': '"1"' } })).toMatchObject(
      { status: 204 },
    );
    expect(await call(author, 'POST', '/v1/policies/dry-run', { body: { document } })).toMatchObject({ status: 200 });
  }, 30_000);
});

describe('lists', () => {
  it.each([
    '/v1/migrations',
    '/v1/approvals?status=pending',
    '/v1/policies',
    '/v1/policy-bindings',
    '/v1/policy-exceptions',
    '/v1/calendar',
    '/v1/scc-versions',
    '/v1/scc-drift',
    '/v1/pods?scc=anyuid',
    '/v1/pod-counts',
    '/v1/pods/u/transitions',
    '/v1/workloads/shop/Deployment/over-http/history',
  ])('%s is for viewers, and not for strangers', async (path) => {
    expect(await call('vera/viewer', 'GET', path)).toMatchObject({
      status: 200,
      body: { items: expect.any(Array) as unknown },
    });
    expect(await call('mallory/stranger', 'GET', path)).toMatchObject({ status: 403 });
  });
});
