import { jest } from '@jest/globals';
import { AFTER_WORKFLOW, afterWorkflowIdOf, TASK_QUEUE } from '@scc/migration/contract';
import { waitFor } from '@scc/runtime';
import { startTemporal, type TemporalServer } from '@scc/testing/temporal';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { temporalAfterwards, type AfterWorkflows } from './afterwards.js';

/** Workflows that look after completed migrations on a real Temporal; nothing works on them. */

jest.setTimeout(60_000);

const ref = { namespace: 'shop', name: 'ledger', uid: 'c0ffee00-0000-4000-8000-000000000000' };
const workflowId = afterWorkflowIdOf(ref);
let temporal: TemporalServer;
let connection: Connection;
let client: Client;
let afterwards: AfterWorkflows;

beforeAll(async () => {
  temporal = await startTemporal();
  connection = await Connection.connect({ address: temporal.address });
  client = new Client({ connection, namespace: temporal.namespace });
  afterwards = temporalAfterwards((work) => work(client.workflow), TASK_QUEUE);
});
afterAll(async () => {
  await connection.close();
  await temporal.stop();
});

const isLost = (): Promise<boolean> => afterwards.lost().then((lost) => lost.some(({ uid }) => uid === ref.uid));
const untilLost = (): Promise<true> =>
  waitFor(async () => ((await isLost()) ? true : undefined), { timeoutMs: 30_000, what: 'the loss to be seen' });
const described = () => client.workflow.getHandle(workflowId).describe();
const startedWith = async (handle: WorkflowHandle): Promise<unknown[]> => {
  const { input } = (await handle.fetchHistory()).events?.[0]?.workflowExecutionStartedEventAttributes ?? {};
  return (input?.payloads ?? []).map(({ data }) => JSON.parse(Buffer.from(data ?? []).toString()) as unknown);
};
const inputOf = async (runId: string): Promise<unknown> =>
  (await client.workflow.getHandle(workflowId, runId).fetchHistory()).events?.[0]
    ?.workflowExecutionStartedEventAttributes?.input;

it('a terminated one is lost, is begun again with what it knew, and is not lost then', async () => {
  const first = await client.workflow.start(AFTER_WORKFLOW, {
    ...{
      workflowId,
      taskQueue: TASK_QUEUE,
      args: [{ target: { ref }, carried: { sinceMs: 1, endMs: 2, revoked: false } }],
    },
  });
  expect(await isLost()).toBe(false);
  await first.terminate('by the test');
  await untilLost();
  await afterwards.again(ref);
  const { status, runId } = await described();
  expect(status.name).toBe('RUNNING');
  expect(runId).not.toBe(first.firstExecutionRunId);
  expect(await inputOf(runId)).toEqual(await inputOf(first.firstExecutionRunId));
  expect(await isLost()).toBe(false);
  // A second watcher that saw the loss too changes nothing.
  await afterwards.again(ref);
  expect((await described()).runId).toBe(runId);
  await client.workflow.getHandle(workflowId).terminate('by the test');
  await untilLost();
});

it('one that Temporal does not know is begun from the record, once', async () => {
  const forgotten = { ...ref, uid: 'c0ffee00-0000-4000-8000-000000000001' };
  expect(await afterwards.isUnknown(forgotten)).toBe(true);
  await Promise.all([afterwards.begin(forgotten), afterwards.begin(forgotten)]);
  expect(await afterwards.isUnknown(forgotten)).toBe(false);
  const handle = client.workflow.getHandle(afterWorkflowIdOf(forgotten));
  const { runId } = await handle.describe();
  expect(await startedWith(handle)).toEqual([{ ref: forgotten }]);
  await afterwards.begin(forgotten);
  expect((await handle.describe()).runId).toBe(runId);
  await handle.terminate('by the test');
});
