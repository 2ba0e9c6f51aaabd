import { jest } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { PlanSpecInput, PlanStatus } from '@scc/plan';
import { isNotFound, KubeError } from '@scc/kube';
import { waitFor } from '@scc/runtime';
import { parseExportLine, verifyLog, type LogRecord } from '@scc/audit';
import type { Client } from '@temporalio/client';
import { z } from 'zod';
import { temporalWitnesses } from '@scc/cli/witnesses';
import {
  condition,
  DEPLOYMENTS,
  engineSuite,
  longHolds,
  NAMESPACE,
  PLANS,
  ROUTES,
  SCALERS,
  TIMEOUT_MS,
  type Plan,
} from './engine.fixture.js';
import { routesOfAllKinds } from './all-routes.fixture.js';
import { canaryDataSuite } from './canary-data.fixture.js';
import { censusSuite } from './census.fixture.js';
import { orderedSuite } from './ordered.fixture.js';
import { firstPodsSuite } from './first-pods.fixture.js';
import { nextRunSuite } from './next-run.fixture.js';
import { perNodeSuite } from './per-node.fixture.js';
import { rollingSuite } from './rolling.fixture.js';
import { plainService } from './plain-service.fixture.js';
import { startLoad, TOKEN_AUDIENCE, type Stack } from '../src/index.js';
import { checked } from './suites/check.fixture.js';
import { consoled, SIGNING_IN } from './suites/console.fixture.js';
import { withoutEvents } from './suites/denied-events.fixture.js';
import { eachRouter } from './suites/each-router.fixture.js';
import { figures } from './suites/figures.fixture.js';
import { gates } from './suites/gates.fixture.js';
import { ownProxies } from './suites/own-proxies.fixture.js';
import { TRACED, traces } from './suites/traces.fixture.js';

/** The engine on a real cluster: what it refuses, what operators do to it, and what is done to it from outside. */

jest.setTimeout(TIMEOUT_MS + 30_000);

let stack: Stack;
let temporal: Client;
const engine = engineSuite(
  (running) => {
    ({ stack, temporal } = running);
  },
  { served: [NAMESPACE], env: { ...TRACED, governance: { ...TRACED.governance, ...SIGNING_IN } } },
);
const { apply, read, until, untilPhase, untilWeight, handleOf, remains, specOf } = engine;

const eventsSchema = z.array(
  z.looseObject({
    reason: z.string(),
    note: z.string().default(''),
    regarding: z.looseObject({ kind: z.string(), name: z.string() }),
  }),
);
const eventsOf = async (kind: string, name: string) =>
  eventsSchema
    .parse((await stack.api.list(`/apis/events.k8s.io/v1/namespaces/${NAMESPACE}/events`)).items)
    .filter(({ regarding }) => regarding.kind === kind && regarding.name === name);

describe('what cannot be migrated', () => {
  it.each<[string, string, Partial<PlanSpecInput>, string[]]>([
    ['no-workload', 'nothing-here', {}, ['WorkloadNotFound']],
    ['no-scc', 'ledger', { targetSCC: 'restricted-v9' }, ['SCCNotFound']],
    ['no-account', 'ledger', { serviceAccountName: 'nobody' }, ['ServiceAccountNotFound']],
    ['wrong-source', 'ledger', { sourceSCC: 'privileged' }, ['SourceIsAnother']],
  ])('%s is rejected with condition, event and remedy, and nothing is touched', async (name, workload, over, codes) => {
    await apply(name, workload, over);
    const status = await untilPhase(name, 'Rejected');
    expect(status.violations?.map(({ code }) => code)).toEqual(codes);
    for (const violation of status.violations ?? []) expect(violation.remedy).not.toBe('');
    expect(condition(status, 'Validated')).toMatchObject({ status: 'False' });
    await waitFor(
      async () => (await eventsOf('SCCMigrationPlan', name)).some(({ reason }) => reason === 'PlanRejected'),
      {
        timeoutMs: 60_000,
        what: 'the event of the rejection',
      },
    );
    expect(await remains()).toEqual([]);
    await waitFor(async () => (await read(name)).metadata.finalizers.length === 0, {
      timeoutMs: 60_000,
      what: 'the plan to be released',
    });
  });

  it('weights that do not rise are refused when they are applied', async () => {
    const refusal = apply('falling', 'ledger', { traffic: { weights: [50, 25, 100] } });
    await expect(refusal).rejects.toThrow(KubeError);
    await expect(refusal).rejects.toThrow(/weights/);
  });

  it('a dry run says what would happen and touches nothing', async () => {
    const before = await specOf(`${DEPLOYMENTS}/ledger`);
    await apply('dry', 'ledger', { dryRun: true });
    const status = await untilPhase('dry', 'Completed');
    expect(status.patch).toContain('openshift.io/required-scc: restricted-v2');
    expect(await remains()).toEqual([]);
    expect(await specOf(`${DEPLOYMENTS}/ledger`)).toEqual(before);
    expect(status.traffic).toEqual([
      { kind: 'VirtualService', name: 'ledger', dividedBy: 'Istio', verifiedBy: 'NotObserved', share: 0 },
    ]);
  });

  it('a way in that nothing divides is refused until the plan accepts it by name', async () => {
    const ingresses = `/apis/networking.k8s.io/v1/namespaces/${NAMESPACE}/ingresses`;
    const service = { name: 'ledger', port: { number: 80 } };
    await stack.api.create(ingresses, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'front' },
      spec: { defaultBackend: { service } },
    });
    try {
      await apply('way-refused', 'ledger', { dryRun: true });
      const { violations, traffic } = await untilPhase('way-refused', 'Rejected');
      expect(violations).toMatchObject([
        { code: 'WayNotDivided', message: expect.stringContaining('Ingress front') as unknown },
      ]);
      const way = { kind: 'Ingress', name: 'front', dividedBy: 'Nothing', verifiedBy: 'NotObserved', share: 0 };
      expect(traffic).toContainEqual(way);
      await apply('way-accepted', 'ledger', {
        dryRun: true,
        traffic: { accept: [{ kind: 'Ingress', name: 'front' }] },
      });
      expect((await untilPhase('way-accepted', 'Completed')).traffic).toContainEqual(way);
    } finally {
      await stack.api.call('DELETE', `${ingresses}/front`);
    }
  });
});

const answerSchema = z.looseObject({
  items: z.array(z.looseObject({ contentHash: z.string(), plan: z.looseObject({ uid: z.string() }) })).default([]),
});

/** The answer of the governance API to one of the cluster's ServiceAccounts. */
async function ask(account: { namespace: string; name: string }, path: string, body?: object): Promise<string> {
  const token = await stack.token(account, TOKEN_AUDIENCE);
  const ca = await readFile(join(stack.stateDir, 'tls', 'ca.crt'), 'utf8');
  return new Promise<string>((resolve, reject) => {
    const outgoing = request(
      `${stack.addresses.governance}/v1/${path}`,
      {
        ca,
        method: body ? 'POST' : 'GET',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'idempotency-key': crypto.randomUUID(),
        },
      },
      (response) => {
        let answer = '';
        response.on('data', (chunk: Buffer) => (answer += chunk.toString()));
        response.on('end', () => {
          if ((response.statusCode ?? 0) < 300) resolve(answer);
          else reject(new Error(`${path}: ${response.statusCode ?? 0} ${answer}`));
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body ? JSON.stringify(body) : undefined);
  });
}
const governance = async (account: { namespace: string; name: string }, path: string, body?: object) =>
  answerSchema.parse(JSON.parse(await ask(account, path, body)));

const BO = { namespace: NAMESPACE, name: 'bo' };
const ADMIN = { namespace: 'scc-system', name: 'admin' };

let approver: Promise<void> | undefined;
/** Makes another person than the author of plans one who may approve them. */
async function makeApprover(): Promise<void> {
  for (const account of [BO, ADMIN])
    await stack.api.create(`/api/v1/namespaces/${account.namespace}/serviceaccounts`, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: account,
    });
  const subject = { kind: 'User', name: `system:serviceaccount:${NAMESPACE}:bo` };
  await governance(ADMIN, 'role-bindings', { role: 'approver', subject, namespaces: NAMESPACE });
}

/** Agrees, as another person than its author, to what a plan would do. */
async function approve({ metadata }: Plan): Promise<void> {
  approver ??= makeApprover();
  await approver;
  const { items } = await governance(BO, `approvals?namespace=${NAMESPACE}`);
  const asked = items.find(({ plan }) => plan.uid === metadata.uid);
  const decision = { decision: 'approve', contentHash: asked?.contentHash, reason: 'agreed' };
  await governance(BO, `migrations/${metadata.uid}/approvals`, decision);
}
const untilAsked = (name: string): Promise<PlanStatus> =>
  until(name, ({ message }) => message?.includes('1 × approver') ?? false, 'waiting for approval');

describe('a plan that needs approval', () => {
  const podSchema = z.looseObject({
    metadata: z.looseObject({
      annotations: z.record(z.string(), z.string()),
      deletionTimestamp: z.string().optional(),
    }),
  });
  const sccsOf = async (workload: string): Promise<Set<string | undefined>> => {
    const { items } = await stack.api.list(`/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=app=${workload}`);
    const pods = items.map((item) => podSchema.parse(item).metadata);
    const staying = pods.filter(({ deletionTimestamp }) => deletionTimestamp === undefined);
    return new Set(staying.map(({ annotations }) => annotations['openshift.io/scc']));
  };
  let original: unknown;

  it('waits, is woken by the approval of another person, and completes', async () => {
    original = await specOf(`${DEPLOYMENTS}/catalog`);
    const grants = { revokeAfter: '2s' } as const;
    const plan = await apply('approved', 'catalog', { approval: { required: true }, grants });
    await untilAsked('approved');
    await (await handleOf('approved')).signal('approve', { actor: 'mallory' });
    expect(await remains()).toEqual([]);
    await approve(plan);
    const status = await untilPhase('approved', 'Completed');
    expect(condition(status, 'Approved')).toMatchObject({
      status: 'True',
      message: expect.stringContaining(':bo') as string,
    });
    expect(await sccsOf('catalog')).toEqual(new Set(['restricted-v2']));

    // Once the change has lasted, the workflow that looks after it takes the old grant away.
    const revoked = await until('approved', (now) => condition(now, 'SourceRevoked') !== undefined, 'the revocation');
    expect(condition(revoked, 'SourceRevoked')).toMatchObject({ status: 'True', reason: 'Revoked' });
    expect(revoked.phase).toBe('Completed');
  });

  it('takes a completed migration back', async () => {
    const justification = 'an old client needs it';
    const plan = await apply('taken-back', 'catalog', {
      targetSCC: 'anyuid',
      justification,
      approval: { required: true },
    });
    await untilAsked('taken-back');
    await approve(plan);
    await untilPhase('taken-back', 'Completed');
    expect(await sccsOf('catalog')).toEqual(new Set(['anyuid']));
    // The SCC that it runs under is pinned now; all else is as it was before the first migration.
    const pin = { template: { metadata: { annotations: { 'openshift.io/required-scc': 'anyuid' } } } };
    const deploymentSchema = z.looseObject({ template: z.looseObject({ spec: z.unknown() }) });
    const now = deploymentSchema.parse(await specOf(`${DEPLOYMENTS}/catalog`));
    expect(now).toMatchObject(pin);
    expect(now.template.spec).toEqual(deploymentSchema.parse(original).template.spec);
    expect(await remains()).toEqual([]);
  });
});

describe('the audit log', () => {
  it('holds everything that governance promised the engine, by witnesses that it cannot reach', async () => {
    const { anchors, receipts } = await temporalWitnesses(temporal);
    expect(anchors.length).toBeGreaterThan(0);
    expect(receipts.length).toBeGreaterThan(20);
    const { key } = z
      .looseObject({ data: z.looseObject({ key: z.string() }) })
      .transform(({ data }) => data)
      .parse(await stack.api.get('/api/v1/namespaces/scc-system/configmaps/scc-audit-checkpoint'));
    const lines = (await ask({ namespace: 'scc-system', name: 'admin' }, 'audit/export')).trim().split('\n');
    const records = lines.map((line, index) => parseExportLine(line, index + 1));
    const log = async function* (kept: LogRecord[]) {
      yield await Promise.resolve(kept);
    };
    const trust = { origin: null, keys: [key], anchors, receipts };
    expect(await verifyLog(log(records), trust)).toMatchObject({ verdict: 'clean', findings: [] });
    const gone = receipts[3]?.entryId;
    const without = records.filter((record) => !JSON.stringify(record).includes(gone ?? 'nothing'));
    expect(without.length).toBeLessThan(records.length);
    expect(await verifyLog(log(without), trust)).toMatchObject({ verdict: 'tampered' });
  });
});

const changeSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    resourceVersion: z.coerce.number(),
    labels: z.record(z.string(), z.string()).default({}),
  }),
});
const stateSchema = z.looseObject({
  spec: z.looseObject({ replicas: z.int() }),
  status: z.looseObject({ availableReplicas: z.int().default(0) }),
});
interface Change {
  type: string;
  name: string;
  labels: Record<string, string>;
  /** Of the whole cluster: it orders the changes of objects of different kinds. */
  revision: number;
  object: unknown;
}

/** Writes down each change of a list from now on. */
async function follow(path: string, signal: AbortSignal): Promise<Change[]> {
  const changes: Change[] = [];
  const { resourceVersion } = await stack.api.list(path);
  const read = async (): Promise<void> => {
    for await (const { type, object } of stack.api.watch(path, resourceVersion, signal)) {
      const { name, labels, resourceVersion: revision } = changeSchema.parse(object).metadata;
      changes.push({ type, name, labels, revision, object });
    }
  };
  read().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return changes;
}

describe('a running migration', () => {
  it('holds while paused by a signal, refuses edits that come too late, and goes back when its plan is deleted', async () => {
    const before = await Promise.all([`${DEPLOYMENTS}/ledger`, `${ROUTES}/ledger`, `${SCALERS}/ledger`].map(specOf));
    await apply('ledger', 'ledger', { traffic: longHolds });
    await untilWeight('ledger', 10);
    expect(z.looseObject({ minReplicas: z.int() }).parse(await specOf(`${SCALERS}/ledger`)).minReplicas).toBe(3);

    await expect(stack.api.merge(`${PLANS}/ledger`, { spec: { targetSCC: 'nonroot-v2' } })).rejects.toThrow(
      /targetSCC/,
    );
    await (await handleOf('ledger')).signal('pause');
    await stack.api.merge(`${PLANS}/ledger`, { spec: { traffic: { interval: '0s' } } });
    const paused = await until('ledger', (status) => condition(status, 'Paused')?.status === 'True', 'paused');
    expect(paused.weight).toBe(10);

    await stack.api.call('DELETE', `${PLANS}/ledger`);
    await waitFor(
      () =>
        read('ledger').then(
          () => false,
          (error: unknown) => isNotFound(error),
        ),
      {
        timeoutMs: TIMEOUT_MS,
        what: 'the plan to be gone',
      },
    );
    expect(await remains()).toEqual([]);
    const after = await Promise.all([`${DEPLOYMENTS}/ledger`, `${ROUTES}/ledger`, `${SCALERS}/ledger`].map(specOf));
    expect(after).toEqual(before);
  });

  it('takes its workload for itself: a second plan waits and is then judged again', async () => {
    await apply('first', 'ledger', { traffic: longHolds });
    await untilWeight('first', 10);
    await apply('second', 'ledger');
    await until('second', ({ message }) => message?.includes('shop/first') ?? false, 'waiting for the first');
    await stack.api.merge(`${PLANS}/first`, { spec: { traffic: { interval: '0s' } } });
    await (await handleOf('first')).signal('skip');
    await untilPhase('first', 'Completed');
    const { violations } = await untilPhase('second', 'Rejected');
    expect(violations?.map(({ code }) => code)).toEqual(['AlreadyMigrated']);
  });

  it('names who rewrites its routes every second, and goes back without touching what they wrote', async () => {
    await apply('drift', 'checkout', { traffic: longHolds });
    await untilWeight('drift', 10);
    const to = (host: string, weight: number) => ({ destination: { host, port: { number: 80 } }, weight });
    const http = [{ timeout: '7s', retries: { attempts: 0 }, route: [to('checkout', 80), to('checkout-next', 20)] }];
    const path = `${ROUTES}/checkout?fieldManager=gitops`;
    const ended = new AbortController();
    const fighting = (async () => {
      while (!ended.signal.aborted) {
        await stack.api.call('PATCH', path, { spec: { http } }, 'application/merge-patch+json');
        await pause(1_000, undefined, { signal: ended.signal }).catch(() => undefined);
      }
    })();
    const status = await untilPhase('drift', 'RolledBack').finally(() => {
      ended.abort();
    });
    await fighting;
    expect(JSON.stringify(status)).toContain('gitops');
    expect(await specOf(`${ROUTES}/checkout`)).toMatchObject({ http });
    expect(await remains()).toEqual([]);
  });

  it('goes back when another client changes the workload meanwhile, and leaves that change alone', async () => {
    await apply('changed', 'checkout', { traffic: longHolds });
    await untilWeight('changed', 10);
    const template = { metadata: { annotations: { 'shop.example/restarted': 'by hand' } } };
    await stack.api.merge(`${DEPLOYMENTS}/checkout`, { spec: { template } });
    await stack.api.merge(`${PLANS}/changed`, { spec: { traffic: { interval: '0s' } } });
    const { message } = await untilPhase('changed', 'RolledBack');
    expect(message).toBeDefined();
    expect(await specOf(`${DEPLOYMENTS}/checkout`)).toMatchObject({ template });
    expect(await remains()).toEqual([]);
    const events = await eventsOf('SCCMigrationPlan', 'changed');
    expect(events.find(({ reason }) => reason === 'UndoStarted')?.note).toContain('changed the pod template');
  });

  it('leaves Services and replicas alone while weights move, and its Service outlives the last pod of the canary', async () => {
    const ending = new AbortController();
    const pods = await follow(`/api/v1/namespaces/${NAMESPACE}/pods`, ending.signal);
    const services = await follow(`/api/v1/namespaces/${NAMESPACE}/services`, ending.signal);
    const workloads = await follow(DEPLOYMENTS, ending.signal);
    // Its rollout fails after the canary took everything, so all of the way there and back is seen.
    await apply('watched', 'orders', { gates: { metrics: [], readiness: { timeout: '30s' } } });
    await untilPhase('watched', 'RolledBack');
    const isGone = ({ type, name }: Change): boolean => type === 'DELETED' && name === 'orders-scc-canary';
    const service = await waitFor(() => services.find(isGone), { timeoutMs: 60_000, what: 'the Service to go' });
    ending.abort();

    const canaryPods = pods.filter(({ type, labels }) => type === 'DELETED' && labels['scc.poc/plan'] === 'watched');
    expect(canaryPods.length).toBeGreaterThanOrEqual(3);
    for (const { revision } of canaryPods) expect(revision).toBeLessThan(service.revision);
    expect(services.filter(({ name }) => name === 'orders')).toEqual([]);
    const states = workloads.filter(({ name }) => name === 'orders').map(({ object }) => stateSchema.parse(object));
    expect(states.length).toBeGreaterThan(0);
    for (const { spec, status } of states) {
      expect(spec.replicas).toBe(3);
      expect(status.availableReplicas).toBeGreaterThanOrEqual(3);
    }
  });

  it('mirrors no write, and all that reads', async () => {
    const mirror = { percentage: 100, duration: '1m' };
    await apply('mirrored', 'checkout', { traffic: { mirror, interval: '0s' } });
    await until('mirrored', ({ message }) => message?.startsWith('mirroring') ?? false, 'mirroring');
    const requests = (['GET', 'POST'] as const).map((method) => ({ method, path: `/${method.toLowerCase()}` }));
    const load = await startLoad(stack, {
      streams: [{ name: 'checkout', via: 'ingress', host: 'checkout.shop.example', rate: 100, requests }],
    });
    const served = async (): Promise<Record<string, number>> => {
      const text = await stack.exec('curl', [
        '-s',
        'http://127.0.0.1:15000/stats?filter=checkout-scc-canary.*upstream_rq_total',
      ]);
      const total = /upstream_rq_total: (\d+)/.exec(text)?.[1] ?? '0';
      return { canary: Number(total) };
    };
    await waitFor(async () => ((await served())['canary'] ?? 0) >= 100, {
      timeoutMs: 60_000,
      what: '100 mirrored requests',
    });
    const { total } = await load.stop();
    expect(total.failed).toBe(0);
    const mirrored = (await served())['canary'] ?? 0;
    // Half of the requests read. A write that is mirrored too would make it nearly all of them.
    expect(mirrored / total.requests).toBeGreaterThan(0.3);
    expect(mirrored / total.requests).toBeLessThan(0.6);
    await (await handleOf('mirrored')).signal('rollback');
    await untilPhase('mirrored', 'RolledBack');
    expect(await remains()).toEqual([]);
  });

  it('is undone from its recorded objects when its workflow is terminated', async () => {
    const before = await Promise.all([`${DEPLOYMENTS}/payments`].map(specOf));
    await apply('lost', 'payments', { traffic: longHolds });
    await untilWeight('lost', 10);
    await (await handleOf('lost')).terminate('by a test');
    await untilPhase('lost', 'RolledBack');
    expect(await remains()).toEqual([]);
    expect(await Promise.all([`${DEPLOYMENTS}/payments`].map(specOf))).toEqual(before);
  });

  it('holds where it is while governance or its database is away, says so, and completes', async () => {
    await apply('away', 'payments', { traffic: { mirror: { duration: '0s' }, interval: '3s' } });
    await until('away', ({ weight = 0 }) => weight >= 10, 'at 10 % or more');
    await stack.part('governance').kill();
    await until(
      'away',
      ({ message }) => message?.includes('governance does not answer') ?? false,
      'waiting for governance',
    );
    await stack.part('postgres').kill();
    // Killed, its last children still hold the shared memory for a moment.
    const started = () =>
      stack
        .part('postgres')
        .start()
        .then(() => true);
    await waitFor(started, { timeoutMs: 60_000, everyMs: 500, what: 'PostgreSQL to start again' });
    await stack.part('governance').start();
    await untilPhase('away', 'Completed');
    expect(await remains()).toEqual([]);
    await waitFor(
      async () => (await eventsOf('Deployment', 'payments')).some(({ reason }) => reason === 'MigrationCompleted'),
      {
        timeoutMs: 60_000,
        what: 'the event on the workload',
      },
    );
  });
});

describe('a workload without requests', () => {
  it('is judged by its pods under the default gates, and the end says that nothing was counted, with no Event taken', async () => {
    const { message, conditions } = await withoutEvents(stack, async () => {
      await apply('quiet', 'catalog', {
        traffic: { mirror: { duration: '0s' }, weights: [100], interval: '2s' },
        gates: { readiness: { timeout: '60s' } },
      });
      return untilPhase('quiet', 'Completed');
    });
    expect(await eventsOf('SCCMigrationPlan', 'quiet')).toEqual([]);
    expect(message).toMatch(/0 requests served, 0 failed|requests were not observed/);
    // No proxy of the workload's own pods is scraped here, so that its callers' proxies have to do.
    expect(conditions).toContainEqual(
      expect.objectContaining({
        ...{ type: 'StableSilent', status: 'True', reason: 'ProxiesLeadAway' },
        message: expect.stringContaining('what passes no route was not observed') as unknown,
      }),
    );
  });
});

describe('a workload behind routes of all kinds', () => routesOfAllKinds(engine, () => stack));

describe('a workload whose pods have proxies of their own', () => ownProxies(engine, () => stack));

describe('a workload behind each router', () => eachRouter(engine, () => stack));

describe('a workload that no mesh serves', () => plainService(engine, () => stack));

traces(() => stack, engine);
figures(() => stack);
checked(() => stack, apply);
gates(() => stack, engine);
consoled(() => stack, { apply, untilPhase, governance: (path, body) => governance(ADMIN, path, body) });
orderedSuite(() => stack, { apply, until, untilPhase, remains, specOf });
censusSuite(() => stack, { apply, until, untilPhase, remains, specOf, untilAsked, approve, handleOf });
canaryDataSuite(() => stack, { apply, until, untilPhase, remains, untilAsked, approve, handleOf });
perNodeSuite(() => stack, { apply, until, untilPhase, remains, specOf });
rollingSuite(() => stack, { apply, until, untilPhase, remains, specOf, handleOf });
firstPodsSuite(() => stack, { apply, until, untilPhase, remains, specOf });
nextRunSuite(() => stack, { apply, untilPhase, remains, specOf });
