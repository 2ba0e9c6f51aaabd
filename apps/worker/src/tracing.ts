import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { SpanSinks, WorkflowSpan } from '@scc/migration/tracing';
import type { Tracing } from '@scc/runtime/tracing';
import type { InjectedSinks, WorkerOptions } from '@temporalio/worker';

type Traced = Pick<WorkerOptions, 'interceptors' | 'sinks'>;

type Run = Record<'workflowType' | 'workflowId' | 'runId', string>;

const hrTime = (ms: number): [number, number] => [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)];

/** Workflows run apart from everything else: their spans are made of what they say at their end. */
function takeSpan({ processor, resource }: Tracing, run: Run, span: WorkflowSpan): void {
  const context = { traceId: span.traceId, spanId: span.spanId, traceFlags: span.flags };
  processor.onEnd({
    name: `RunWorkflow:${run.workflowType}`,
    kind: SpanKind.INTERNAL,
    spanContext: () => context,
    parentSpanId: span.parentSpanId,
    startTime: hrTime(span.startMs),
    endTime: hrTime(span.endMs),
    duration: hrTime(span.endMs - span.startMs),
    ended: true,
    status: { code: span.hasFailed ? SpanStatusCode.ERROR : SpanStatusCode.OK },
    attributes: { temporalWorkflowId: run.workflowId, run_id: run.runId },
    events: [],
    links: [],
    resource,
    instrumentationLibrary: { name: 'scc' },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  });
}

/** Also where nothing is traced: a workflow may have been started in a trace. */
const sinksOf = (tracing: Tracing | null): InjectedSinks<SpanSinks> => ({
  spans: {
    ended: {
      fn: (info, span) => {
        if (tracing) takeSpan(tracing, info, span);
      },
      callDuringReplay: false,
    },
  },
});

/** What a worker needs so that its workflows and activities are part of traces. */
export async function tracedWork(tracing: Tracing | null): Promise<Traced> {
  if (tracing === null) return { sinks: sinksOf(null) };
  const { OpenTelemetryActivityInboundInterceptor } = await import('@temporalio/interceptors-opentelemetry');
  return {
    interceptors: { activity: [(context) => ({ inbound: new OpenTelemetryActivityInboundInterceptor(context) })] },
    sinks: sinksOf(tracing),
  };
}
