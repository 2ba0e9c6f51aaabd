import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { connectKube, type KubeClient } from '@scc/kube';
import { FINALIZER, PLAN_TYPE, type PlanRef } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { Client, Connection } from '@temporalio/client';
import { z } from 'zod';
import { appMain, NODE, type Stack, startStack } from '../src/index.js';
import { undoWorkflowIdOf, workflowIdOf } from '@scc/migration/contract';

const SLOW_MS = 240_000;
/** How long something may take on a machine that is busy with other things. */
const PATIENCE_MS = 60_000;
const NAMESPACE = 'default';
const LEASE = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  namespace: 'scc-system',
  name: 'scc-watcher',
};
let stack: Stack;
let kube: KubeClient;
let connection: Connection;
let temporal: Client;

beforeAll(async () => {
  const product = { governance: false, worker: false, watcher: false };
  stack = await startStack({
    parts: { ...product, mesh: false, postgres: false, prometheus: false },
    env: { watcher: { IDENTITY: 'watcher-1' } },
  });
  kube = await connectKube({ kubeconfig: stack.kubeconfig.outside, userAgent: 'test' });
  connection = await Connection.connect({ address: stack.addresses.temporal });
  temporal = new Client({ connection, namespace: 'scc' });
}, 600_000);
afterAll(async () => {
  await stack.stop();
  kube.close();
  await connection.close();
}, 60_000);

interface Watcher {
  said: string[];
  health: (path: string) => Promise<string>;
  kill: () => Promise<void>;
  signal: (signal: NodeJS.Signals) => void;
  /** SIGTERM; resolves to the exit code. */
  stop: () => Promise<number | null>;
}
const watchers = new Map<string, Watcher>();
const lineSchema = z.looseObject({ msg: z.string() });

/** A replica with the rights and the environment of the real one, only more impatient. */
function startWatcher(identity: string, port: number): Watcher {
  const env = {
    PATH: process.env['PATH'],
    KUBECONFIG: path.join(stack.stateDir, 'kubeconfigs', 'watcher'),
    TEMPORAL_ADDRESS: '127.0.0.1:7233',
    LEASE_NAMESPACE: 'scc-system',
    LEASE_SECONDS: '3',
    RESYNC_SECONDS: '1',
    IDENTITY: identity,
    HEALTH_PORT: String(port),
  };
  const child = stack.spawn(NODE, ['--enable-source-maps', appMain('watcher')], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said: string[] = [];
  if (!child.stdout) throw new Error('the output of the watcher is not read');
  createInterface({ input: child.stdout }).on('line', (line) => said.push(lineSchema.parse(JSON.parse(line)).msg));
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    watchers.delete(identity);
    child.kill(signal);
    return (await exited)[0];
  };
  const watcher: Watcher = {
    said,
    health: (where) =>
      stack.exec(NODE, ['-e', `fetch('http://127.0.0.1:${port}${where}').then((r) => r.text()).then(console.log)`]),
    kill: async () => {
      await end('SIGKILL');
    },
    signal: (signal) => void child.kill(signal),
    stop: () => end('SIGTERM'),
  };
  watchers.set(identity, watcher);
  return watcher;
}

const watcherOf = (identity: string): Watcher => {
  const watcher = watchers.get(identity);
  if (!watcher) throw new Error(`${identity} does not run`);
  return watcher;
};
const holder = async (): Promise<string> =>
  z.looseObject({ holderIdentity: z.string().default('') }).parse((await kube.get(LEASE))?.['spec'] ?? {})
    .holderIdentity;
const leads = (identity: string, timeoutMs = PATIENCE_MS) =>
  waitFor(() => watchers.get(identity)?.said.includes('watching plans'), { timeoutMs, what: `${identity} to lead` });
const isLeading = async (watcher: Watcher): Promise<boolean> =>
  (await watcher.health('/metrics')).includes('\nscc_watcher_leading 1\n');

async function createPlan(name: string, finalizers: string[] = []): Promise<PlanRef> {
  const spec = { workloadRef: { apiVersion: 'apps/v1', kind: 'Deployment', name }, targetSCC: 'restricted-v2' };
  const { metadata } = await kube.create({ ...PLAN_TYPE, metadata: { namespace: NAMESPACE, name, finalizers }, spec });
  return { namespace: NAMESPACE, name, uid: metadata.uid ?? '' };
}
const idOf = ({ namespace, name }: PlanRef) => ({ ...PLAN_TYPE, namespace, name });

const statusOf = async (workflowId: string): Promise<string> =>
  (await temporal.workflow.getHandle(workflowId).describe()).status.name;
const runs = (workflowId: string, timeoutMs = PATIENCE_MS) =>
  waitFor(async () => (await statusOf(workflowId)) === 'RUNNING', {
    timeoutMs,
    everyMs: 5,
    what: `${workflowId} to run`,
  });
/** Every run that there ever was under the id, by visibility. */
async function runsOf(workflowId: string): Promise<number> {
  let count = 0;
  for await (const _run of temporal.workflow.list({ query: `WorkflowId = '${workflowId}'` })) count++;
  return count;
}
const historyOf = async (ref: PlanRef) =>
  (await temporal.workflow.getHandle(workflowIdOf(ref)).fetchHistory()).events ?? [];
const cancelled = (ref: PlanRef) =>
  waitFor(async () => (await historyOf(ref)).some((event) => event.workflowExecutionCancelRequestedEventAttributes), {
    timeoutMs: PATIENCE_MS,
    what: `the workflow of ${ref.name} to be cancelled`,
  });

describe('watcher', () => {
  it(
    'starts the workflow of a plan that was there before it, and of each new one',
    async () => {
      const early = await createPlan('early');
      startWatcher('one', 9201);
      await leads('one');
      await runs(workflowIdOf(early));
      for (let count = 0; count < 9; count++) {
        const late = await createPlan(`late-${count}`);
        await runs(workflowIdOf(late));
        expect(workflowIdOf(late)).toBe(`scc/default/late-${count}/${late.uid}`);
      }
    },
    SLOW_MS,
  );

  it(
    'lets one replica lead; the other is ready and takes over when the leader is killed',
    async () => {
      const one = watcherOf('one');
      const two = startWatcher('two', 9202);
      await waitFor(async () => (await two.health('/readyz')) === 'ok\n\n', {
        timeoutMs: PATIENCE_MS,
        what: 'two to be ready',
      });
      expect([await isLeading(one), await isLeading(two)]).toEqual([true, false]);
      const before = await createPlan('before-kill');
      await runs(workflowIdOf(before));
      await one.kill();
      const during = await createPlan('during-kill');
      await leads('two');
      await runs(workflowIdOf(during));
      expect(await holder()).toBe('two');
      expect(await isLeading(two)).toBe(true);
    },
    SLOW_MS,
  );

  it(
    'starts nothing twice, however often it is restarted',
    async () => {
      const { items } = await kube.list(PLAN_TYPE, { namespace: NAMESPACE });
      const refs = items.map(({ metadata: { name = '', uid = '' } }) => ({ namespace: NAMESPACE, name, uid }));
      for (const identity of ['two', 'two']) {
        await watcherOf(identity).kill();
        startWatcher(identity, 9202);
        await leads(identity);
      }
      const after = await createPlan('after-restarts');
      await runs(workflowIdOf(after));
      await waitFor(async () => (await runsOf(workflowIdOf(after))) === 1, {
        timeoutMs: PATIENCE_MS,
        what: 'visibility',
      });
      for (const ref of refs) expect([ref.name, await runsOf(workflowIdOf(ref))]).toEqual([ref.name, 1]);
    },
    SLOW_MS,
  );

  it(
    'hands over within a moment when it is stopped',
    async () => {
      const two = watcherOf('two');
      startWatcher('one', 9201);
      await waitFor(async () => (await watcherOf('one').health('/readyz')) === 'ok\n\n', {
        timeoutMs: PATIENCE_MS,
        what: 'one to be ready',
      });
      expect(await two.stop()).toBe(0);
      await leads('one', 5000);
      expect(await holder()).toBe('one');
    },
    SLOW_MS,
  );

  it(
    'takes over from a leader that hangs, which does not lead any more when it goes on',
    async () => {
      const one = watcherOf('one');
      const two = startWatcher('two', 9202);
      await waitFor(async () => (await two.health('/readyz')) === 'ok\n\n', {
        timeoutMs: PATIENCE_MS,
        what: 'two to be ready',
      });
      one.signal('SIGSTOP');
      const ref = await createPlan('while-hanging');
      await leads('two');
      await runs(workflowIdOf(ref));
      one.signal('SIGCONT');
      await waitFor(() => one.said.includes('lease lost'), { timeoutMs: PATIENCE_MS, what: 'one to notice' });
      expect([await isLeading(one), await isLeading(two)]).toEqual([false, true]);
      expect(await two.stop()).toBe(0);
      await waitFor(() => isLeading(one), { timeoutMs: PATIENCE_MS, what: 'one to lead again' });
      expect(await runsOf(workflowIdOf(ref))).toBe(1);
    },
    SLOW_MS,
  );

  it(
    'cancels the workflow of a plan that is deleted',
    async () => {
      const ref = await createPlan('deleted', [FINALIZER]);
      await runs(workflowIdOf(ref));
      await kube.delete(idOf(ref));
      await cancelled(ref);
      // It stays cancelled and held until the undo is done; looking at it again and again changes nothing.
      const looks = async (): Promise<number> =>
        Number(/outcome="cancelled"\} (\d+)/.exec(await watcherOf('one').health('/metrics'))?.[1] ?? 0);
      const soFar = await looks();
      await waitFor(async () => (await looks()) >= soFar + 2, { timeoutMs: PATIENCE_MS, what: 'two more looks' });
      expect(watcherOf('one').said).not.toContain('reconciling a plan failed and is tried again');
      expect((await kube.get(idOf(ref)))?.metadata.finalizers).toEqual([FINALIZER]);
      await kube.patch(idOf(ref), { type: 'merge', body: { metadata: { finalizers: [] } } });
    },
    SLOW_MS,
  );

  it(
    'cancels the workflow of a plan whose finalizer was taken away, and starts one for its successor',
    async () => {
      const ref = await createPlan('forced');
      await runs(workflowIdOf(ref));
      await kube.delete(idOf(ref));
      const successor = await createPlan('forced');
      await runs(workflowIdOf(successor));
      await cancelled(ref);
      expect((await historyOf(successor)).some((event) => event.workflowExecutionCancelRequestedEventAttributes)).toBe(
        false,
      );
    },
    SLOW_MS,
  );

  it(
    'has a workflow that was terminated undone, and an undo that was terminated done again',
    async () => {
      const ref = await createPlan('lost', [FINALIZER]);
      await runs(workflowIdOf(ref));
      await temporal.workflow.getHandle(workflowIdOf(ref)).terminate('by the test');
      await runs(undoWorkflowIdOf(ref));
      const first = (await temporal.workflow.getHandle(undoWorkflowIdOf(ref)).describe()).runId;
      await temporal.workflow.getHandle(undoWorkflowIdOf(ref)).terminate('by the test');
      await waitFor(
        async () => {
          const { runId, status } = await temporal.workflow.getHandle(undoWorkflowIdOf(ref)).describe();
          return runId !== first && status.name === 'RUNNING';
        },
        { timeoutMs: PATIENCE_MS, what: 'the second undo' },
      );
      expect(await statusOf(workflowIdOf(ref))).toBe('TERMINATED');
    },
    SLOW_MS,
  );

  it(
    'tells a running workflow that its plan was changed',
    async () => {
      const ref = await createPlan('changed');
      await runs(workflowIdOf(ref));
      const status = { phase: 'Mirroring', observedGeneration: 1 };
      const { namespace, name } = ref;
      await kube.applyStatus({ ...PLAN_TYPE, metadata: { namespace, name }, status }, { fieldManager: 'test' });
      await kube.patch(idOf(ref), { type: 'merge', body: { spec: { suspend: true } } });
      await waitFor(
        async () =>
          (await historyOf(ref)).some(
            (event) => event.workflowExecutionSignaledEventAttributes?.signalName === 'planChanged',
          ),
        { timeoutMs: PATIENCE_MS, what: 'the signal' },
      );
    },
    SLOW_MS,
  );

  it(
    'goes on after the API server was killed',
    async () => {
      const server = stack.part('kube-apiserver');
      await server.kill();
      await server.start();
      const ref = await waitFor(() => createPlan('after-api'), { timeoutMs: PATIENCE_MS, what: 'the API server' });
      await runs(workflowIdOf(ref));
    },
    SLOW_MS,
  );

  it(
    'goes on after Temporal was killed',
    async () => {
      const server = stack.part('temporal');
      await server.kill();
      const ref = await createPlan('after-temporal');
      await server.start();
      await runs(workflowIdOf(ref));
    },
    SLOW_MS,
  );

  it(
    'runs as the local stack starts it',
    async () => {
      await watcherOf('one').stop();
      const part = stack.part('watcher');
      await part.start();
      const ref = await createPlan('of-the-stack');
      await runs(workflowIdOf(ref));
      expect(await holder()).toBe('watcher-1');
      await part.kill();
      await part.start();
      const again = await createPlan('of-the-stack-again');
      await runs(workflowIdOf(again));
      await part.stop();
      expect(await holder()).toBe('');
    },
    SLOW_MS,
  );
});
