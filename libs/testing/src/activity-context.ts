import { Context } from '@temporalio/activity';
import { noopMetricMeter, type Logger } from '@temporalio/common';

const silent = () => undefined;
const logger: Logger = { log: silent, trace: silent, debug: silent, info: silent, warn: silent, error: silent };

export interface ActivityRun {
  workflowExecution: { workflowId: string; runId: string };
  /** The first when absent. */
  attempt?: number;
  /** How long ago the activity was scheduled, in milliseconds. */
  agoMs?: number;
  signal?: AbortSignal;
}

/** The context of an activity that runs beside Temporal. */
export function activityContext({ workflowExecution, attempt = 1, agoMs = 0, signal }: ActivityRun): Context {
  const scheduledTimestampMs = Date.now() - agoMs;
  return new Context(
    {
      taskToken: new Uint8Array(),
      base64TaskToken: '',
      activityId: '1',
      activityType: 'test',
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- the type wants it beside `namespace`
      activityNamespace: 'scc',
      namespace: 'scc',
      attempt,
      isLocal: false,
      inWorkflow: true,
      workflowExecution,
      scheduledTimestampMs,
      currentAttemptScheduledTimestampMs: scheduledTimestampMs,
      scheduleToCloseTimeoutMs: 0,
      startToCloseTimeoutMs: 0,
      heartbeatDetails: undefined,
      taskQueue: 'test',
    },
    new Promise<never>(silent),
    signal ?? new AbortController().signal,
    silent,
    undefined,
    logger,
    noopMetricMeter,
    {},
  );
}
