import type { Labels } from './counters.js';

/** Services of one namespace whose requests are counted, in one of two ways. */
export interface TrafficScope {
  namespace: string;
  services: string[];
  /** What pods answered, mirrored requests included, instead of what callers were answered. */
  mirrored?: boolean;
}

/** The counters of a mesh, and what one series of them says. */
export interface Flavour {
  /** Selectors of all counters of answers; their names may be several. */
  answers: (scope: TrafficScope) => string;
  /** The names of these counters. */
  names: readonly string[];
  buckets: (scope: TrafficScope) => string;
  /** Requests that a proxy had no destination for, which no counter of a Service holds; null where answers hold them. */
  unrouted: string | null;
  read: (labels: Labels) => Meaning;
}

/** What a series counts: answers that reached the caller, tries that were made again, or answers that say of failure. */
export interface Meaning {
  counts: 'answer' | 'again' | 'grpcFailure';
  isFailure: boolean;
  /** `2xx`, `5xx`, `none` of requests without an answer. */
  responseClass: string;
}

const escape = (text: string): string => text.replace(/[.\\+*?[\](){}^$|]/g, '\\\\$&');
const named = ({ services }: TrafficScope): string => services.map(escape).join('|');

/** Statuses of gRPC by which a server says that it failed; the others say that the caller asked for something wrong. */
const GRPC_FAILURES = ['2', '4', '12', '13', '14', '15'];

const ANSWERS = 'envoy_cluster_upstream_rq_xx';
const RETRIED = 'envoy_cluster_retry_upstream_rq_xx';
const CONNECT = 'envoy_cluster_upstream_cx_connect_fail';
const GRPC = GRPC_FAILURES.map((status) => `envoy_cluster_grpc_${status}`);
const NAMES = [ANSWERS, RETRIED, CONNECT, ...GRPC];

/**
 * Envoy's own counters. It counts an answer that it then tried again apart from the others (`retry_`), and mirrored
 * requests like all others.
 */
const envoy: Flavour = (() => {
  const cluster = (scope: TrafficScope): string =>
    `envoy_cluster_name=~"outbound\\\\|[0-9]+\\\\|.*\\\\|(${named(scope)})\\\\.${escape(scope.namespace)}\\\\.svc.*"`;
  return {
    names: NAMES,
    answers: (scope) => `{__name__=~"${NAMES.join('|')}",${cluster(scope)}}`,
    buckets: (scope) => `envoy_cluster_upstream_rq_time_bucket{${cluster(scope)}}`,
    unrouted: 'envoy_http_no_cluster',
    read: ({ __name__: name = '', envoy_response_code_class: digit }) => {
      if (GRPC.includes(name)) return { counts: 'grpcFailure', isFailure: true, responseClass: '2xx' };
      if (name === CONNECT) return { counts: 'again', isFailure: true, responseClass: 'none' };
      return {
        counts: name === RETRIED ? 'again' : 'answer',
        isFailure: digit === '5',
        responseClass: `${digit ?? '?'}xx`,
      };
    },
  };
})();

/** Istio's counters: by the callers' proxies, which see no mirrored request, or by those of the pods. */
const istio: Flavour = (() => {
  const destination = (scope: TrafficScope): string =>
    `reporter="${scope.mirrored ? 'destination' : 'source'}",destination_service=~"(${named(scope)})\\\\.${escape(scope.namespace)}(\\\\.svc.*)?"`;
  return {
    names: ['istio_requests_total'],
    answers: (scope) => `istio_requests_total{${destination(scope)}}`,
    buckets: (scope) => `istio_request_duration_milliseconds_bucket{${destination(scope)}}`,
    unrouted: null,
    read: ({ response_code: code = '0', grpc_response_status: status = '' }) => ({
      counts: 'answer',
      isFailure: code === '0' || code.startsWith('5') || GRPC_FAILURES.includes(status),
      responseClass: code === '0' ? 'none' : `${code.charAt(0)}xx`,
    }),
  };
})();

export const FLAVOURS: Readonly<Record<'istio' | 'envoy', Flavour>> = { istio, envoy };
