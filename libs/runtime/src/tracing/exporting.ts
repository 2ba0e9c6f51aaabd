import { readFile } from 'node:fs/promises';
import type { Attributes } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { Resource } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import type { WorkflowClientInterceptor } from '@temporalio/client';
import type { Logger } from '../logger.js';
import { messageOf } from '../values.js';
import type { TracingConfig } from './config.js';
import { tracedCalls } from './temporal.js';

/** Traces of a process that are sent to a collector. */
export interface Tracing {
  /** Takes spans that were made elsewhere, such as in a workflow. */
  processor: SpanProcessor;
  resource: Resource;
  /** For the links to Temporal of this process. */
  calls: WorkflowClientInterceptor[];
  /** Sends what is left. Never throws: a collector that is away holds nothing up. */
  stop: () => Promise<void>;
}

/**
 * What spans may say. Everything else is dropped, so that no template, token or message of another program leaves the
 * process this way, whichever library made the span.
 */
const SAID = new Set([
  'temporalWorkflowId',
  'temporalActivityId',
  'temporalUpdateId',
  'run_id',
  'http.request.method',
  'http.response.status_code',
  'http.route',
  'server.address',
  'url.path',
  'error.type',
  'exception.type',
]);

const saidOf = (attributes: Attributes): Attributes =>
  Object.fromEntries(Object.entries(attributes).filter(([name]) => SAID.has(name)));

/** The span with nothing but what spans may say. */
export const withoutSecrets = (span: ReadableSpan): ReadableSpan => ({
  name: span.name,
  kind: span.kind,
  spanContext: () => span.spanContext(),
  ...(span.parentSpanId === undefined ? {} : { parentSpanId: span.parentSpanId }),
  startTime: span.startTime,
  endTime: span.endTime,
  duration: span.duration,
  ended: span.ended,
  status: { code: span.status.code },
  attributes: saidOf(span.attributes),
  events: span.events.map(({ attributes = {}, ...event }) => ({ ...event, attributes: saidOf(attributes) })),
  links: span.links.map(({ context }) => ({ context })),
  resource: span.resource,
  instrumentationLibrary: span.instrumentationLibrary,
  droppedAttributesCount: span.droppedAttributesCount,
  droppedEventsCount: span.droppedEventsCount,
  droppedLinksCount: span.droppedLinksCount,
});

function samplerOf({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: ratio }: TracingConfig): Sampler {
  switch (name) {
    case 'always_on':
      return new AlwaysOnSampler();
    case 'always_off':
      return new AlwaysOffSampler();
    case 'traceidratio':
      return new TraceIdRatioBasedSampler(ratio);
    case 'parentbased_always_on':
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
    case 'parentbased_always_off':
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case 'parentbased_traceidratio':
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) });
  }
}

/** How often a collector that takes no spans is spoken of, in milliseconds. */
const COMPLAINT_MS = 60_000;

function complainAtTimes(log: Logger, url: string): (error: unknown) => void {
  let last = -Infinity;
  return (error) => {
    if (performance.now() - last < COMPLAINT_MS) return;
    last = performance.now();
    log.warn({ collector: new URL(url).origin, reason: messageOf(error) }, 'spans could not be sent and are lost');
  };
}

export interface ExportOptions {
  config: TracingConfig;
  /** The URL that spans are posted to. */
  url: string;
  service: string;
  log: Logger;
}

/** Sends the spans of this process (or thread) to a collector. @throws Error when the authority's file cannot be read */
export async function startExporting({ config, url, service, log }: ExportOptions): Promise<Tracing> {
  const caFile = config.OTEL_EXPORTER_OTLP_CERTIFICATE;
  const agent = caFile === undefined ? {} : { ca: await readFile(caFile) };
  setGlobalErrorHandler(complainAtTimes(log, url));
  const exporter = new OTLPTraceExporter({
    url,
    headers: config.OTEL_EXPORTER_OTLP_HEADERS,
    timeoutMillis: config.OTEL_EXPORTER_OTLP_TIMEOUT,
    httpAgentOptions: { keepAlive: true, ...agent },
  });
  const batch = new BatchSpanProcessor(exporter);
  const processor: SpanProcessor = {
    onStart: (span, parent) => batch.onStart(span, parent),
    onEnd: (span) => batch.onEnd(withoutSecrets(span)),
    forceFlush: () => batch.forceFlush(),
    shutdown: () => batch.shutdown(),
  };
  const resource = new Resource({
    'service.namespace': 'scc',
    ...config.OTEL_RESOURCE_ATTRIBUTES,
    'service.name': config.OTEL_SERVICE_NAME ?? service,
  });
  const provider = new BasicTracerProvider({ resource, sampler: samplerOf(config), spanProcessors: [processor] });
  provider.register({
    contextManager: new AsyncLocalStorageContextManager().enable(),
    propagator: new W3CTraceContextPropagator(),
  });
  return { processor, resource, calls: [tracedCalls()], stop: () => provider.shutdown().catch(() => undefined) };
}
