import { jest } from '@jest/globals';
import { AFTER_WORKFLOW, afterWorkflowIdOf, TASK_QUEUE } from '@scc/migration/contract';
import { waitFor } from '@scc/runtime';
import { startTemporal, type TemporalServer } from '@scc/testing/temporal';
import { Client, Connection } from '@temporalio/client';
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
  afterwards = temporalAfterwards((work) => work(client.workflow));
});
afterAll(async () => {
  await connection.close();
  await temporal.stop();
});

const isLost = (): Promise<boolean> => afterwards.lost().then((lost) => lost.some(({ uid }) => uid === ref.uid));
const untilLost = (): Promise<true> =>
  waitFor(async () => ((await isLost()) ? true : undefined), { timeoutMs: 30_000, what: 'the loss to be seen' });
const described = () => client.workflow.getHandle(workflowId).describe();
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
