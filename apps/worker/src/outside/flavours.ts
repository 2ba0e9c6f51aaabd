import type { Labels } from './counters.js';

/** Services of one namespace whose requests are counted, in one of two ways. */
export interface TrafficScope {
  namespace: string;
  services: string[];
  /** The answers of pods, mirrored requests included, instead of what callers were answered. */
  mirrored?: boolean;
  /** The Services of the other side: what that side answers as well is no fault of this one. */
  beside?: string[];
}

/** The pods of a workload whose own proxies count what arrives. */
export interface InboundScope {
  namespace: string;
  workload: string;
  pods: readonly string[];
}

/** Counters of what arrives at pods, whoever sent it and whichever way it took. */
interface Inbound {
  arrived: (scope: InboundScope) => string;
  names: readonly string[];
  /** Of these, the one that counts bytes of connections which stand. */
  bytes: string;
}

/** The counters of a mesh, and what one series of them says. */
export interface Flavour {
  /** Selectors of all counters of answers; their names may be several. */
  answers: (scope: TrafficScope) => string;
  /** The names of these counters. */
  names: readonly string[];
  /** Of latencies; null where the counters know none. */
  buckets: ((scope: TrafficScope) => string) | null;
  /** Requests that a proxy had no destination for, which no counter of a Service holds; null where answers hold them. */
  unrouted: string | null;
  /** Of the pods' own proxies; null where pods have none that counts. */
  inbound: Inbound | null;
  /** What no pod answered is counted nowhere. */
  hidesUnanswered?: true;
  /** Copies of requests take other ways, and are counted nowhere. */
  hidesCopies?: true;
  read: (labels: Labels) => Meaning;
}

/**
 * What a series counts: answers that reached the caller, tries that were made again, or, of answers that are counted
 * already, that they say of failure, deny, or came from a proxy alone.
 */
export interface Meaning {
  counts: 'answer' | 'again' | 'grpcFailure' | 'denial' | 'unanswered';
  isFailure: boolean;
  /** The caller was not let through: by the application, or by a proxy before it. */
  isDenial?: boolean;
  /** No pod answered: a proxy did, or the connection broke. */
  isUnanswered?: boolean;
  /** `2xx`, `5xx`, `none` of requests without an answer. */
  responseClass: string;
}

/** Answers that an application gives as well as a proxy's authorization, authentication or rate limit. */
const DENIALS = ['401', '403', '429'];
/** Flags of Envoy's answers that say nothing of a failure: none at all, and a delay on purpose. */
const HARMLESS_FLAGS = new Set(['', '-', 'DI']);
/** What Envoy writes of an answer that is the pod's own. */
const OF_THE_POD = new Set(['', 'unknown', 'via_upstream']);

const escape = (text: string): string => text.replace(/[.\\+*?[\](){}^$|]/g, '\\\\$&');
const named = ({ services }: TrafficScope): string => services.map(escape).join('|');

/** Statuses of gRPC by which a server says that it failed; the others say that the caller asked for something wrong. */
const GRPC_FAILURES = ['2', '4', '12', '13', '14', '15'];

const ANSWERS = 'envoy_cluster_upstream_rq_xx';
const RETRIED = 'envoy_cluster_retry_upstream_rq_xx';
const CONNECT = 'envoy_cluster_upstream_cx_connect_fail';
const GRPC = GRPC_FAILURES.map((status) => `envoy_cluster_grpc_${status}`);
/** Answers by their code. */
const CODES = 'envoy_cluster_upstream_rq';
/** Answers of the proxy itself, because no endpoint was ready. */
const NO_ENDPOINT = 'envoy_cluster_upstream_cx_none_healthy';
const NAMES = [ANSWERS, RETRIED, CONNECT, CODES, NO_ENDPOINT, ...GRPC];
/** What the application of a pod is sent, also by connections that carry no HTTP. */
const SENT_BYTES = 'envoy_cluster_upstream_cx_tx_bytes_total';
const SENT = [ANSWERS, 'envoy_cluster_upstream_cx_total', SENT_BYTES];

/**
 * Envoy's own counters. It counts an answer that it then tried again apart from the others (`retry_`), and mirrored
 * requests like all others.
 */
const envoy: Flavour = (() => {
  const cluster = (scope: TrafficScope): string =>
    `envoy_cluster_name=~"outbound\\\\|[0-9]+\\\\|.*\\\\|(${named(scope)})\\\\.${escape(scope.namespace)}\\\\.svc.*"`;
  return {
    names: NAMES,
    // Counters without a code have an empty one.
    answers: (scope) =>
      `{__name__=~"${NAMES.join('|')}",envoy_response_code=~"|${DENIALS.join('|')}",${cluster(scope)}}`,
    buckets: (scope) => `envoy_cluster_upstream_rq_time_bucket{${cluster(scope)}}`,
    unrouted: 'envoy_http_no_cluster',
    inbound: {
      names: SENT,
      bytes: SENT_BYTES,
      arrived: ({ namespace, pods }) =>
        `{__name__=~"${SENT.join('|')}",envoy_cluster_name=~"inbound\\\\|.*",namespace="${namespace}",pod=~"${pods.map(escape).join('|')}"}`,
    },
    read: ({ __name__: name = '', envoy_response_code_class: digit }) => {
      if (GRPC.includes(name)) return { counts: 'grpcFailure', isFailure: true, responseClass: '2xx' };
      if (name === CONNECT) return { counts: 'again', isFailure: true, responseClass: 'none' };
      if (name === CODES) return { counts: 'denial', isFailure: false, isDenial: true, responseClass: '4xx' };
      if (name === NO_ENDPOINT)
        return { counts: 'unanswered', isFailure: false, isUnanswered: true, responseClass: 'none' };
      return {
        counts: name === RETRIED ? 'again' : 'answer',
        isFailure: digit === '5',
        responseClass: `${digit ?? '?'}xx`,
      };
    },
  };
})();

const TCP_BYTES = 'istio_tcp_received_bytes_total';
const ARRIVED = ['istio_requests_total', 'istio_tcp_connections_opened_total', TCP_BYTES];

/** Istio's counters: by the callers' proxies, which see no mirrored request, or by those of the pods. */
const istio: Flavour = (() => {
  const destination = (scope: TrafficScope): string =>
    `reporter="${scope.mirrored ? 'destination' : 'source'}",destination_service=~"(${named(scope)})\\\\.${escape(scope.namespace)}(\\\\.svc.*)?"`;
  return {
    names: ['istio_requests_total'],
    answers: (scope) => `istio_requests_total{${destination(scope)}}`,
    buckets: (scope) => `istio_request_duration_milliseconds_bucket{${destination(scope)}}`,
    unrouted: null,
    inbound: {
      names: ARRIVED,
      bytes: TCP_BYTES,
      arrived: ({ namespace, workload }) =>
        `{__name__=~"${ARRIVED.join('|')}",reporter="destination",destination_workload="${workload}",destination_workload_namespace="${namespace}"}`,
    },
    read: (labels) => {
      const { response_code: code = '0', grpc_response_status: status = '' } = labels;
      const { response_flags: flags = '', response_code_details: details = '' } = labels;
      const isUnanswered =
        code === '0' || flags.split(',').some((flag) => !HARMLESS_FLAGS.has(flag)) || !OF_THE_POD.has(details);
      return {
        counts: 'answer',
        isFailure: isUnanswered || code.startsWith('5') || GRPC_FAILURES.includes(status),
        isDenial: !isUnanswered && DENIALS.includes(code),
        isUnanswered,
        responseClass: code === '0' ? 'none' : `${code.charAt(0)}xx`,
      };
    },
  };
})();

/** OpenShift's routers, by server: which are the pods. Labels of theirs that Prometheus gives itself come as `exported_`. */
export const ROUTER_ANSWERS = 'haproxy_server_http_responses_total';
const ofServers = (scope: TrafficScope): string =>
  `exported_namespace="${scope.namespace}",exported_service=~"${named(scope)}"`;
export const routerAnswers = (scope: TrafficScope): string => `${ROUTER_ANSWERS}{${ofServers(scope)}}`;
/** Connections as well: those that are passed through carry no answer that a router reads. */
export const ROUTER_ARRIVED = [ROUTER_ANSWERS, 'haproxy_server_connections_total'];
export const routerArrived = (scope: TrafficScope): string =>
  `{__name__=~"${ROUTER_ARRIVED.join('|')}",${ofServers(scope)}}`;
export const routerSessions = (scope: TrafficScope): string => `haproxy_server_current_sessions{${ofServers(scope)}}`;

/** They know a mean of latencies alone, and hold answers of their own (503) against no server. */
const haproxy: Flavour = {
  names: [ROUTER_ANSWERS],
  answers: routerAnswers,
  buckets: null,
  unrouted: null,
  inbound: null,
  hidesUnanswered: true,
  hidesCopies: true,
  read: ({ code = '' }) => ({ counts: 'answer', isFailure: code === '5xx', responseClass: code || 'none' }),
};

export const FLAVOURS = { istio, envoy, haproxy } as const satisfies Record<string, Flavour>;
export type FlavourName = keyof typeof FLAVOURS;
