import { describe, expect, it } from '@jest/globals';
import { healthSchema, problemSchema, problemType } from '@scc/governance-api';
import { type Logger, waitFor } from '@scc/runtime';
import { pino } from 'pino';
import { z } from 'zod';
import { startTestApi } from '../api.fixture.js';
import { evaluatePlan } from '../engine/evaluate.js';
import { aRequest, at, inTx, ownWorkload } from '../governance.fixture.js';
import { apiSuite } from '../suite.fixture.js';

const { database, test } = apiSuite();

const viewer = 'vera/viewer';
const author = 'paula/policy-author';
const deep = '['.repeat(5000) + ']'.repeat(5000);
const policy = {
  name: 'p',
  rules: [{ name: 'r', when: 'plan.name == "x"', verdict: 'deny', message: 'm', remedy: 'r' }],
};
const request = (over: {
  caller?: string;
  method?: string;
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
}) =>
  test.call(over.caller ?? viewer, over.method ?? 'GET', over.path, {
    ...(over.body === undefined ? {} : { body: over.body }),
    headers: over.headers ?? {},
  });

describe('a problem', () => {
  it.each<[string, Parameters<typeof request>[0], [number, string, string[]?]]>([
    ['a caller without a token', { caller: '', path: '/v1/pods' }, [401, 'unauthenticated']],
    ['an unknown token', { caller: 'nobody', path: '/v1/pods' }, [401, 'unauthenticated']],
    ['a caller without the permission', { method: 'POST', path: '/v1/migrations/rebuild' }, [403, 'forbidden']],
    ['no route', { path: '/v1/nothing' }, [404, 'no-such-route']],
    ['no object', { path: '/v1/calendar/nothing' }, [404, 'not-found']],
    ['another method', { method: 'DELETE', path: '/v1/pods' }, [405, 'method-not-allowed']],
    ['a bad query', { path: '/v1/pods?limit=0' }, [400, 'malformed', ['limit']]],
    ['a misspelt query', { path: '/v1/pods?namspace=shop' }, [400, 'malformed', ['namspace']]],
    ['an empty number', { path: '/v1/risk/calibration?model=' }, [400, 'malformed', ['model']]],
    ['a number in other digits', { path: '/v1/pods?limit=0x10' }, [400, 'malformed', ['limit']]],
    ['a path with a number in other digits', { path: '/v1/policies/p/versions/1e0' }, [400, 'malformed', ['version']]],
    ['a query given twice', { path: '/v1/pods?scc=a&scc=b' }, [400, 'malformed', ['scc']]],
    ['a bad path', { path: '/v1/scc-versions/x/affected' }, [400, 'malformed', ['id']]],
    ['a NUL in a query', { path: '/v1/pods?scc=a%00' }, [422, 'invalid']],
    ['a broken escape', { path: '/v1/pods/%zz/transitions' }, [400, 'malformed']],
    ['a strange cursor', { path: '/v1/pods?cursor=x' }, [422, 'invalid', ['cursor']]],
    [
      'no JSON of somebody unknown, whose body nobody reads',
      { caller: '', method: 'PUT', path: '/v1/policies/p', body: '{' },
      [401, 'unauthenticated'],
    ],
    ['no JSON', { caller: author, method: 'PUT', path: '/v1/policies/p', body: '{' }, [400, 'malformed']],
    ['deep JSON', { caller: author, method: 'PUT', path: '/v1/policies/p', body: deep }, [400, 'malformed']],
    [
      'another media type',
      { caller: author, method: 'PUT', path: '/v1/policies/p', body: 'a', headers: { 'content-type': 'text/plain' } },
      [415, 'unsupported-media-type'],
    ],
    [
      'a large body',
      { caller: author, method: 'PUT', path: '/v1/policies/p', body: JSON.stringify('x'.repeat(300_000)) },
      [413, 'too-large'],
    ],
    ...['evaluations', 'pre-images', 'events'].map(
      (what): [string, Parameters<typeof request>[0], [number, string]] => [
        `a large body of a caller who may not send it: ${what}`,
        {
          ...{ caller: author, method: what === 'pre-images' ? 'PUT' : 'POST', path: `/v1/migrations/u/${what}` },
          body: JSON.stringify('x'.repeat(300_000)),
        },
        [413, 'too-large'],
      ],
    ),
    [
      'a large body of the engine, which is read',
      { caller: 'worker', method: 'POST', path: '/v1/migrations/u/evaluations', body: ['x'.repeat(300_000)] },
      [400, 'malformed', ['']],
    ],
    [
      'a body that does not fit',
      { caller: author, method: 'PUT', path: '/v1/policies/p', body: { name: 'p', rules: [{ name: 'R' }] } },
      [400, 'malformed', ['rules[0].name', 'rules[0].when', 'rules[0].verdict', 'rules[0].message', 'rules[0].remedy']],
    ],
    [
      'an edit without a version',
      { caller: author, method: 'PUT', path: '/v1/policies/p', body: policy },
      [428, 'condition-missing'],
    ],
    [
      'an edit of another version',
      { caller: author, method: 'PUT', path: '/v1/policies/p', body: policy, headers: { 'if-match': '"7"' } },
      [412, 'stale'],
    ],
  ])('says what is wrong: %s', async (_case, over, [status, kind, fields = []]) => {
    const answer = await request(over);
    expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    const problem = problemSchema.parse(answer.body);
    expect(problem).toMatchObject({ status, type: problemType(kind) });
    expect(answer.status).toBe(status);
    expect(problem.errors.map(({ field }) => field)).toEqual(fields);
    expect(problem.requestId).toBe(answer.headers.get('x-request-id'));
  });

  it('is the answer to headers that are too long, too', async () => {
    const answer = await request({ path: `/v1/pods?cursor=${'x'.repeat(20_000)}` });
    expect(answer).toMatchObject({ status: 400, body: { type: problemType('malformed') } });
  });

  it('points into the body', async () => {
    const answer = await request({
      caller: author,
      method: 'PUT',
      path: '/v1/policies/p',
      body: { ...policy, rules: [] },
    });
    expect(answer.body).toMatchObject({ errors: [{ field: 'rules', pointer: '/rules' }] });
  });

  it('tells how to prove who one is, and which methods there are', async () => {
    expect((await request({ caller: '', path: '/v1/pods' })).headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect((await request({ method: 'PUT', path: '/v1/pods' })).headers.get('allow')).toBe('GET, HEAD');
  });
});

describe('a request id', () => {
  it('is taken from the caller, or made, and written to the audit log', async () => {
    const given = await request({ path: '/v1/pods', headers: { 'x-request-id': 'mine-1' } });
    expect(given.headers.get('x-request-id')).toBe('mine-1');
    const bad = await request({ path: '/v1/pods', headers: { 'x-request-id': 'a b\tc' } });
    expect(bad.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    const saved = await request({
      caller: author,
      method: 'PUT',
      path: '/v1/policies/traced',
      body: { ...policy, name: 'traced' },
      headers: { 'x-request-id': 'traced-1', 'if-none-match': '*' },
    });
    expect(saved.status).toBe(200);
    const entries = await request({ caller: 'audrey/auditor', path: '/v1/audit/entries?requestId=traced-1' });
    expect(entries.body).toMatchObject({ items: [{ body: { action: 'policy.saved', requestId: 'traced-1' } }] });
  });
});

describe('a list', () => {
  it('is read page by page, and what is added meanwhile moves nothing', async () => {
    const plans = Array.from({ length: 7 }, (_none, number) => {
      const workload = ownWorkload(`paged-${number}`);
      return aRequest({ ...workload, namespace: 'paged', spec: { ...workload.spec, approval: { required: true } } });
    });
    const [late, ...first] = plans;
    const add = (plan: (typeof plans)[number]) =>
      inTx(database.app, (tx) => evaluatePlan(tx, plan, at(new Date().toISOString())));
    for (const plan of first) await add(plan);
    const pageSchema = z.object({ items: z.array(z.object({ id: z.string() })), nextCursor: z.string().nullable() });
    const read = async (cursor: string | null) =>
      pageSchema.parse(
        (await request({ path: `/v1/approvals?namespace=paged&limit=2${cursor ? `&cursor=${cursor}` : ''}` })).body,
      );
    let page = await read(null);
    const seen = page.items.map(({ id }) => id);
    if (late) await add(late);
    while (page.nextCursor !== null) {
      page = await read(page.nextCursor);
      seen.push(...page.items.map(({ id }) => id));
    }
    expect(seen).toHaveLength(6);
    expect(new Set(seen).size).toBe(6);
  });
});

describe('the health of the service', () => {
  it('is for everybody and names its parts', async () => {
    expect(await request({ caller: '', path: '/v1/health' })).toMatchObject({
      status: 200,
      body: {
        status: 'ok',
        components: { database: { status: 'up' }, outbox: { status: 'up' }, audit: { status: 'up' } },
      },
    });
  });

  it('tells since when the database is there', async () => {
    const sinceOf = async () =>
      healthSchema.parse((await request({ caller: '', path: '/v1/health' })).body).components['database']?.since;
    const since = await sinceOf();
    expect(Date.parse(since ?? '')).toBeLessThanOrEqual(Date.now());
    expect(await sinceOf()).toBe(since);
  });

  it('is measured by route, without a series for what callers invent', async () => {
    await request({ path: '/v1/calendar' });
    await request({ path: '/v1/invented' });
    const { body } = await test.metrics.scrape();
    expect(body).toMatch(
      /scc_governance_request_seconds_count\{method="GET",route="\/v1\/calendar",status="200"\} [1-9]/,
    );
    expect(body).not.toContain('invented');
  });
});

describe('the log', () => {
  it('has one line for each request, with who and from where, and no secret of it', async () => {
    const lines: string[] = [];
    const log: Logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
    const logged = await startTestApi(database.app, { log, env: { TRUSTED_PROXIES: '127.0.0.0/8' } });
    try {
      const headers = { 'x-forwarded-for': '203.0.113.1, 198.51.100.7', 'x-request-id': 'logged-1' };
      await logged.call('vera/viewer', 'GET', '/v1/pods?namespace=shop', { headers });
      await waitFor(() => lines.length > 0, { timeoutMs: 5000, what: 'a line' });
      expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
        expect.objectContaining({
          ...{ requestId: 'logged-1', method: 'GET', path: '/v1/pods', route: '/v1/pods', status: 200 },
          ...{ actor: 'vera', address: '198.51.100.7', ms: expect.any(Number) as unknown, msg: 'answered' },
        }),
      ]);
      expect(lines.join('')).not.toContain('vera/viewer');
    } finally {
      await logged.close();
    }
  });
});

describe('the limit of requests', () => {
  it('is kept for each address that sends no credential, and told by a trusted proxy', async () => {
    const limited = await startTestApi(database.app, { ratePerSecond: 1, env: { TRUSTED_PROXIES: '127.0.0.1/32' } });
    try {
      const ask = (address: string) =>
        limited.call('', 'GET', '/v1/health', { headers: { 'x-forwarded-for': address } });
      const answers = await Promise.all(Array.from({ length: 15 }, () => ask('198.51.100.1')));
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(5);
      expect(await ask('198.51.100.2')).toMatchObject({ status: 200 });
    } finally {
      await limited.close();
    }
  });

  it('is kept for each address, however many credentials are made up', async () => {
    const limited = await startTestApi(database.app, { ratePerSecond: 1, failureBurst: 10_000 });
    try {
      const answers = await Promise.all(
        Array.from({ length: 120 }, (_item, index) =>
          limited.call(`made-up-${index}`, 'GET', '/v1/me', { headers: { cookie: `a=${index}` } }),
        ),
      );
      expect(answers.filter(({ status }) => status === 429)).toHaveLength(20);
    } finally {
      await limited.close();
    }
  });

  it('is kept for each caller, before anybody is asked who it is', async () => {
    const limited = await startTestApi(database.app, { ratePerSecond: 1 });
    try {
      const ask = (caller: string) => limited.call(caller, 'GET', '/v1/me');
      const answers = await Promise.all(Array.from({ length: 15 }, () => ask('greedy/viewer')));
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
      const refused = answers.find(({ status }) => status === 429);
      expect(refused?.body).toMatchObject({ type: problemType('too-many-requests') });
      expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await ask('modest/viewer')).toMatchObject({ status: 200 });
      const strangers = await Promise.all(Array.from({ length: 15 }, () => ask('nobody')));
      expect(strangers.filter(({ status }) => status === 429)).toHaveLength(5);
    } finally {
      await limited.close();
    }
  });
});
