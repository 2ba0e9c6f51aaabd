import { defaultPayloadConverter, type Headers, type Payload } from '@temporalio/common';
import {
  ContinueAsNew,
  isCancellation,
  proxySinks,
  type Sinks,
  type WorkflowInterceptors,
  workflowInfo,
} from '@temporalio/workflow';

/** The header of Temporal that carries a trace, as `@temporalio/interceptors-opentelemetry` writes and reads it. */
const HEADER = '_tracer-data';
const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** One run of a workflow as a span. Nothing of its arguments or of what it says. */
export interface WorkflowSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  flags: number;
  startMs: number;
  endMs: number;
  hasFailed: boolean;
}

/** Hands spans to the worker. */
export interface SpanSinks extends Sinks {
  spans: { ended: (span: WorkflowSpan) => void };
}

interface Started {
  span: Omit<WorkflowSpan, 'endMs' | 'hasFailed'>;
  /** Given to whatever this run begins. */
  header: Payload;
}

/** Derived from the run's id: the same at every replay, and no number of the workflow's own is used up for it. */
const spanIdOf = (runId: string): string => runId.replaceAll('-', '').slice(-16);

function startedBy(headers: Headers): Started | undefined {
  const payload = headers[HEADER];
  if (payload === undefined) return undefined;
  const { traceparent = '' } = defaultPayloadConverter.fromPayload<{ traceparent?: string }>(payload);
  const [, traceId, parentSpanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
  if (traceId === undefined || parentSpanId === undefined || flags === undefined) return undefined;
  const { runId, startTime } = workflowInfo();
  const spanId = spanIdOf(runId);
  return {
    span: { traceId, spanId, parentSpanId, flags: Number.parseInt(flags, 16), startMs: startTime.getTime() },
    header: defaultPayloadConverter.toPayload({ traceparent: `00-${traceId}-${spanId}-${flags}` }),
  };
}

const isFailure = (error: unknown): boolean => !(error instanceof ContinueAsNew) && !isCancellation(error);

/**
 * Goes on with the trace that a workflow was started in. It adds no command, waits for nothing and draws no random
 * number, so that a history replays the same whether it was recorded with traces or without.
 */
export const interceptors = (): WorkflowInterceptors => {
  let started: Started | undefined;
  const traced = <T extends { headers: Headers }>(input: T): T =>
    started ? { ...input, headers: { ...input.headers, [HEADER]: started.header } } : input;
  const ended = (hasFailed: boolean): void => {
    if (started) proxySinks<SpanSinks>().spans.ended({ ...started.span, endMs: Date.now(), hasFailed });
  };
  return {
    inbound: [
      {
        execute: (input, next) => {
          started = startedBy(input.headers);
          const result = next(input);
          result.then(
            () => ended(false),
            (error: unknown) => ended(isFailure(error)),
          );
          return result;
        },
      },
    ],
    outbound: [
      {
        scheduleActivity: (input, next) => next(traced(input)),
        startChildWorkflowExecution: (input, next) => next(traced(input)),
        continueAsNew: (input, next) => next(traced(input)),
      },
    ],
  };
};
