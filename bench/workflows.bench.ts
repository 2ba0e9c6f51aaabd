import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { planSpecSchema } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { startTemporal } from '@scc/testing/temporal';
import { MIGRATION_WORKFLOW, workflowIdOf, type MigrationActivities } from '@scc/migration/contract';
import { allowed, aPlan, aWorld } from '@scc/migration/testing';
import { collectedHeapHere } from './collected-heap.js';
import type { Bench, BenchResult } from './types.js';

const WORKFLOWS = 150;
const MIB = 1024 * 1024;

/** Resident memory once it has settled, in bytes. */
async function settledRss(): Promise<number> {
  let lowest = Infinity;
  for (let round = 0; round < 10; round++) {
    await delay(100);
    lowest = Math.min(lowest, process.memoryUsage.rss());
  }
  return lowest;
}

/** The memory that a worker needs for each migration that waits in its cache, and how fast it takes plans up. */
async function run(): Promise<BenchResult[]> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const temporal = await startTemporal();
  const native = await NativeConnection.connect({ address: temporal.address });
  const connection = await Connection.connect({ address: temporal.address });
  const client = new Client({ connection, namespace: temporal.namespace });
  const code = await readFile(new URL(import.meta.resolve('@scc/migration/workflow-bundle')), 'utf8');
  const spec = planSpecSchema.parse({
    workloadRef: { kind: 'Deployment', name: 'ledger' },
    targetSCC: 'restricted-v2',
    approval: { required: true },
  });
  const waiting = new Set<string>();
  const activities: MigrationActivities = {
    ...aWorld().fx().act,
    acceptPlan: () => Promise.resolve({ accepted: true, plan: aPlan(spec) }),
    assess: () => Promise.resolve(allowed({}, aPlan(spec))),
    approvalState: ({ uid }) => {
      waiting.add(uid);
      return Promise.resolve({ status: 'pending', message: 'not yet' });
    },
    project: () => Promise.resolve({ reported: 'yes', checkpoint: null }),
    releasePlan: () => Promise.resolve(),
  };
  const taskQueue = 'bench';
  const worker = await Worker.create({
    connection: native,
    namespace: temporal.namespace,
    taskQueue,
    workflowBundle: { code },
    activities,
    maxCachedWorkflows: WORKFLOWS + 10,
  });
  const running = worker.run();
  const start = async (from: number, to: number): Promise<void> => {
    const refs = Array.from({ length: to - from }, (_none, at) => ({
      namespace: 'shop',
      name: `p${from + at}`,
      uid: `u${from + at}`,
    }));
    await Promise.all(
      refs.map((ref) =>
        client.workflow.start(MIGRATION_WORKFLOW, { workflowId: workflowIdOf(ref), taskQueue, args: [{ ref }] }),
      ),
    );
    await waitFor(() => waiting.size >= to, { timeoutMs: 180_000, what: `${to} migrations that wait for approval` });
  };
  await start(0, 10);
  const heapBefore = await collectedHeapHere();
  const before = await settledRss();
  const began = performance.now();
  await start(10, WORKFLOWS);
  const seconds = (performance.now() - began) / 1000;
  const perWorkflow = ((await settledRss()) - before) / (WORKFLOWS - 10) / MIB;
  const heapOfEach = ((await collectedHeapHere()) - heapBefore) / (WORKFLOWS - 10) / MIB;
  worker.shutdown();
  await running;
  await connection.close();
  await native.close();
  await temporal.stop();
  return [
    { name: 'workflows', metric: 'memory per cached migration', value: perWorkflow, unit: 'MiB' },
    { name: 'workflows', metric: 'heap per cached migration, collected', value: heapOfEach, unit: 'MiB' },
    { name: 'workflows', metric: 'plans taken up to their approval', value: (WORKFLOWS - 10) / seconds, unit: '1/s' },
    { name: 'workflows', metric: 'bundle', value: code.length / MIB, unit: 'MiB' },
  ];
}

const bench: Bench = { name: 'workflows', run };
export default bench;
