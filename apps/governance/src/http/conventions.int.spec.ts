import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { problemSchema } from '@scc/governance-api';
import { z } from 'zod';
import { aRequest, domainDatabase, type DomainDatabase, ownWorkload, row } from '../governance.fixture.js';
import { startTestApi, type TestApi } from '../api.fixture.js';

/** Conventions of all routes, found by walking the OpenAPI document, and writes that meet. */

const EVERY_ROLE = 'root/admin/engine/policy-author/approver/auditor';
const VALUES: Record<string, string> = { namespace: 'shop', kind: 'Deployment', name: 'ledger' };
const operationSchema = z.looseObject({
  parameters: z.array(z.looseObject({ name: z.string(), in: z.string() })),
  responses: z.record(z.string(), z.unknown()),
  security: z.array(z.unknown()),
});
interface Operation {
  method: string;
  path: string;
  name: string;
  parameters: string[];
  queries: string[];
  responses: string[];
  isOpen: boolean;
}

let database: DomainDatabase;
let test: TestApi;
let operations: Operation[];
beforeAll(async () => {
  database = await domainDatabase();
  test = await startTestApi(database.app, { failureBurst: 1_000_000 });
  const { body } = await test.call('', 'GET', '/v1/openapi.json');
  const { paths } = z.object({ paths: z.record(z.string(), z.record(z.string(), operationSchema)) }).parse(body);
  operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters, responses, security }]) => ({
      method: method.toUpperCase(),
      path: path.replace(/\{([^}]+)\}/g, (_all, name: string) => VALUES[name] ?? '1'),
      name: `${method.toUpperCase()} ${path}`,
      parameters: parameters.map(({ name }) => name),
      queries: parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name),
      responses: Object.keys(responses),
      isOpen: security.length === 0,
    })),
  );
  // The paths above name it.
  const known = { ...aRequest(ownWorkload('known')) };
  known.plan = { ...known.plan, uid: '1' };
  await test.call('worker', 'POST', '/v1/migrations/1/evaluations', { body: known });
}, 60_000);
afterAll(async () => {
  await test.close();
  await database.close();
});

describe('every route', () => {
  it('is versioned, and answers with a request id and a problem for every fault', async () => {
    expect(operations.filter(({ name }) => !/^[A-Z]+ \/v1\//.test(name))).toEqual([]);
    for (const { method, path, name, isOpen } of operations.filter((operation) => !operation.isOpen)) {
      const { status, headers, body } = await test.call('', method, path);
      expect([name, status, isOpen]).toEqual([name, 401, false]);
      expect(problemSchema.parse(body).requestId).toBe(headers.get('x-request-id'));
      expect(headers.get('cache-control')).toBe('no-store');
    }
  });

  it('refuses parameters that it does not know', async () => {
    expect(operations.filter(({ queries }) => queries.length > 0).length).toBeGreaterThanOrEqual(15);
    for (const { method, path, name } of operations) {
      const needed = name.includes('consistency') ? '&first=0&second=0' : '';
      const { status, body } = await test.call(EVERY_ROLE, method, `${path}?surprise=1${needed}`);
      expect([name, status, JSON.stringify(body).includes('"surprise"')]).toEqual([name, 400, true]);
    }
  });

  it('that lists page by page has bounds, and knows its own cursors only', async () => {
    const lists = operations.filter(({ parameters }) => parameters.includes('cursor'));
    expect(lists.length).toBeGreaterThanOrEqual(6);
    for (const { path, name } of lists) {
      const statusOf = async (query: string): Promise<number> =>
        (await test.call(EVERY_ROLE, 'GET', `${path}?${query}`)).status;
      expect([name, await statusOf('limit=501'), await statusOf('limit=0')]).toEqual([name, 400, 400]);
      expect([name, await statusOf('cursor=bm90IG91cnM')]).toEqual([name, 422]);
    }
  });

  it('that writes takes an Idempotency-Key, unless its answer is a secret or it changes nothing', () => {
    const without = operations.filter(
      ({ method, parameters }) => method !== 'GET' && !parameters.includes('Idempotency-Key'),
    );
    expect(without.map(({ name }) => name).sort()).toEqual([
      'POST /v1/migrations/rebuild',
      'POST /v1/migrations/{id}/command-grants',
      'POST /v1/policies/dry-run',
    ]);
  });

  it('that edits documents what it says without a version, with an old one, and to large bodies', () => {
    for (const { name, parameters, responses } of operations.filter(({ method }) => method !== 'GET')) {
      if (parameters.includes('If-Match'))
        expect([name, responses]).toEqual([name, expect.arrayContaining(['412', '428'])]);
      expect([name, responses]).toEqual([name, expect.arrayContaining(['401', '403', '409', '429', '503'])]);
    }
  });
});

describe('the limit of a body', () => {
  const padded = (bytes: number): string => JSON.stringify('x'.repeat(bytes));
  it.each([
    ['/v1/migrations/x/evaluations', 7 * 1024 * 1024, 400],
    ['/v1/migrations/x/evaluations', 9 * 1024 * 1024, 413],
    ['/v1/migrations/x/commands', 200 * 1024, 400],
    ['/v1/migrations/x/commands', 300 * 1024, 413],
  ])('of %s with %d bytes answers %d', async (path, bytes, expected) => {
    expect((await test.call(EVERY_ROLE, 'POST', path, { body: padded(bytes) })).status).toBe(expected);
  });
});

describe('writes that meet', () => {
  const rule = { name: 'r', when: 'plan.name == "x"', verdict: 'deny', message: 'm', remedy: 'r' };
  const count = (sql: string, ...parameters: unknown[]) =>
    row(database.app, `select count(*)::int as n from ${sql}`, ...parameters);
  const statusesOf = (answers: { status: number }[]): Record<number, number> => {
    const statuses: Record<number, number> = {};
    for (const { status } of answers) statuses[status] = (statuses[status] ?? 0) + 1;
    return statuses;
  };

  it('of a hundred approvers approve once', async () => {
    const workload = ownWorkload('approved-by-hundred');
    const request = aRequest({ ...workload, spec: { ...workload.spec, approval: { required: true } } });
    const path = `/v1/migrations/${request.plan.uid}`;
    const asked = await test.call('worker', 'POST', `${path}/evaluations`, { body: request });
    const { contentHash } = z.object({ contentHash: z.string() }).parse(asked.body);
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_none, number) =>
        test.call(`approver-${number}/approver`, 'POST', `${path}/approvals`, {
          body: { decision: 'approve', contentHash },
        }),
      ),
    );
    expect(statusesOf(answers)).toEqual({ 200: 1, 409: 99 });
    expect(await count('outbox where plan_uid = $1', request.plan.uid)).toEqual({ n: 1 });
    expect(
      await count(`audit_entry where action = 'approval.granted' and object_name = $1`, request.plan.name),
    ).toEqual({
      n: 1,
    });
  });

  it('of twenty authors on one policy: one edit of a version wins, and none is lost', async () => {
    const put = (number: number, headers: Record<string, string>) =>
      test.call(`author-${number}/policy-author`, 'PUT', '/v1/policies/contested', {
        body: { name: 'contested', description: JSON.stringify([number, headers]), rules: [rule] },
        headers,
      });
    const at = async (headers: Record<string, string>) =>
      statusesOf(await Promise.all(Array.from({ length: 20 }, (_none, number) => put(number, headers))));
    expect(await at({ 'if-none-match': '*' })).toEqual({ 200: 1, 412: 19 });
    for (const version of [1, 2, 3]) expect(await at({ 'if-match': `"${version}"` })).toEqual({ 200: 1, 412: 19 });
    expect(await count(`policy_version where name = 'contested'`)).toEqual({ n: 4 });
    expect(await count(`audit_entry where action = 'policy.saved' and object_name = 'contested'`)).toEqual({ n: 4 });
  });

  it('of one role binding given fifty times give it once', async () => {
    const body = { role: 'viewer', subject: { kind: 'User', name: 'fifty' }, namespaces: 'shop' };
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_none, number) =>
        test.call('ada/admin', 'POST', '/v1/role-bindings', {
          body,
          headers: number < 25 ? { 'idempotency-key': 'fifty' } : {},
        }),
      ),
    );
    expect(Object.keys(statusesOf(answers))).toEqual(['201', '409']);
    expect(await count(`role_binding where subject_name = 'fifty'`)).toEqual({ n: 1 });
    expect(await count(`audit_entry where action = 'access.granted'`)).toEqual({ n: 1 });
  });
});
