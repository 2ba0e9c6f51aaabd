import type { MetricGate, TrafficSummary } from '@scc/plan';
import { followTrust, HttpClient, messageOf, secretOf } from '@scc/runtime';
import { z } from 'zod';

/** A number, or why there is none. No data is an answer of its own. */
export type MetricReading = { value: number } | { noData: string } | { noData: string; isUnjudged: true };

/** The services whose requests are counted, in one namespace. */
export interface TrafficScope {
  namespace: string;
  services: string[];
}

export interface MetricSource {
  /** Whether answers hold nothing but the namespace that they were asked for. */
  isConfined: boolean;
  /** Asks something that every Prometheus can answer. @throws PrometheusRefuses | Error */
  check: (namespace: string) => Promise<void>;
  /** One sample of a gate over the traffic since `sinceMs` (milliseconds since the epoch). */
  read: (gate: Pick<MetricGate, 'preset' | 'query'>, scope: TrafficScope, sinceMs: number) => Promise<MetricReading>;
  /** Requests since `sinceMs`; null when they are not counted. */
  summarize: (scope: TrafficScope, sinceMs: number) => Promise<TrafficSummary | null>;
  /** Requests per second over the last minutes; null when unknown. */
  rate: (scope: TrafficScope) => Promise<number | null>;
}

const answerSchema = z.object({
  status: z.literal('success'),
  data: z.object({ resultType: z.string(), result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) }),
});

const escape = (text: string): string => text.replace(/[.\\+*?[\](){}^$|]/g, '\\\\$&');

/** PromQL of the two ways in which a mesh exposes its proxies' counters. */
interface Flavour {
  total: (scope: TrafficScope, window: string) => string;
  failed: (scope: TrafficScope, window: string) => string;
  buckets: (scope: TrafficScope, window: string) => string;
}

const names = ({ services }: TrafficScope): string => services.map(escape).join('|');

/**
 * Envoy counts an answer that it then tried again apart from the others (`retry_`): together they are what the pods
 * answered, so requests that a retry rescued still count as failed.
 */
const envoy: Flavour = (() => {
  const cluster = (scope: TrafficScope): string =>
    `envoy_cluster_name=~"outbound\\\\|[0-9]+\\\\|.*\\\\|(${names(scope)})\\\\.${escape(scope.namespace)}\\\\.svc.*"`;
  return {
    total: (scope, window) =>
      `(sum(increase(envoy_cluster_upstream_rq_xx{${cluster(scope)}}[${window}])) + (sum(increase(envoy_cluster_retry_upstream_rq_xx{${cluster(scope)}}[${window}])) or vector(0)) + (sum(increase(envoy_cluster_upstream_cx_connect_fail{${cluster(scope)}}[${window}])) or vector(0)))`,
    failed: (scope, window) =>
      `((sum(increase(envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",${cluster(scope)}}[${window}])) or vector(0)) + (sum(increase(envoy_cluster_retry_upstream_rq_xx{envoy_response_code_class="5",${cluster(scope)}}[${window}])) or vector(0)) + (sum(increase(envoy_cluster_upstream_cx_connect_fail{${cluster(scope)}}[${window}])) or vector(0)))`,
    buckets: (scope, window) =>
      `sum by (le) (increase(envoy_cluster_upstream_rq_time_bucket{${cluster(scope)}}[${window}]))`,
  };
})();

const istio: Flavour = (() => {
  const destination = (scope: TrafficScope): string =>
    `reporter="source",destination_service_namespace="${scope.namespace}",destination_service_name=~"${names(scope)}"`;
  return {
    total: (scope, window) => `sum(increase(istio_requests_total{${destination(scope)}}[${window}]))`,
    failed: (scope, window) =>
      `(sum(increase(istio_requests_total{response_code=~"5..|0",${destination(scope)}}[${window}])) or vector(0))`,
    buckets: (scope, window) =>
      `sum by (le) (increase(istio_request_duration_milliseconds_bucket{${destination(scope)}}[${window}]))`,
  };
})();

const MIN_WINDOW_S = 4;
const RATE_WINDOW = '2m';

/** Prometheus answers and does not let this installation ask: waiting does not help. */
export class PrometheusRefuses extends Error {
  override readonly name = 'PrometheusRefuses';
}

export interface PrometheusOptions {
  /** Its base, of which a path is kept. */
  url: string;
  flavour: 'istio' | 'envoy';
  caFile?: string | undefined;
  /** A file with a bearer token, read at every question. */
  tokenFile?: string | undefined;
  headers?: Record<string, string>;
  /** The query parameter by which a proxy confines answers to a namespace. */
  namespaceParameter?: string | undefined;
}

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 1024 * 1024;
const REFUSALS = new Map([
  [401, 'it does not know who asks (PROMETHEUS_TOKEN_FILE)'],
  [403, 'the identity that asks may not (PROMETHEUS_TOKEN_FILE, PROMETHEUS_NAMESPACE_PARAMETER)'],
  [404, 'there is no query API (PROMETHEUS_URL)'],
]);

/** Reads gates and proofs from Prometheus. */
export function prometheusMetrics(options: PrometheusOptions): MetricSource {
  const flavour: Flavour = options.flavour === 'envoy' ? envoy : istio;
  const { namespaceParameter, tokenFile } = options;
  const { current, forget } = followTrust({ caFile: options.caFile });
  const http = new HttpClient({ trust: current, untrusted: forget, maxBytes: MAX_BYTES });
  const base = options.url.replace(/\/$/, '');

  const answerTo = async (query: string, namespace: string): Promise<z.infer<typeof answerSchema>> => {
    const url = new URL(`${base}/api/v1/query`);
    url.searchParams.set('query', query);
    url.searchParams.set('timeout', `${TIMEOUT_MS / 1000}s`);
    if (namespaceParameter !== undefined) url.searchParams.set(namespaceParameter, namespace);
    const { status, text } = await http
      .send({
        method: 'GET',
        url,
        timeoutMs: TIMEOUT_MS,
        headers: {
          accept: 'application/json',
          ...options.headers,
          ...(tokenFile === undefined ? {} : { authorization: `Bearer ${await secretOf(tokenFile)}` }),
        },
      })
      .catch((error: unknown) => {
        throw new Error(`Prometheus does not answer: ${messageOf(error)}`, { cause: error });
      });
    const refusal = REFUSALS.get(status);
    if (refusal !== undefined) throw new PrometheusRefuses(`Prometheus answered ${status}: ${refusal}`);
    if (status !== 200) throw new Error(`Prometheus answered ${status}`);
    const parsed = answerSchema.safeParse(jsonOf(text));
    if (!parsed.success) throw new Error('Prometheus answered in a form that is not known (PROMETHEUS_URL)');
    return parsed.data;
  };

  const ask = async (query: string, { namespace }: TrafficScope): Promise<MetricReading> => {
    const { data } = await answerTo(query, namespace);
    if (data.result.length > 1)
      return { noData: `the query yields ${data.result.length} series instead of one number` };
    const text = data.result[0]?.value[1];
    const value = Number(text);
    return text === undefined || Number.isNaN(value) ? { noData: 'the query yields no number' } : { value };
  };
  const windowSince = (sinceMs: number): string =>
    `${Math.max(MIN_WINDOW_S, Math.ceil((Date.now() - sinceMs) / 1000))}s`;
  const number = (reading: MetricReading): number | null => ('value' in reading ? reading.value : null);

  return {
    isConfined: namespaceParameter !== undefined,
    check: async (namespace) => {
      await answerTo('vector(1)', namespace);
    },
    read: (gate, scope, sinceMs) => {
      const window = windowSince(sinceMs);
      switch (gate.preset) {
        case undefined:
          return ask(gate.query ?? '', scope);
        case 'request-success-rate':
          return ask(`100 * (1 - ${flavour.failed(scope, window)} / (${flavour.total(scope, window)} > 0))`, scope);
        case 'request-duration-p99':
          return ask(`histogram_quantile(0.99, ${flavour.buckets(scope, window)})`, scope);
      }
    },
    summarize: async (scope, sinceMs) => {
      const window = windowSince(sinceMs);
      const [requests, failed, p50, p99] = await Promise.all([
        ask(flavour.total(scope, window), scope),
        ask(flavour.failed(scope, window), scope),
        ask(`histogram_quantile(0.5, ${flavour.buckets(scope, window)})`, scope),
        ask(`histogram_quantile(0.99, ${flavour.buckets(scope, window)})`, scope),
      ]);
      const total = number(requests);
      if (total === null) return null;
      return { requests: total, failed: number(failed) ?? 0, p50Ms: number(p50), p99Ms: number(p99) };
    },
    rate: async (scope) => {
      const total = number(await ask(flavour.total(scope, RATE_WINDOW), scope));
      return total === null ? null : total / 120;
    },
  };
}

/** Without a Prometheus nothing is known, and every gate says so. */
export const noMetrics: MetricSource = {
  isConfined: true,
  check: () => Promise.reject(new PrometheusRefuses('no Prometheus is configured (PROMETHEUS_URL)')),
  read: () => Promise.resolve({ noData: 'no Prometheus is configured (PROMETHEUS_URL)' }),
  summarize: () => Promise.resolve(null),
  rate: () => Promise.resolve(null),
};

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
