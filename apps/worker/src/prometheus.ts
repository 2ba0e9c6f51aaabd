import type { MetricGate, TrafficSummary } from '@scc/plan';
import { z } from 'zod';

/** A number, or why there is none. No data is an answer of its own. */
export type Reading = { value: number } | { noData: string };

/** The services whose requests are counted, in one namespace. */
export interface TrafficScope {
  namespace: string;
  services: string[];
}

export interface Metrics {
  /** One sample of a gate over the traffic since `sinceMs` (milliseconds since the epoch). */
  read: (gate: Pick<MetricGate, 'preset' | 'query'>, scope: TrafficScope, sinceMs: number) => Promise<Reading>;
  /** Requests since `sinceMs`; null when nobody counts them. */
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

/** Reads gates and proofs from Prometheus. */
export function prometheusMetrics(url: string, kind: 'istio' | 'envoy'): Metrics {
  const flavour: Flavour = kind === 'envoy' ? envoy : istio;

  const ask = async (query: string): Promise<Reading> => {
    const response = await fetch(new URL(`/api/v1/query?query=${encodeURIComponent(query)}`, url), {
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok)
      throw new Error(`Prometheus answered ${response.status}: ${(await response.text()).slice(0, 300)}`);
    const { data } = answerSchema.parse(await response.json());
    if (data.result.length > 1)
      return { noData: `the query yields ${data.result.length} series instead of one number` };
    const text = data.result[0]?.value[1];
    const value = Number(text);
    return text === undefined || Number.isNaN(value) ? { noData: 'the query yields no number' } : { value };
  };
  const windowSince = (sinceMs: number): string =>
    `${Math.max(MIN_WINDOW_S, Math.ceil((Date.now() - sinceMs) / 1000))}s`;
  const number = (reading: Reading): number | null => ('value' in reading ? reading.value : null);

  return {
    read: (gate, scope, sinceMs) => {
      const window = windowSince(sinceMs);
      switch (gate.preset) {
        case undefined:
          return ask(gate.query ?? '');
        case 'request-success-rate':
          return ask(`100 * (1 - ${flavour.failed(scope, window)} / (${flavour.total(scope, window)} > 0))`);
        case 'request-duration-p99':
          return ask(`histogram_quantile(0.99, ${flavour.buckets(scope, window)})`);
      }
    },
    summarize: async (scope, sinceMs) => {
      const window = windowSince(sinceMs);
      const [requests, failed, p50, p99] = await Promise.all([
        ask(flavour.total(scope, window)),
        ask(flavour.failed(scope, window)),
        ask(`histogram_quantile(0.5, ${flavour.buckets(scope, window)})`),
        ask(`histogram_quantile(0.99, ${flavour.buckets(scope, window)})`),
      ]);
      const total = number(requests);
      if (total === null) return null;
      return { requests: total, failed: number(failed) ?? 0, p50Ms: number(p50), p99Ms: number(p99) };
    },
    rate: async (scope) => {
      const total = number(await ask(flavour.total(scope, RATE_WINDOW)));
      return total === null ? null : total / 120;
    },
  };
}

/** Without a Prometheus nothing is known, and every gate says so. */
export const noMetrics: Metrics = {
  read: () => Promise.resolve({ noData: 'no Prometheus is configured (PROMETHEUS_URL)' }),
  summarize: () => Promise.resolve(null),
  rate: () => Promise.resolve(null),
};
