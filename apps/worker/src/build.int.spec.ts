import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { UNDO_WORKFLOW, undoWorkflowIdOf } from '@scc/migration/contract';
import { createLogger, loadConfig, waitFor } from '@scc/runtime';
import { TemporalLink, temporalConfig } from '@scc/runtime/temporal';
import { TEMPORAL_BINARY, startTemporal, type TemporalServer } from '@scc/testing/temporal';
import type { WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { z } from 'zod';
import { asBuild, buildConfig, buildSeen } from './build.js';
import { temporalLogger } from './logging.js';
import { tracedWork } from './tracing.js';

const BUNDLE = fileURLToPath(import.meta.resolve('@scc/migration/workflow-bundle'));
const TASK_QUEUE = 'builds';
const PATIENCE_MS = 30_000;

let temporal: TemporalServer;
let connection: NativeConnection;
let link: TemporalLink;
let workflowBundle: { code: string };
const workers: { worker: Worker; running: Promise<void> }[] = [];
/** Which build looked a migration up, by the migration. */
const looked: { uid: string; build: string }[] = [];
/** Migrations that may end. */
const ended = new Set<string>();

beforeAll(async () => {
  Runtime.install({ logger: temporalLogger(createLogger('test', 'silent')), shutdownSignals: [] });
  temporal = await startTemporal();
  connection = await NativeConnection.connect({ address: temporal.address });
  const env = { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.namespace };
  link = new TemporalLink(loadConfig(z.object(temporalConfig), env));
  workflowBundle = { code: await readFile(BUNDLE, 'utf8') };
}, 60_000);
afterAll(async () => {
  for (const { worker } of workers) worker.shutdown();
  await Promise.all(workers.map(({ running }) => running));
  await link.close();
  await connection.close();
  await temporal.stop();
}, 60_000);

const configOf = (build?: string) =>
  loadConfig(z.object(buildConfig), build === undefined ? {} : { TEMPORAL_BUILD_ID: build });

/** A worker of the real workflows, whose activities say which build they are of. */
async function start(build: string): Promise<void> {
  const worker = await Worker.create({
    connection,
    namespace: temporal.namespace,
    taskQueue: TASK_QUEUE,
    workflowBundle,
    activities: {
      recordedOutcome: ({ uid }: { uid: string }) => {
        looked.push({ uid, build });
        return { known: false, end: null };
      },
      settlePlan: ({ uid }: { uid: string }) => {
        looked.push({ uid, build });
        if (!ended.has(uid)) throw new Error('not yet');
      },
    },
    ...(await tracedWork(null)),
    ...asBuild(configOf(build)),
  });
  workers.push({ worker, running: worker.run() });
}

const makeCurrent = (build: string) =>
  promisify(execFile)(TEMPORAL_BINARY, [
    ...['worker', 'deployment', 'set-current-version', '--address', temporal.address],
    ...['--namespace', temporal.namespace, '--deployment-name', 'scc-worker', '--build-id', build, '--yes'],
  ]);

async function begin(): Promise<{ uid: string; handle: WorkflowHandle }> {
  const uid = randomUUID();
  const ref = { namespace: 'shop', name: `plan-${uid}`, uid };
  const { workflow } = await link.client();
  const handle = await workflow.start(UNDO_WORKFLOW, {
    workflowId: undoWorkflowIdOf(ref),
    taskQueue: TASK_QUEUE,
    args: [{ ref }],
  });
  return { uid, handle };
}

const buildsOf = (uid: string): string[] => [
  ...new Set(looked.filter((one) => one.uid === uid).map(({ build }) => build)),
];
const untilLooked = (uid: string, times: number) =>
  waitFor(() => Promise.resolve(looked.filter((one) => one.uid === uid).length >= times), {
    timeoutMs: PATIENCE_MS,
    what: `${times} activities of ${uid}`,
  });

describe('two builds of the worker', () => {
  it('take what began with each of them side by side, and new work goes to the current one', async () => {
    const seen = buildSeen(configOf('1.0.0'), link);
    expect(await seen?.current()).toEqual({ build: null });
    await start('1.0.0');
    await waitFor(() => makeCurrent('1.0.0').then(() => true), { timeoutMs: PATIENCE_MS, what: 'the first build' });
    expect(await seen?.current()).toEqual({ build: '1.0.0' });
    const first = await begin();
    await untilLooked(first.uid, 2);

    await start('1.1.0');
    // The gate: what runs replays on the code of the next build.
    const history = await first.handle.fetchHistory();
    await expect(Worker.runReplayHistory({ workflowBundle }, history)).resolves.toBeUndefined();
    await waitFor(() => makeCurrent('1.1.0').then(() => true), { timeoutMs: PATIENCE_MS, what: 'the second build' });
    const second = await begin();
    await untilLooked(second.uid, 2);

    ended.add(first.uid).add(second.uid);
    // They end with what governance, which knows neither of them, makes them say.
    await Promise.allSettled([first.handle.result(), second.handle.result()]);
    expect(buildsOf(first.uid)).toEqual(['1.0.0']);
    expect(buildsOf(second.uid)).toEqual(['1.1.0']);
  }, 120_000);

  it('are not told apart unless a build is named', () => {
    expect(asBuild(configOf())).toEqual({});
    expect(buildSeen(configOf(), link)).toBeNull();
    expect(() => loadConfig(z.object(buildConfig), { TEMPORAL_DEPLOYMENT: 'a.b' })).toThrow(/TEMPORAL_DEPLOYMENT/);
  });
});
