import type { IncomingHttpHeaders } from 'node:http';
import {
  context,
  propagation,
  ROOT_CONTEXT,
  type Attributes,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { codeOf } from './values.js';

/**
 * The spans of this product. Without `startTracing` the functions of `@opentelemetry/api` do nothing, and neither do
 * these.
 */
const TRACER = 'scc';

/** A request that is answered by this process. */
export interface ServedSpan {
  /** Runs what belongs to the request, so that its own calls are part of the trace. */
  within: <T>(work: () => T) => T;
  end: (status: number, name?: string) => void;
}

/** Begins the span of a request that came in; the caller's trace goes on where its headers name one. */
export function beginServed(name: string, headers: IncomingHttpHeaders): ServedSpan {
  const parent = propagation.extract(ROOT_CONTEXT, headers);
  const span = trace.getTracer(TRACER).startSpan(name, { kind: SpanKind.SERVER }, parent);
  const inside = trace.setSpan(parent, span);
  return {
    within: (work) => context.with(inside, work),
    end: (status, better) => {
      if (better !== undefined) span.updateName(better);
      span.setAttribute('http.response.status_code', status);
      if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}

/** How a request that goes out is called in traces. No secrets: the path of a webhook may be one. */
export interface CallName {
  name: string;
  attributes?: Attributes;
}

/**
 * Runs a request that goes out as part of the trace that is under way; outside of one it is not traced.
 * @param work given the headers by which the other side goes on with the trace
 */
export async function tracedCall<T extends { status: number }>(
  { name, attributes = {} }: CallName,
  work: (headers: Record<string, string>) => Promise<T>,
): Promise<T> {
  if (trace.getActiveSpan() === undefined) return work({});
  const span = trace.getTracer(TRACER).startSpan(name, { kind: SpanKind.CLIENT, attributes });
  try {
    const headers: Record<string, string> = {};
    propagation.inject(trace.setSpan(context.active(), span), headers);
    const answer = await work(headers);
    span.setAttribute('http.response.status_code', answer.status);
    if (answer.status >= 400) span.setStatus({ code: SpanStatusCode.ERROR });
    return answer;
  } catch (error) {
    failed(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** Only the code: messages of errors may quote what others sent. */
function failed(span: Span, error: unknown): void {
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute('error.type', codeOf(error) || (error instanceof Error ? error.name : 'unknown'));
}
