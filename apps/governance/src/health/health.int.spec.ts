import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Health, healthSchema } from '@scc/governance-api';
import { createLogger, waitFor } from '@scc/runtime';
import { TemporalLink } from '@scc/runtime/temporal';
import { startTemporal, type TemporalServer } from '@scc/testing/temporal';
import { startTestApi, type TestApi } from '../api.fixture.js';
import { evaluatePlan } from '../engine/evaluate.js';
import { aRequest, at, inTx, ownWorkload } from '../governance.fixture.js';
import { governanceSuite } from '../suite.fixture.js';
import { outsideProbes } from './outside.js';
import { PartStates } from './parts.js';
import { askParts, type Probes } from './probes.js';

/** The words of health while parts are away. */

const database = governanceSuite();

const healthOf = async (test: TestApi): Promise<Health> =>
  healthSchema.parse((await test.call('', 'GET', '/v1/health')).body);

describe('health', () => {
  let test: TestApi;
  const away = new Set<string>();
  const probe = (part: string) => (): Promise<void> =>
    away.has(part) ? Promise.reject(new Error('connect ECONNREFUSED 10.9.8.7:6443')) : Promise.resolve();
  beforeAll(async () => {
    test = await startTestApi(database.app, {
      probes: { kubernetes: probe('kubernetes'), temporal: probe('temporal') },
    });
    await test.observer.start();
  });
  afterAll(() => test.close());
  const waitForHealth = (what: string, isSo: (health: Health) => boolean): Promise<Health> =>
    waitFor(
      async () => {
        const health = await healthOf(test);
        return isSo(health) ? health : null;
      },
      { timeoutMs: 20_000, what },
    );

  it('names every part, with its state and since when', async () => {
    const { status, components } = await healthOf(test);
    expect(status).toBe('ok');
    expect(Object.entries(components).map(([name, part]) => [name, part.status])).toEqual([
      ['database', 'up'],
      ['kubernetes', 'up'],
      ['temporal', 'up'],
      ['outbox', 'up'],
      ['audit', 'up'],
    ]);
  });

  it.each(['kubernetes', 'temporal'])(
    'says that %s is away and that the service goes on, and not where it is',
    async (part) => {
      const before = await healthOf(test);
      away.add(part);
      const health = await waitForHealth(`${part} to be away`, ({ components }) => components[part]?.status === 'down');
      away.delete(part);
      expect(health).toMatchObject({
        status: 'degraded',
        components: { database: { status: 'up' }, [part]: { reason: 'it does not answer as it should' } },
      });
      expect(JSON.stringify(health)).not.toContain('10.9.8.7');
      const since = health.components[part]?.since ?? '';
      expect(Date.parse(since)).toBeGreaterThan(Date.parse(before.components[part]?.since ?? ''));
      const after = await waitForHealth(`${part} to be back`, ({ status }) => status === 'ok');
      expect(Date.parse(after.components[part]?.since ?? '')).toBeGreaterThan(Date.parse(since));
    },
  );

  it('is an error while the audit log contradicts what was published', async () => {
    let contradicted: string | null = null;
    const other = await startTestApi(database.app, { contradicted: () => contradicted });
    expect(await healthOf(other)).toMatchObject({ status: 'ok' });
    contradicted = 'a checkpoint of 9 entries was published, the log has 8';
    expect(await healthOf(other)).toMatchObject({
      status: 'error',
      components: { audit: { status: 'down', reason: contradicted }, database: { status: 'up' } },
    });
    await other.close();
  });

  it('says that messages are not delivered and that no sealer works', async () => {
    const request = aRequest(ownWorkload('waiting'));
    const now = new Date();
    await inTx(database.app, (tx) => evaluatePlan(tx, request, at(now.toISOString())));
    await database.app.query(
      `insert into outbox (plan_uid, workflow_id, signal, payload, created_at)
       values ($1, 'w', 'approve', '{}', now() - interval '10 minutes')`,
      [request.plan.uid],
    );
    await database.admin.query(`
      begin; alter table audit_entry disable trigger user;
      update audit_entry set occurred_at = now() - interval '1 minute';
      alter table audit_entry enable trigger user; commit`);
    const health = await waitForHealth('work that waits', ({ components }) =>
      ['outbox', 'audit'].every((name) => components[name]?.status === 'degraded'),
    );
    expect(health.components).toMatchObject({
      outbox: { status: 'degraded', waiting: 1, reason: expect.stringContaining('they are not delivered') as unknown },
      audit: { status: 'degraded', reason: expect.stringContaining('no sealer works') as unknown },
    });
    await database.app.query('update outbox set abandoned_at = now()');
  });

  it('says that the database is away and that numbers are old', async () => {
    await database.server.crash();
    const health = await waitForHealth('the database to be away', ({ status }) => status === 'error');
    expect(health.components).toMatchObject({
      database: { status: 'down', reason: 'it does not answer' },
      kubernetes: { status: 'up' },
      outbox: { status: 'degraded', reason: expect.stringContaining('last numbers known') as unknown },
    });
    await database.server.start();
    await waitForHealth('the database to be back', ({ components }) => components['database']?.status === 'up');
  });
});

const linkTo = (address: string, namespace: string): TemporalLink =>
  new TemporalLink({ TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace }, { interceptors: [] });

describe('the probes', () => {
  const log = createLogger('test', 'silent');
  const stateAfter = async (probes: Probes, part: string): Promise<string | undefined> => {
    const states = new PartStates();
    await askParts(probes, states, log);
    return states.get(part)?.status;
  };

  it('do not wait for a part that never answers', async () => {
    const silent: Probes = { silent: () => new Promise(() => undefined) };
    expect(await stateAfter(silent, 'silent')).toBe('down');
  });

  it('ask the API server for an access review, and nothing of anybody', async () => {
    const asked: unknown[] = [];
    const temporal = linkTo('127.0.0.1:1', 'scc');
    const probes = outsideProbes({
      subjectAccessReview: (review) => {
        asked.push(review);
        return Promise.resolve(false);
      },
      temporal,
    });
    expect(await stateAfter(probes, 'kubernetes')).toBe('up');
    expect(asked).toMatchObject([{ user: 'system:anonymous', resourceAttributes: { resource: 'health' } }]);
    await temporal.close();
  });

  describe('of Temporal', () => {
    let temporal: TemporalServer;
    beforeAll(async () => {
      temporal = await startTemporal();
    }, 60_000);
    const probesOf = (link: TemporalLink): Probes =>
      outsideProbes({ subjectAccessReview: () => Promise.resolve(false), temporal: link });

    it('know a server, a namespace that is missing, and a server that is away', async () => {
      const { address, namespace } = temporal;
      const [good, missing] = [linkTo(address, namespace), linkTo(address, 'nobody-made-it')];
      expect(await stateAfter(probesOf(good), 'temporal')).toBe('up');
      expect(await stateAfter(probesOf(missing), 'temporal')).toBe('down');
      await temporal.stop();
      expect(await stateAfter(probesOf(good), 'temporal')).toBe('down');
      await Promise.all([good.close(), missing.close()]);
    });
  });
});
