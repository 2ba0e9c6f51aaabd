import path from 'node:path';
import { Client, type WorkflowHandle } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import type { PlanStatus, RecordedEvent } from '@scc/plan';
import { scaled } from '@scc/testing/scale';
import { startWorkflowServer, type WorkflowServer } from '@scc/testing/workflow-server';
import { jest } from '@jest/globals';
import { MIGRATION_WORKFLOW, workflowIdOf, type MigrationActivities, type MigrationResult } from './contract.js';
import { allowed, aPlan, aSpec, aWorld } from './testing.js';

/** Workloads of many pods that move one by one: no run of their workflow has a long history, and no status is large. */

jest.setTimeout(120_000);

/** Events after which Temporal suggests another run here. */
const SUGGESTED_END = 150;
/** Events that a run may still add before it rests: those of one pod. */
const OF_ONE_POD = 150;
/** Of an object of Kubernetes, in bytes. */
const MAX_STATUS = 256 * 1024;

/** Fifty ordinals and a hundred nodes at the scale of `npm run verify`. */
const MANY = [
  { kind: 'StatefulSet', strategy: 'Ordered', replicas: scaled(5) },
  { kind: 'DaemonSet', strategy: 'PerNode', replicas: scaled(10) },
] as const;

let server: WorkflowServer;

beforeAll(async () => {
  server = await startWorkflowServer(path.resolve(import.meta.dirname, 'index.ts'), SUGGESTED_END);
});

afterAll(() => server.stop());

/** Runs a migration on the in-memory cluster to its end. */
async function migrated(workload: (typeof MANY)[number]) {
  const { temporal, native, connection, workflowBundle } = server;
  const plan = aPlan(aSpec());
  const { breaches, fx } = aWorld(undefined, {
    ...{ plan, oneByOne: true, podCount: workload.replicas },
    assess: () => allowed(workload, plan),
  });
  const reported: RecordedEvent[] = [];
  const seen = { handedOver: 0, largestStatus: 0 };
  const activities: MigrationActivities = {
    ...fx().act,
    authorizeStep: () => Promise.resolve({ allowed: true, reason: 'r', retryAtMs: null, checkpoint: null }),
    handOver: () => {
      seen.handedOver++;
      return Promise.resolve();
    },
    project: (_ref, { status, unreported }: { status: PlanStatus; unreported: RecordedEvent[] }) => {
      seen.largestStatus = Math.max(seen.largestStatus, JSON.stringify(status).length);
      reported.push(...unreported);
      return Promise.resolve({ reported: 'yes', checkpoint: null });
    },
    releasePlan: () => Promise.resolve(),
  };
  const taskQueue = workload.kind;
  const ref = { namespace: 'shop', name: workload.kind.toLowerCase(), uid: workload.kind };
  const worker = await Worker.create({
    ...{ connection: native, namespace: temporal.namespace, taskQueue, workflowBundle, activities },
  });
  const running = worker.run();
  const handle = (await new Client({ connection, namespace: temporal.namespace }).workflow.start(MIGRATION_WORKFLOW, {
    ...{ workflowId: workflowIdOf(ref), taskQueue, args: [{ ref }] },
  })) as WorkflowHandle<() => Promise<MigrationResult>>;
  try {
    const { phase } = await handle.result();
    return { ...seen, phase, breaches, reported, lastRun: (await handle.describe()).historyLength };
  } finally {
    worker.shutdown();
    await running;
  }
}

it.each(MANY)('the $replicas pods of a $kind move in several runs, in order', async (workload) => {
  const { phase, breaches, handedOver, reported, lastRun, largestStatus } = await migrated(workload);
  expect({ phase, breaches }).toEqual({ phase: 'Completed', breaches: [] });
  expect(handedOver).toBeGreaterThan(0);
  const moved = reported.flatMap(({ event }) => (event.type === 'PodMoved' ? [event.ordinal] : []));
  expect(moved).toEqual(Array.from({ length: workload.replicas }, (_none, at) => workload.replicas - 1 - at));
  expect(lastRun).toBeLessThan(SUGGESTED_END + OF_ONE_POD);
  expect(largestStatus).toBeLessThan(MAX_STATUS);
});
