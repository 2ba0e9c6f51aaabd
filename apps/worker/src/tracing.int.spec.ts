import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { createGovernanceClient } from '@scc/governance-api';
import { UNDO_WORKFLOW, undoWorkflowIdOf } from '@scc/migration/contract';
import { createLogger, loadConfig, waitFor } from '@scc/runtime';
import { TemporalLink, temporalConfig } from '@scc/runtime/temporal';
import { startTracing, tracingConfig } from '@scc/runtime/tracing';
import { type OtlpReceiver, startOtlpReceiver } from '@scc/testing/otlp-receiver';
import { startTemporal, type TemporalServer } from '@scc/testing/temporal';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { z } from 'zod';
import { temporalLogger } from './logging.js';
import { tracedWork } from './tracing.js';

const SECRET = 'a-token-that-no-span-may-say';
const BUNDLE = fileURLToPath(import.meta.resolve('@scc/migration/workflow-bundle'));
const log = createLogger('test', 'silent');
const ref = { namespace: 'shop', name: 'ledger', uid: '00000000-0000-4000-8000-000000000001' };

let temporal: TemporalServer;
let receiver: OtlpReceiver;
let governance: Server;
const traceparents: unknown[] = [];
beforeAll(async () => {
  Runtime.install({ logger: temporalLogger(log), shutdownSignals: [] });
  [temporal, receiver] = await Promise.all([startTemporal(), startOtlpReceiver()]);
  governance = createServer((request, response) => {
    traceparents.push(request.headers['traceparent']);
    response.writeHead(404, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => governance.listen(0, '127.0.0.1', resolve));
}, 60_000);
afterAll(async () => {
  await temporal.stop();
  await receiver.stop();
  governance.close();
});

describe('one trace', () => {
  it("goes from the start of a workflow through its activities to governance's request, and says no secret", async () => {
    const tracing = await startTracing(
      loadConfig(z.object(tracingConfig), {
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
        OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=shop',
      }),
      'scc-test',
      log,
    );
    if (tracing === null) throw new Error('an endpoint is named');
    const env = { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.namespace };
    const link = new TemporalLink(loadConfig(z.object(temporalConfig), env), { workflow: tracing.calls });
    const { port } = governance.address() as AddressInfo;
    const client = createGovernanceClient({ url: `http://127.0.0.1:${port}`, token: () => Promise.resolve(SECRET) });
    const connection = await NativeConnection.connect({ address: temporal.address });
    const worker = await Worker.create({
      connection,
      namespace: temporal.namespace,
      taskQueue: 'traced',
      workflowBundle: { code: await readFile(BUNDLE, 'utf8') },
      activities: {
        recordedOutcome: async ({ uid }: typeof ref) => {
          await expect(client.outcome(uid)).rejects.toThrow();
          return { known: false, end: null };
        },
        settlePlan: () => Promise.reject(Object.assign(new Error(SECRET), { name: 'Refused' })),
      },
      ...(await tracedWork(tracing)),
    });
    const workflowId = undoWorkflowIdOf(ref);
    const running = worker.runUntil(async () => {
      const { workflow } = await link.client();
      const handle = await workflow.start(UNDO_WORKFLOW, { workflowId, taskQueue: 'traced', args: [{ ref }] });
      await handle.describe();
      await waitFor(
        async () => {
          await tracing.processor.forceFlush();
          return receiver.spans.some(({ name }) => name === 'RunActivity:settlePlan');
        },
        { timeoutMs: 30_000, what: 'the span of the second activity' },
      );
      await handle.cancel();
      await handle.result().catch(() => undefined);
    });
    await running;
    await tracing.stop();
    client.close();
    await link.close();
    await connection.close();

    const byName = new Map(receiver.spans.map((span) => [span.name, span]));
    const chain = [
      `StartWorkflow:${UNDO_WORKFLOW}`,
      `RunWorkflow:${UNDO_WORKFLOW}`,
      'RunActivity:recordedOutcome',
      'GET /v1/migrations/{id}/outcome',
    ].map((name) => byName.get(name));
    expect(chain.map((span) => span?.traceId)).toEqual(chain.map(() => chain[0]?.traceId));
    expect(chain.slice(1).map((span) => span?.parentSpanId)).toEqual(chain.slice(0, -1).map((span) => span?.spanId));
    expect(traceparents).toEqual([`00-${chain[3]?.traceId}-${chain[3]?.spanId}-01`]);
    expect(receiver.headers()['x-tenant']).toBe('shop');

    const failed = byName.get('RunActivity:settlePlan');
    expect(failed?.status).toEqual({ code: 2, message: '' });
    expect(failed?.events[0]?.attributes.map(({ key }) => key)).toEqual(['exception.type']);
    expect(receiver.text()).not.toContain(SECRET);
    // Looks at a workflow are none of its story.
    expect(byName.has('DescribeWorkflow')).toBe(false);
  }, 60_000);
});
