import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

const attributesSchema = z.array(z.object({ key: z.string(), value: z.record(z.string(), z.unknown()) })).default([]);
const spanSchema = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().default(''),
  name: z.string(),
  attributes: attributesSchema,
  events: z.array(z.object({ attributes: attributesSchema })).default([]),
  status: z.object({ code: z.int().default(0), message: z.string().default('') }),
});
const exportSchema = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: attributesSchema }),
      scopeSpans: z.array(z.object({ spans: z.array(spanSchema) })),
    }),
  ),
});

/** A span as it arrived. */
export interface ReceivedSpan extends z.infer<typeof spanSchema> {
  service: string;
}

export interface OtlpReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  endpoint: string;
  spans: ReceivedSpan[];
  /** Of the newest request. */
  headers: () => IncomingHttpHeaders;
  /** Everything that arrived, as text. */
  text: () => string;
  stop: () => Promise<void>;
}

/** The spans of one request to a collector. @throws ZodError */
export const spansIn = (body: string): ReceivedSpan[] =>
  exportSchema.parse(JSON.parse(body)).resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = resource.attributes.find(({ key }) => key === 'service.name')?.value['stringValue'];
    return scopeSpans.flatMap((scope) => scope.spans.map((span) => ({ ...span, service: String(service) })));
  });

/** A collector that takes spans as OTLP over HTTP, in JSON, and keeps them. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const bodies: string[] = [];
  let headers: IncomingHttpHeaders = {};
  const take = (body: string): void => {
    bodies.push(body);
    spans.push(...spansIn(body));
  };
  const server = createServer((request, response) => {
    headers = request.headers;
    text(request)
      .then(take)
      .then(
        () => response.writeHead(request.url === '/v1/traces' ? 200 : 404).end('{}'),
        () => response.writeHead(400).end(),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    headers: () => headers,
    text: () => bodies.join('\n'),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
