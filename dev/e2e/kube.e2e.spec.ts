import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '@scc/runtime';
import { startStack, TOKEN_AUDIENCE, type Stack } from '../src/index.js';
import {
  connectKube,
  createInformer,
  type Informer,
  type InformerOptions,
  type KubeClient,
  type KubeObject,
  KubeUnreachable,
  runWithLease,
} from '@scc/kube';
import { byHandSuite } from './by-hand.fixture.js';
import { startProxy, type Proxy } from './proxy.fixture.js';

const SLOW_MS = 240_000;

const CONFIG_MAP = { apiVersion: 'v1', kind: 'ConfigMap' };
const PLAN = { apiVersion: 'scc.poc/v1', kind: 'SCCMigrationPlan' };
const quiet = { info: () => undefined, warn: () => undefined };
let stack: Stack;
let proxy: Proxy;
/** As the cluster's administrator: straight, and through the proxy. */
let admin: KubeClient;
let proxied: KubeClient;

/** A kubeconfig of the stack with something else in it. */
async function kubeconfig(name: string, change: (text: string) => string): Promise<string> {
  const file = path.join(stack.stateDir, `kubeconfig-${name}`);
  await writeFile(file, change(await readFile(stack.kubeconfig.outside, 'utf8')));
  return file;
}
const serverOf = (port: number) => (text: string) => text.replace(/server: \S+/, `server: https://127.0.0.1:${port}`);

beforeAll(async () => {
  const product = { governance: false, worker: false, watcher: false };
  stack = await startStack({ parts: { ...product, mesh: false, temporal: false, postgres: false, prometheus: false } });
  proxy = await startProxy(Number(new URL(stack.addresses.kubernetes).port));
  admin = await connectKube({ kubeconfig: stack.kubeconfig.outside, userAgent: 'test' });
  proxied = await connectKube({ kubeconfig: await kubeconfig('proxied', serverOf(proxy.port)), userAgent: 'test' });
}, 600_000);
afterAll(async () => {
  admin.close();
  proxied.close();
  await stack.stop();
  await proxy.stop();
}, 60_000);

const configMap = (name: string, data: Record<string, string> = {}): KubeObject => ({
  ...CONFIG_MAP,
  metadata: { namespace: 'default', name, labels: { test: 'kube' } },
  data,
});
const idOf = (name: string) => ({ ...CONFIG_MAP, namespace: 'default', name });
const asManager = (fieldManager: string, force = false) => ({ fieldManager, force });

describe('objects', () => {
  it(
    'are applied by several managers, none of which overwrites another by accident',
    async () => {
      await admin.apply(configMap('applied', { a: '1' }), asManager('one'));
      await expect(admin.apply(configMap('applied', { a: '2' }), asManager('two'))).rejects.toMatchObject({
        status: 409,
      });
      const taken = await admin.apply(configMap('applied', { a: '2' }), asManager('two', true));
      await admin.apply(configMap('applied', {}), asManager('one'));
      const left = await admin.get(idOf('applied'));
      expect(taken['data']).toEqual({ a: '2' });
      expect(left?.['data']).toEqual({ a: '2' });
      expect(left?.metadata.managedFields?.map(({ manager }) => manager)).toContain('two');
      // The read object can be applied: the list of managers is left out.
      await expect(admin.apply(left ?? configMap('applied'), asManager('two', true))).resolves.toBeDefined();
    },
    SLOW_MS,
  );

  it(
    'have a status that is applied apart from the rest',
    async () => {
      const spec = {
        workloadRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'ledger' },
        targetSCC: 'restricted-v2',
      };
      const metadata = { namespace: 'default', name: 'ledger' };
      const created = await admin.create({ ...PLAN, metadata, spec });
      const status = { phase: 'Validating', observedGeneration: 1 };
      const written = await admin.applyStatus({ ...PLAN, metadata, status }, asManager('worker', true));
      expect(written['status']).toMatchObject(status);
      expect(written.metadata.generation).toBe(created.metadata.generation);
      expect(written['spec']).toEqual(created['spec']);
      await admin.delete({ ...PLAN, ...metadata });
    },
    SLOW_MS,
  );

  it(
    'are tried without being written, as another user',
    async () => {
      const pod = (name: string): KubeObject => ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { namespace: 'default', generateName: `${name}-` },
        spec: { containers: [{ name: 'main', image: 'scc.poc/healthy:1' }] },
      });
      const controller = {
        user: 'system:serviceaccount:kube-system:replicaset-controller',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
      };
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', namespace: 'default', name: 'default' };
      await waitFor(() => admin.get(account), { timeoutMs: 60_000, what: 'the service account of pods' });
      const tried = await admin.create(pod('tried'), { dryRun: true, impersonate: controller });
      expect(tried.metadata.name).toMatch(/^tried-/);
      const nobody = { user: 'nobody', groups: ['system:authenticated'] };
      const refused = admin.create(pod('refused'), { dryRun: true, impersonate: nobody });
      await expect(refused).rejects.toMatchObject({ status: 403 });
      await expect(refused).rejects.toMatchObject({ reason: 'Forbidden' });
      expect((await admin.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace: 'default' })).items).toEqual([]);
    },
    SLOW_MS,
  );

  it(
    'are patched in three ways',
    async () => {
      await admin.create(configMap('patched', { a: '1', b: '2' }));
      await admin.patch(idOf('patched'), { type: 'json', body: [{ op: 'remove', path: '/data/a' }] });
      await admin.patch(idOf('patched'), { type: 'merge', body: { data: { c: '3' } } });
      const patched = await admin.patch(idOf('patched'), { type: 'strategic', body: { data: { d: '4' } } });
      expect(patched['data']).toEqual({ b: '2', c: '3', d: '4' });
      const test = [{ op: 'test', path: '/metadata/resourceVersion', value: '1' }];
      await expect(admin.patch(idOf('patched'), { type: 'json', body: test })).rejects.toMatchObject({ status: 422 });
    },
    SLOW_MS,
  );

  it(
    'are refused with the reason of the server',
    async () => {
      const created = await admin.create(configMap('refused'));
      await expect(admin.create(configMap('refused'))).rejects.toMatchObject({ status: 409 });
      await admin.replace({ ...created, data: { a: '1' } });
      await expect(admin.replace({ ...created, data: { a: '2' } })).rejects.toMatchObject({ status: 409 });
      await expect(admin.delete(idOf('refused'), { uid: 'another' })).rejects.toMatchObject({ status: 409 });
      await admin.delete(idOf('refused'), { propagation: 'Background' });
      await admin.delete(idOf('refused'));
      expect(await admin.get(idOf('refused'))).toBeUndefined();
      await expect(admin.patch(idOf('refused'), { type: 'merge', body: {} })).rejects.toMatchObject({ status: 404 });
      await expect(
        admin.create({ ...configMap('refused'), metadata: { namespace: 'nowhere', name: 'a' } }),
      ).rejects.toMatchObject({ status: 404 });
    },
    SLOW_MS,
  );

  it(
    'of a kind that is served from now on are found',
    async () => {
      const widget = { apiVersion: 'test.example/v1', kind: 'Widget' };
      await expect(admin.list(widget)).rejects.toMatchObject({ status: 404 });
      await admin.create({
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'widgets.test.example' },
        spec: {
          group: 'test.example',
          scope: 'Cluster',
          names: { kind: 'Widget', plural: 'widgets', singular: 'widget' },
          versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
        },
      });
      const list = () => admin.list(widget);
      expect(await waitFor(list, { timeoutMs: 60_000, what: 'the kind to be served' })).toMatchObject({ items: [] });
      await expect(admin.get({ ...widget, name: 'none' })).resolves.toBeUndefined();
    },
    SLOW_MS,
  );

  it(
    'are listed beyond one page, over a handful of connections',
    async () => {
      const names = Array.from({ length: 520 }, (_, index) => `page-${index}`);
      const before = proxy.opened();
      const queue = names.slice();
      const creators = Array.from({ length: 10 }, async () => {
        for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
          const page = configMap(name);
          await proxied.create({ ...page, metadata: { ...page.metadata, labels: { test: 'page' } } });
          await proxied.get(idOf(name));
        }
      });
      await Promise.all(creators);
      const { items } = await proxied.list(CONFIG_MAP, { labelSelector: 'test=page' });
      expect(items.map(({ metadata }) => metadata.name).toSorted()).toEqual(names.toSorted());
      expect(items[0]).toMatchObject(CONFIG_MAP);
      expect(proxy.opened() - before).toBeLessThanOrEqual(10);
    },
    SLOW_MS,
  );
});

byHandSuite(
  () => stack,
  () => admin,
  SLOW_MS,
);

describe('identity', () => {
  it(
    'is a token of a file',
    async () => {
      const tokenFile = path.join(stack.stateDir, 'tokens', 'worker.kube');
      const file = await kubeconfig('worker', (text) => text.replace(/token: \S+/, `tokenFile: ${tokenFile}`));
      const worker = await connectKube({ kubeconfig: file, userAgent: 'scc-worker' });
      const secret = { apiVersion: 'v1', kind: 'Secret' };
      await expect(worker.list(secret, { namespace: 'default' })).rejects.toThrow('scc-system:worker');
      await expect(worker.list({ apiVersion: 'apps/v1', kind: 'Deployment' })).resolves.toBeDefined();
      worker.close();
    },
    SLOW_MS,
  );

  it(
    'of the server is checked',
    async () => {
      const file = await kubeconfig('no-ca', (text) => text.replace(/certificate-authority-data: \S+/, ''));
      const client = await connectKube({ kubeconfig: file, userAgent: 'test' });
      await expect(client.get(idOf('a'))).rejects.toThrow(KubeUnreachable);
      client.close();
    },
    SLOW_MS,
  );

  it(
    'of others is reviewed',
    async () => {
      const token = await stack.token({ namespace: 'scc-system', name: 'worker' }, TOKEN_AUDIENCE);
      const user = { username: 'system:serviceaccount:scc-system:worker' };
      const review = (audience: string, subject = token) =>
        admin.tokenReview({ token: subject, audiences: [audience] });
      expect(await review(TOKEN_AUDIENCE)).toMatchObject({ authenticated: true, user, audiences: [TOKEN_AUDIENCE] });
      expect(await review('another')).toMatchObject({ authenticated: false });
      expect(await review(TOKEN_AUDIENCE, 'nonsense')).toMatchObject({ authenticated: false });
      const resourceAttributes = { group: 'apps', resource: 'deployments', verb: 'patch', namespace: 'default' };
      expect(await admin.subjectAccessReview({ user: user.username, resourceAttributes })).toBe(true);
      expect(await admin.subjectAccessReview({ user: 'nobody', resourceAttributes })).toBe(false);
    },
    SLOW_MS,
  );
});

it(
  'an event that repeats itself stays one event',
  async () => {
    const uid = 'c0ffee00-0000-4000-8000-000000000000';
    const regarding = { ...PLAN, namespace: 'default', name: 'repeated', uid };
    const event = { regarding, type: 'Warning' as const, reason: 'GateFailed', message: 'too slow', action: 'Migrate' };
    for (const recorder of [admin, proxied, admin]) await recorder.recordEvent(event);
    const { items } = await admin.list({ apiVersion: 'events.k8s.io/v1', kind: 'Event' }, { namespace: 'default' });
    const mine = items.filter(({ metadata }) => metadata.name?.startsWith('repeated.'));
    expect(mine).toHaveLength(1);
    expect(mine[0]).toMatchObject({ note: 'too slow', reason: 'GateFailed', series: { count: 2 } });
  },
  SLOW_MS,
);

describe('informer', () => {
  const informers: Informer[] = [];
  afterEach(async () => {
    for (const informer of informers.splice(0)) await informer.stop();
  });

  async function following(client: KubeClient, timing: InformerOptions['timing'] = {}) {
    const seen: string[] = [];
    const informer = createInformer({
      client,
      kind: CONFIG_MAP,
      namespace: 'default',
      labelSelector: 'test=kube',
      onChange: (key, current) => seen.push(`${key} ${current ? 'there' : 'gone'}`),
      timing,
    });
    informers.push(informer);
    informer.start();
    await informer.synced;
    const saw = (text: string) =>
      waitFor(() => seen.includes(text), { timeoutMs: 30_000, everyMs: 5, what: `"${text}"` });
    return { informer, saw };
  }

  it(
    'tells of what happens without listing again',
    async () => {
      const { informer, saw } = await following(admin);
      const { lists } = informer.health();
      for (let count = 0; count < 9; count++) {
        const name = `seen-${count}`;
        await admin.create(configMap(name));
        await saw(`default/${name} there`);
        expect(informer.get(`default/${name}`)?.metadata.name).toBe(name);
        await admin.delete(idOf(name));
        await saw(`default/${name} gone`);
        expect(informer.get(`default/${name}`)).toBeUndefined();
      }
      expect(informer.health().lists).toBe(lists);
    },
    SLOW_MS,
  );

  it(
    'finds what was deleted behind a network that swallowed everything',
    async () => {
      await admin.create(configMap('swallowed'));
      const { informer, saw } = await following(proxied, { quietMs: 1000, backoff: { firstMs: 50, lastMs: 500 } });
      await saw('default/swallowed there');
      proxy.swallow();
      await admin.delete(idOf('swallowed'));
      await waitFor(() => informer.health().lastError?.includes('nothing was heard'), {
        timeoutMs: 30_000,
        what: 'the silence to be noticed',
      });
      expect(informer.get('default/swallowed')).toBeDefined();
      proxy.heal();
      await saw('default/swallowed gone');
    },
    SLOW_MS,
  );

  it.each(['restart', 'kill'] as const)(
    'survives a %s of the API server',
    async (how) => {
      await admin.create(configMap(`before-${how}`));
      const { informer, saw } = await following(proxied);
      const { watches } = informer.health();
      const server = stack.part('kube-apiserver');
      if (how === 'restart') await server.restart();
      else {
        await server.kill();
        await waitFor(() => informer.health().lastError !== null, {
          timeoutMs: 30_000,
          what: 'the loss to be noticed',
        });
        await server.start();
      }
      const backMs = performance.now();
      const write = () => admin.apply(configMap(`after-${how}`), asManager('test'));
      await waitFor(write, { timeoutMs: 60_000, what: 'the API server to take a write' });
      await admin.delete(idOf(`before-${how}`));
      await saw(`default/after-${how} there`);
      await saw(`default/before-${how} gone`);
      expect(informer.health().watches - watches).toBeLessThanOrEqual(12);
      // The last word came from the server that is back.
      expect(informer.lastContactMs()).toBeLessThan(performance.now() - backMs);
    },
    SLOW_MS,
  );

  it(
    'leaves no connection behind',
    async () => {
      // The one connection that the list will use.
      await proxied.get(idOf('none'));
      const open = proxy.open();
      const { informer } = await following(proxied);
      await waitFor(() => proxy.open() > open, { timeoutMs: 30_000, what: 'the watch' });
      await informer.stop();
      await waitFor(() => proxy.open() <= open, { timeoutMs: 30_000, what: 'the watch to be closed' });
      expect(proxy.open()).toBeLessThanOrEqual(10);
    },
    SLOW_MS,
  );

  it(
    'is told when the version it wants to go on from is too old',
    async () => {
      const signal = AbortSignal.timeout(10_000);
      const events = admin.watch(CONFIG_MAP, { resourceVersion: '1', timeoutSeconds: 5, signal });
      const reading = (async () => {
        for await (const event of events) if (event.type !== 'OPEN') return event.type;
        return 'ended';
      })();
      await expect(reading).rejects.toMatchObject({ status: 410 });
    },
    SLOW_MS,
  );
});

describe('lease', () => {
  const timing = { durationMs: 4000, giveUpMs: 2000, everyMs: 300 };

  /** Two replicas that write down when they lead. */
  function replicas(name: string) {
    const log: { who: string; from: number; to: number }[] = [];
    const leading = new Set<string>();
    const overlaps: string[] = [];
    const join = (who: string, client: KubeClient) => {
      const stopping = new AbortController();
      const run = async (signal: AbortSignal): Promise<void> => {
        if (leading.size > 0) overlaps.push(`${who} while ${[...leading].join()} leads`);
        leading.add(who);
        const from = performance.now();
        while (!signal.aborted) await delay(10);
        log.push({ who, from, to: performance.now() });
        leading.delete(who);
      };
      const where = { namespace: 'scc-system', name, identity: who };
      const done = runWithLease({ client, ...where, logger: quiet, signal: stopping.signal, timing, run });
      return {
        stop: async () => {
          stopping.abort();
          await done;
        },
      };
    };
    const leads = (who: string) =>
      waitFor(() => leading.has(who), { timeoutMs: 30_000, everyMs: 5, what: `${who} to lead` });
    return { join, leads, leading, log, overlaps };
  }

  it(
    'is handed over at once by a holder that stops',
    async () => {
      const { join, leads, log, leading, overlaps } = replicas('handed-over');
      const one = join('one', admin);
      await leads('one');
      const two = join('two', proxied);
      await one.stop();
      // The one that stops gives the lease back; no replica has to wait until it runs out.
      const id = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace: 'scc-system', name: 'handed-over' };
      const { holderIdentity } = (await admin.get(id))?.['spec'] as { holderIdentity: string };
      expect(['', 'two']).toContain(holderIdentity);
      await leads('two');
      await two.stop();
      expect(log.map(({ who }) => who)).toEqual(['one', 'two']);
      expect(leading.size + overlaps.length).toBe(0);
      const lease = await admin.get(id);
      expect(lease?.['spec']).toMatchObject({ holderIdentity: '', leaseTransitions: 1 });
    },
    SLOW_MS,
  );

  it(
    'is given up by a holder that is cut off, before another one takes it',
    async () => {
      const { join, leads, log, overlaps } = replicas('cut-off');
      const one = join('one', proxied);
      await leads('one');
      const two = join('two', admin);
      // Cut off right after a renewal, so that it is known from when on the other one counts.
      const id = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace: 'scc-system', name: 'cut-off' };
      const version = async () => (await admin.get(id))?.metadata.resourceVersion;
      const last = await version();
      await waitFor(async () => (await version()) !== last, { timeoutMs: 30_000, everyMs: 5, what: 'a renewal' });
      proxy.swallow();
      const cutMs = performance.now();
      await leads('two');
      const takenMs = performance.now();
      proxy.heal();
      expect(log.map(({ who }) => who)).toEqual(['one']);
      expect(log[0]?.to).toBeLessThan(takenMs);
      expect(takenMs - cutMs).toBeGreaterThan(timing.durationMs - timing.everyMs * 2);
      expect(overlaps).toEqual([]);
      await two.stop();
      await one.stop();
    },
    SLOW_MS,
  );

  it(
    'is kept through a write of another client',
    async () => {
      const { join, leads, leading, log } = replicas('annotated');
      const one = join('one', admin);
      await leads('one');
      const id = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace: 'scc-system', name: 'annotated' };
      const annotated = await admin.patch(id, {
        type: 'merge',
        body: { metadata: { annotations: { note: 'hello' } } },
      });
      await waitFor(
        async () => (await admin.get(id))?.metadata.resourceVersion !== annotated.metadata.resourceVersion,
        {
          timeoutMs: 30_000,
          what: 'the next renewal',
        },
      );
      expect([...leading]).toEqual(['one']);
      await one.stop();
      expect(log).toHaveLength(1);
    },
    SLOW_MS,
  );

  it(
    'is lost to a newer process of the same name',
    async () => {
      const { join, leads, log } = replicas('same-name');
      const old = join('one', admin);
      await leads('one');
      const again = join('one', proxied);
      await waitFor(() => log.length === 1, { timeoutMs: 30_000, what: 'the older process to stop' });
      await again.stop();
      await old.stop();
    },
    SLOW_MS,
  );
});
