import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor, createLogger } from '@scc/runtime';
import { TemporalLink } from '@scc/runtime/temporal';
import { Client, Connection } from '@temporalio/client';
import { startTemporal, type TemporalServer } from '@scc/testing/temporal';
import { workflowIdOf } from '@scc/migration/contract';
import {
  aRequest,
  at,
  domainDatabase,
  type DomainDatabase,
  inTx,
  NOON,
  ownWorkload,
  person,
  row,
} from '../governance.fixture.js';
import { evaluatePlan } from '../engine/evaluate.js';
import { recordDecision } from './decisions.js';
import { OutboxRelay } from './outbox.js';
import { temporalWaker } from './temporal.js';

let database: DomainDatabase;
let temporal: TemporalServer;
beforeAll(async () => {
  [database, temporal] = await Promise.all([domainDatabase(), startTemporal()]);
}, 60_000);
afterAll(async () => {
  await temporal.stop();
  await database.close();
});

const linkTo = (address: string): TemporalLink =>
  new TemporalLink({ TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: temporal.namespace });

/** No worker runs: what matters is which signals the workflow's history holds. */
async function signalsOf(client: Client, workflowId: string): Promise<unknown[]> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  return (events ?? []).flatMap(({ workflowExecutionSignaledEventAttributes: signal }) =>
    signal ? [signal.signalName] : [],
  );
}

describe('an approval', () => {
  it('reaches the workflow once it is there, after Temporal was away and the workflow not started', async () => {
    const workload = ownWorkload('signalled');
    const request = aRequest({ ...workload, spec: { ...workload.spec, approval: { required: true } } });
    const { contentHash } = await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    await inTx(database.app, (tx) =>
      recordDecision(tx, request.plan.uid, { decision: 'approve', contentHash }, at(NOON, person('bob', 'approver'))),
    );
    const logger = createLogger('spec', 'silent');
    const attempts = async (least: number): Promise<boolean> =>
      ((await row(database.app, 'select attempts >= $1 as tried from outbox', least)) as { tried: boolean }).tried;
    const away = linkTo('127.0.0.1:1');
    const first = new OutboxRelay(database.app, temporalWaker(away), logger, 20);
    first.start();
    await waitFor(() => attempts(1), { timeoutMs: 20_000, what: 'an attempt while Temporal is away' });
    await first.stop();
    await away.close();

    const link = linkTo(temporal.address);
    const second = new OutboxRelay(database.app, temporalWaker(link), logger, 20);
    second.start();
    await waitFor(() => attempts(2), { timeoutMs: 20_000, what: 'an attempt before the workflow' });
    const connection = await Connection.connect({ address: temporal.address });
    const client = new Client({ connection, namespace: temporal.namespace });
    const workflowId = workflowIdOf(request.plan);
    await client.workflow.start('migrationWorkflow', { taskQueue: 'nobody', workflowId, args: [] });
    const isDelivered = async (): Promise<boolean> =>
      ((await row(database.app, 'select delivered_at is not null as done from outbox')) as { done: boolean }).done;
    await waitFor(isDelivered, { timeoutMs: 20_000, what: 'the delivery' });
    expect(await signalsOf(client, workflowId)).toEqual(['approve']);
    await second.stop();
    await link.close();
    await connection.close();
  }, 60_000);
});
