import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createLogger, waitFor } from '@scc/runtime';
import { type Answer, startTestApi, type TestApi } from '../api.fixture.js';
import { inTx } from '../governance.fixture.js';
import { installDefaultPolicies } from '../policies/defaults.js';
import { governanceSuite } from '../suite.fixture.js';
import { type Denial, Denials } from './denials.js';

const wait = { timeoutMs: 20_000, everyMs: 10 };
const database = governanceSuite();

interface Entry {
  actor: string;
  action: string;
  object_name: string | null;
  request_id: string | null;
  details: unknown;
}
let from = '0';
beforeEach(async () => {
  const [row] = await database.app.query<{ id: string }[]>('select coalesce(max(id), 0) as id from audit_entry');
  from = row?.id ?? '0';
});
const entries = async (): Promise<Entry[]> =>
  database.app.query(
    `select actor, action, object_name, request_id, convert_from(body, 'UTF8')::jsonb -> 'details' as details
     from audit_entry where action like 'access.deni%' and id > $1 order by id`,
    [from],
  );

describe('over HTTP', () => {
  let api: TestApi;
  beforeAll(async () => {
    await inTx(database.app, (tx) => installDefaultPolicies(tx, new Date()));
    api = await startTestApi(database.app);
  });
  afterAll(() => api.close());

  const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();
  const target = { namespace: 'shop', kind: 'Deployment', name: 'ledger' };
  const seen = (count: number): Promise<unknown> =>
    waitFor(async () => (await entries()).length === count, { ...wait, what: 'the refusals in the log' });

  it('a write without the permission is an entry that names caller, route, request and reason', async () => {
    const denied = await api.call('vera/viewer', 'POST', '/v1/migrations/rebuild', {
      headers: { 'x-request-id': 'denied-1' },
    });
    expect(denied.status).toBe(403);
    await seen(1);
    expect(await entries()).toEqual([
      {
        actor: 'vera',
        action: 'access.denied',
        object_name: 'POST /v1/migrations/rebuild',
        request_id: 'denied-1',
        details: { path: '/v1/migrations/rebuild', reason: expect.stringContaining('you lack ') as unknown },
      },
    ]);
  });

  it('what a rule such as four eyes refuses is an entry', async () => {
    const body = { policy: 'blast-radius', target, reason: 'an agent that needs the host', expiresAt: inDays(2) };
    const asked: Answer = await api.call(
      'otto/operator/approver/policy-author/admin',
      'POST',
      '/v1/policy-exceptions',
      { body },
    );
    expect(asked.status).toBe(201);
    const { id } = asked.body as { id: string };
    const approved = await api.call(
      'otto/operator/approver/policy-author/admin',
      'POST',
      `/v1/policy-exceptions/${id}/approval`,
      { headers: { 'if-match': asked.headers.get('etag') ?? '"1"' } },
    );
    expect(approved.status).toBe(403);
    await seen(1);
    expect((await entries())[0]).toMatchObject({
      actor: 'otto',
      object_name: 'POST /v1/policy-exceptions/:id/approval',
      details: { path: `/v1/policy-exceptions/${id}/approval`, reason: 'a second person has to agree to an exception' },
    });
  });

  it('reads, unknown callers and other failures are none', async () => {
    expect((await api.call('vera/viewer', 'GET', '/v1/role-bindings')).status).toBe(403);
    expect((await api.call('nobody', 'POST', '/v1/migrations/rebuild')).status).toBe(401);
    expect((await api.call('ada/admin', 'POST', '/v1/policy-exceptions', { body: {} })).status).toBe(400);
    expect((await api.call('vera/viewer', 'POST', '/v1/migrations/rebuild')).status).toBe(403);
    await seen(1);
  });
});

describe('a flood', () => {
  const denial = (name: string): Denial => ({
    caller: { name },
    method: 'POST',
    route: '/v1/x',
    path: '/v1/x',
    reason: null,
    requestId: null,
  });
  const logger = createLogger('denials-spec', 'silent');
  const counted = (found: Entry[], action: string): number => found.filter((entry) => entry.action === action).length;

  it('is cut off for each caller and for all, and what was left out is counted', async () => {
    let now = Date.parse('2026-03-10T12:00:30Z');
    const denials = new Denials(database.app, { logger, now: () => now, perCaller: 3, perMinute: 5 });
    for (let round = 0; round < 1_000; round += 1) denials.see(denial('ana'));
    for (let round = 0; round < 10; round += 1) denials.see(denial('bob'));
    now += 60_000;
    denials.see(denial('ana'));
    await denials.stop();
    const found = await entries();
    expect(counted(found, 'access.denied')).toBe(6);
    expect(found.filter(({ action }) => action === 'access.denials-suppressed')).toMatchObject([
      {
        actor: 'scc-governance',
        details: {
          count: 1_005,
          callers: [
            { caller: 'ana', count: 997 },
            { caller: 'bob', count: 8 },
          ],
        },
      },
    ]);
  });

  it('is counted when the process stops, and when no more requests come', async () => {
    let now = Date.parse('2026-03-10T12:00:30Z');
    const denials = new Denials(database.app, { logger, now: () => now, perCaller: 1 });
    for (let round = 0; round < 3; round += 1) denials.see(denial('ana'));
    now += 60_000;
    denials.tick();
    for (let round = 0; round < 4; round += 1) denials.see(denial('ana'));
    await denials.stop();
    const suppressed = (await entries()).filter(({ action }) => action === 'access.denials-suppressed');
    expect(suppressed).toMatchObject([{ details: { count: 2 } }, { details: { count: 3 } }]);
  });
});
