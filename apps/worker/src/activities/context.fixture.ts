import { Context } from '@temporalio/activity';
import { noopMetricMeter, type Logger } from '@temporalio/common';
import { TRIES } from '@scc/migration/contract';

const silent = () => undefined;
const logger: Logger = { log: silent, trace: silent, debug: silent, info: silent, warn: silent, error: silent };

/** An activity that Temporal has tried for nine seconds, with this as its last try. */
export function contextOf(signal: AbortSignal = new AbortController().signal): Context {
  const scheduledTimestampMs = Date.now() - 9_000;
  return new Context(
    {
      taskToken: new Uint8Array(),
      base64TaskToken: '',
      activityId: '1',
      activityType: 'test',
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- the type wants it beside `namespace`
      activityNamespace: 'scc',
      namespace: 'scc',
      attempt: TRIES,
      isLocal: false,
      inWorkflow: true,
      workflowExecution: { workflowId: 'scc/shop/ledger/u1', runId: crypto.randomUUID() },
      scheduledTimestampMs,
      currentAttemptScheduledTimestampMs: scheduledTimestampMs,
      scheduleToCloseTimeoutMs: 0,
      startToCloseTimeoutMs: 0,
      heartbeatDetails: undefined,
      taskQueue: 'test',
    },
    new Promise<never>(silent),
    signal,
    silent,
    undefined,
    logger,
    noopMetricMeter,
    {},
  );
}
