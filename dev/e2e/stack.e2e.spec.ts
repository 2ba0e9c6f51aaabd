import { spawn } from 'node:child_process';
import { access, readdir, readFile, readlink } from 'node:fs/promises';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { deploySamples, startLoad, startStack, type Stack } from '../src/index.js';
import { NODE, ROOT } from '../src/paths.js';
import { waitForDeployments } from '../src/samples.js';

const CLUSTER_ONLY = { governance: false, worker: false, watcher: false };
const unexpected: string[] = [];
/** What a pod says of its readiness. */
const readySchema = z
  .looseObject({
    status: z.looseObject({ conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })) }),
  })
  .transform(({ status }) => status.conditions.filter(({ type }) => type === 'Ready').map(({ status }) => status));

let stack: Stack;

beforeAll(async () => {
  const exited = (part: string, detail: string): void => void unexpected.push(`${part}: ${detail}`);
  stack = await startStack({ nodes: 3, parts: CLUSTER_ONLY }, { exited });
}, 600_000);
afterAll(() => stack.stop(), 60_000);

const podsSchema = z.array(
  z.looseObject({
    metadata: z.looseObject({ name: z.string() }),
    spec: z.looseObject({ nodeName: z.string().optional() }),
    status: z.looseObject({
      phase: z.string(),
      podIP: z.string().optional(),
      containerStatuses: z
        .array(z.looseObject({ ready: z.boolean(), restartCount: z.int(), state: z.record(z.string(), z.unknown()) }))
        .default([]),
    }),
  }),
);
const pods = async (selector: string): Promise<z.infer<typeof podsSchema>> =>
  podsSchema.parse((await stack.api.list(`/api/v1/namespaces/shop/pods?labelSelector=${selector}`)).items);

/** Runs a pod of its own and waits until its only container waits for this reason. */
async function expectWaiting(name: string, spec: object, reason: string): Promise<void> {
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'shop', labels: { test: name } }, spec };
  await stack.api.create('/api/v1/namespaces/shop/pods', pod);
  await waitFor(
    async () => {
      const [found] = await pods(`test=${name}`);
      const waiting = z
        .looseObject({ reason: z.string() })
        .safeParse(found?.status.containerStatuses[0]?.state['waiting']);
      return waiting.data?.reason === reason;
    },
    { timeoutMs: 60_000, what: `${name} to wait for ${reason}` },
  );
}

/** Processes outside that are in the network namespace of the stack. */
async function processesIn(network: string): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger);
  const links = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/ns/net`).catch(() => '')));
  return pids.filter((_pid, index) => links[index] === network);
}

describe('the local stack', () => {
  it('runs the sample shop on all of its nodes', async () => {
    await deploySamples(stack);
    const running = await pods('app');
    expect(new Set(running.map(({ spec }) => spec.nodeName)).size).toBe(3);
    expect(running.filter(({ status }) => status.phase !== 'Running')).toEqual([]);
  }, 240_000);

  it.each([
    ['v1', 'Service', '/api/v1/namespaces/shop/services/x'],
    ['v1', 'Namespace', '/api/v1/namespaces/x'],
    ['apps/v1', 'Deployment', '/apis/apps/v1/namespaces/shop/deployments/x'],
    ['networking.istio.io/v1', 'Gateway', '/apis/networking.istio.io/v1/namespaces/shop/gateways/x'],
    ['networking.k8s.io/v1', 'NetworkPolicy', '/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/x'],
    ['networking.k8s.io/v1', 'Ingress', '/apis/networking.k8s.io/v1/namespaces/shop/ingresses/x'],
    [
      'security.openshift.io/v1',
      'SecurityContextConstraints',
      '/apis/security.openshift.io/v1/securitycontextconstraints/x',
    ],
  ])('knows where its API server serves %s %s', async (apiVersion, kind, path) => {
    const metadata = { name: 'x', namespace: 'shop' };
    await expect(stack.api.pathOf({ apiVersion, kind, metadata })).resolves.toBe(path);
  });

  it('splits live requests by the weights of a VirtualService, at the gateway and at the sidecar', async () => {
    const route = '/apis/networking.istio.io/v1/namespaces/shop/virtualservices/checkout';
    const to = (host: string, weight: number): object => ({ destination: { host, port: { number: 80 } }, weight });
    await stack.api.merge(route, {
      spec: { http: [{ retries: { attempts: 0 }, route: [to('checkout', 75), to('checkout-next', 25)] }] },
    });
    const load = await startLoad(stack, {
      streams: [
        { name: 'gateway', via: 'ingress', host: 'checkout.shop.example', rate: 150 },
        { name: 'sidecar', via: 'sidecar', host: 'checkout', rate: 150 },
      ],
    });
    const share = async (): Promise<number> => {
      const { byPod, requests } = (await load.summary()).windows.at(-1) ?? { byPod: {}, requests: 0 };
      const next = Object.entries(byPod).filter(([pod]) => pod.startsWith('checkout-next'));
      return requests < 1000 ? 0 : next.reduce((sum, [, count]) => sum + count, 0) / requests;
    };
    await load.beginWindow('split');
    await waitFor(async () => Math.abs((await share()) - 0.25) < 0.04, {
      timeoutMs: 60_000,
      what: '25 % at checkout-next',
    });
    const { total, failures, windows } = await load.stop();
    expect(failures).toEqual([]);
    expect(total.requests).toBeGreaterThan(1000);
    for (const counts of Object.values(windows.at(-1)?.byStream ?? {})) expect(counts.requests).toBeGreaterThan(400);
  }, 120_000);

  it('rolls a Deployment out under load without a failed request', async () => {
    const load = await startLoad(stack, {
      streams: [
        { name: 'gateway', via: 'ingress', host: 'ledger.shop.example', rate: 150, requests: [{ path: '/entries' }] },
        { name: 'sidecar', via: 'sidecar', host: 'ledger', rate: 150, requests: [{ method: 'POST' }] },
      ],
    });
    const template = { metadata: { annotations: { rollout: '1' } } };
    await stack.api.merge('/apis/apps/v1/namespaces/shop/deployments/ledger', { spec: { template } });
    await waitForDeployments(stack.api, 'shop');
    await waitFor(async () => (await pods('app=ledger')).length === 3, {
      timeoutMs: 60_000,
      what: 'the old pods to go',
    });
    const { total, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(total.requests).toBeGreaterThan(300);
  }, 240_000);

  it('refuses containers and restarts crashing ones as a node does', async () => {
    const spec = (image: string, securityContext: object): object => ({
      containers: [{ name: 'app', image: `scc.poc/${image}:1`, ports: [{ containerPort: 8080 }], securityContext }],
    });
    await Promise.all([
      expectWaiting('root-refused', spec('healthy', { runAsNonRoot: true }), 'CreateContainerConfigError'),
      expectWaiting('low-port', spec('port-80', { runAsUser: 1000 }), 'CrashLoopBackOff'),
      expectWaiting('unknown-image', spec('no-such-image', {}), 'ImagePullBackOff'),
    ]);
  }, 120_000);

  it('kills and restarts one part while requests go on', async () => {
    const load = await startLoad(stack, {
      streams: [{ name: 'sidecar', via: 'sidecar', host: 'payments', rate: 100 }],
    });
    const istiod = stack.part('istiod');
    await istiod.kill();
    expect(await istiod.state()).toBe('stopped');
    await istiod.start();
    await stack.part('kube-apiserver').restart();
    expect(await istiod.state()).toBe('ready');
    expect((await load.stop()).failures).toEqual([]);
    expect(unexpected).toEqual([]);
  }, 240_000);

  it('keeps the addresses of pods over a restart of the kubelet', async () => {
    const addresses = async (): Promise<string[]> =>
      (await pods('app')).map(({ metadata, status }) => `${metadata.name} ${status.podIP ?? ''}`).sort();
    const before = await addresses();
    await stack.part('kubelet').kill();
    await stack.part('kubelet').start();
    await waitFor(
      async () => {
        const containers = (await pods('app')).flatMap(({ status }) => status.containerStatuses);
        return containers.every(({ ready, restartCount }) => ready && restartCount === 1);
      },
      { timeoutMs: 60_000, what: 'every container to run again' },
    );
    expect(await addresses()).toEqual(before);
  }, 180_000);

  it('says again that a pod is ready when somebody else wrote that it is not, as of a node that was lost', async () => {
    const [pod] = await pods('app');
    const path = `/api/v1/namespaces/shop/pods/${pod?.metadata.name ?? ''}`;
    const conditions = [{ type: 'Ready', status: 'False' }];
    const type = 'application/strategic-merge-patch+json';
    await stack.api.call('PATCH', `${path}/status`, { status: { conditions } }, type);
    await waitFor(async () => readySchema.parse(await stack.api.get(path)).includes('True'), {
      timeoutMs: 60_000,
      what: 'the kubelet to say what it sees',
    });
  }, 120_000);

  it('is reached from outside with its kubeconfig and on its ports', async () => {
    expect(await readFile(stack.kubeconfig.outside, 'utf8')).toContain(`server: ${stack.addresses.kubernetes}`);
    const page = await fetch(`${stack.addresses.temporalUi}/api/v1/namespaces/scc`);
    expect(page.status).toBe(200);
    const attributes = await fetch(`${stack.addresses.temporalUi}/api/v1/namespaces/scc/search-attributes`);
    expect(await attributes.json()).toMatchObject({ customAttributes: { SccPhase: 'INDEXED_VALUE_TYPE_KEYWORD' } });
    const metrics = await fetch(`${stack.addresses.prometheus}/api/v1/query?query=up`);
    expect(await metrics.json()).toMatchObject({ status: 'success' });
  });

  it('runs beside another stack, and goes without a trace when its parent is killed', async () => {
    const script = `
      import { startStack } from './dev/dist/index.js';
      const stack = await startStack({ parts: { mesh: false, governance: false, worker: false, watcher: false } });
      console.log(JSON.stringify({ pid: stack.pid, stateDir: stack.stateDir }));
      setInterval(() => undefined, 1000);`;
    const evaluated = ['--input-type=module', '--eval', script];
    const parent = spawn(NODE, evaluated, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    parent.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const line = await waitFor(() => /^\{.*\}$/m.exec(output)?.[0], { timeoutMs: 180_000, what: 'the second stack' });
    const other = z.object({ pid: z.int(), stateDir: z.string() }).parse(JSON.parse(line));
    const network = await readlink(`/proc/${other.pid}/ns/net`);
    expect((await processesIn(network)).length).toBeGreaterThan(5);

    parent.kill('SIGKILL');
    await waitFor(async () => (await processesIn(network)).length === 0, {
      timeoutMs: 60_000,
      what: 'every process to end',
    });
    const stateIsGone = (): Promise<boolean> =>
      access(other.stateDir).then(
        () => false,
        () => true,
      );
    expect(await waitFor(stateIsGone, { timeoutMs: 60_000, what: 'the state of the stack to go' })).toBe(true);
  }, 360_000);
});
