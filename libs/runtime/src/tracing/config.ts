import { z } from 'zod';

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

/** `a=b,c=d` with values as in a URL, as OpenTelemetry writes headers and attributes. */
const pairs = z
  .string()
  .default('')
  .transform((text, issues) => {
    const found: Record<string, string> = {};
    for (const item of text.split(',').filter((part) => part.trim() !== '')) {
      const at = item.indexOf('=');
      try {
        if (at < 1) throw new Error('it has no name');
        found[item.slice(0, at).trim()] = decodeURIComponent(item.slice(at + 1).trim());
      } catch {
        // Not the text: it may be a secret.
        issues.addIssue('must be NAME=VALUE, several separated by commas');
        return z.NEVER;
      }
    }
    return found;
  });

const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' });

/** The variables of every process that can be traced, as OpenTelemetry names them; spread into a process's own schema. */
export const tracingConfig = {
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl
    .optional()
    .describe('the OpenTelemetry collector (OTLP over HTTP), such as http://collector:4318; absent, nothing is traced'),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: httpUrl
    .optional()
    .describe('the URL that spans are posted to, where that is not /v1/traces below the endpoint'),
  OTEL_EXPORTER_OTLP_HEADERS: pairs.describe('headers of every request to the collector, as NAME=VALUE,NAME=VALUE'),
  OTEL_EXPORTER_OTLP_CERTIFICATE: z
    .string()
    .optional()
    .describe("a PEM file with the authority of the collector's certificate, read at the start; absent, Node's own"),
  OTEL_EXPORTER_OTLP_TIMEOUT: z.coerce
    .number()
    .int()
    .min(1)
    .default(10_000)
    .describe('how long one request to the collector may take, in milliseconds'),
  OTEL_SERVICE_NAME: z.string().optional().describe('the name of the service in traces; absent, that of the process'),
  OTEL_RESOURCE_ATTRIBUTES: pairs.describe('attributes of the process in traces, as NAME=VALUE,NAME=VALUE'),
  OTEL_TRACES_SAMPLER: z
    .enum(SAMPLERS)
    .default('parentbased_always_on')
    .describe('which traces are kept; parentbased_: as the caller decided, where there is one'),
  OTEL_TRACES_SAMPLER_ARG: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('the share of traces that a sampler with traceidratio keeps'),
  OTEL_SDK_DISABLED: z.enum(['true', 'false']).default('false').describe('true traces nothing in spite of an endpoint'),
};
export type TracingConfig = z.infer<z.ZodObject<typeof tracingConfig>>;

/** The URL that spans are posted to, or null when nothing is traced. */
export function collectorOf(config: TracingConfig): string | null {
  if (config.OTEL_SDK_DISABLED === 'true') return null;
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces, OTEL_EXPORTER_OTLP_ENDPOINT: base } = config;
  if (traces !== undefined) return traces;
  return base === undefined ? null : `${base.replace(/\/+$/, '')}/v1/traces`;
}
