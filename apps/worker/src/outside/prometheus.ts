import type { RouterCounters } from '@scc/openshift-route';
import { type MetricGate, SERVICES_IN_QUERY, type SideFigures, type TrafficSummary } from '@scc/plan';
import { plural } from '@scc/plan/words';
import { followTrust, HttpClient, messageOf, credentialIn } from '@scc/runtime';
import { setTimeout as delay } from 'node:timers/promises';
import { PrometheusClock } from './clock.js';
import { sumOf } from './counters.js';
import { Counters, type When, type Yielded } from './counter-queries.js';
import { FLAVOURS, type Flavour, type FlavourName, type InboundScope, type TrafficScope } from './flavours.js';
import { inboundOf, type InboundSeen } from './inbound.js';
import { bucketsOf, excessDenials, plus, quantileOf, tallyOf, rankedOf, type AnswerTally } from './tally.js';
import { REFUSALS } from './refusals.js';
import { sideFigures } from './side-figures.js';
import { routerCounters } from './routers.js';
import { numberOf, singleOf, yieldedIn } from './yielded.js';

/** A number with what it rests on, or why there is none. No data is an answer of its own. */
export type MetricReading =
  { value: number; of?: string } | { noData: string; isQuiet?: boolean } | { noData: string; isUnjudged: true };

/** A migration's two sides, as their requests are counted. */
export interface SummaryScope {
  namespace: string;
  stable: string[];
  canary: string[];
  /** Milliseconds since the epoch: when the migration began, and when the canary got its first live request. */
  sinceMs: number;
  liveMs: number;
}

export interface MetricSource {
  /** Whether answers hold nothing but the namespace that they were asked for. */
  isConfined: boolean;
  /** Whether latencies are counted so that a share of them can be told; absent: they are. */
  knowsLatency?: boolean;
  /** Whether copies of requests are counted; absent: they are. */
  countsCopies?: boolean;
  /** Asks something that every Prometheus can answer, or the query itself. @throws PrometheusRefuses | Error */
  check: (namespace: string, query?: string) => Promise<void>;
  /** One sample of a gate over the traffic since `sinceMs` (milliseconds since the epoch). */
  read: (
    gate: Pick<MetricGate, 'preset' | 'query' | 'web'>,
    scope: TrafficScope,
    sinceMs: number,
  ) => Promise<MetricReading>;
  /** Waits until the counters were scraped after `afterMs`, for as long as two scrapes may take. */
  settled: (scope: TrafficScope, afterMs: number) => Promise<void>;
  /** Requests of a migration; null when they are not counted. */
  summarize: (scope: SummaryScope) => Promise<TrafficSummary | null>;
  /** Requests per second over the last minutes; null when unknown. */
  rate: (scope: TrafficScope) => Promise<number | null>;
  /** What the callers of a scope met since `sinceMs`; absent: nothing tells the sides apart. */
  figures?: (scope: TrafficScope, sinceMs: number) => Promise<SideFigures>;
  /** What arrived at the pods of a workload over the last moments; null when their proxies are not scraped. */
  inbound?: (scope: InboundScope) => Promise<InboundSeen | null>;
  /** What OpenShift's routers count, whichever flavour the mesh has. */
  routers?: RouterCounters;
}

const RATE_MS = 120_000;
/** How long back the other side's answers are looked at for a comparison, in milliseconds. */
export const BASELINE_MS = 3_600_000;
/** How far back a proxy that counts is known by its counters, in seconds. */
const LOOKBACK_S = 300;
/** How long a scrape is waited for at most, and how often is looked, in milliseconds. */
const SETTLE_MS = 65_000;
const SETTLE_POLL_MS = 500;
/** Proxies that a proof lists one by one. */
const MAX_PROXIES = 50;

/** Prometheus answers and does not let this installation ask: waiting does not help. */
export class PrometheusRefuses extends Error {
  override readonly name = 'PrometheusRefuses';
}

/** Prometheus does not answer, or not as it should. */
export class PrometheusAway extends Error {
  override readonly name = 'PrometheusAway';
}

export interface PrometheusOptions {
  /** Its base, of which a path is kept. */
  url: string;
  flavour: FlavourName;
  caFile?: string | undefined;
  /** A file with a bearer token, read at every question. */
  tokenFile?: string | undefined;
  headers?: Record<string, string>;
  /** The query parameter by which a proxy confines answers to a namespace. */
  namespaceParameter?: string | undefined;
}

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 16 * 1024 * 1024;
/** Statuses of 4xx that pass. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);
const ELSEWHERE = 'it leads elsewhere, as to a login; no redirect is followed (PROMETHEUS_URL, PROMETHEUS_TOKEN_FILE)';

/** Why asking again does not help, by the status of an answer; undefined where it may. */
function refusalOf(status: number): string | undefined {
  if (status >= 300 && status < 400) return ELSEWHERE;
  if (status < 400 || status >= 500 || PASSING.has(status)) return undefined;
  return REFUSALS.get(status) ?? 'the query API is not reached like this (PROMETHEUS_URL)';
}

/** Reads gates and proofs from Prometheus. */
export function prometheusMetrics(options: PrometheusOptions): MetricSource {
  const flavour: Flavour = FLAVOURS[options.flavour];
  const { namespaceParameter, tokenFile } = options;
  const { current, forget } = followTrust({ caFile: options.caFile });
  const http = new HttpClient({ trust: current, untrusted: forget, maxBytes: MAX_BYTES });
  const base = options.url.replace(/\/$/, '');

  const answerTo = async (query: string, namespace: string, atMs?: number): Promise<Yielded[]> => {
    const url = new URL(`${base}/api/v1/query`);
    url.searchParams.set('query', query);
    url.searchParams.set('timeout', `${TIMEOUT_MS / 1000}s`);
    if (atMs !== undefined) url.searchParams.set('time', (atMs / 1000).toFixed(3));
    if (namespaceParameter !== undefined) url.searchParams.set(namespaceParameter, namespace);
    const { status, text } = await http
      .send({
        method: 'GET',
        url,
        timeoutMs: TIMEOUT_MS,
        headers: {
          accept: 'application/json',
          ...options.headers,
          ...(tokenFile === undefined ? {} : { authorization: `Bearer ${await credentialIn(tokenFile)}` }),
        },
      })
      .catch((error: unknown) => {
        throw new PrometheusAway(`Prometheus does not answer: ${messageOf(error)}`, { cause: error });
      });
    const refusal = refusalOf(status);
    if (refusal !== undefined) throw new PrometheusRefuses(`Prometheus answered ${status}: ${refusal}`);
    if (status !== 200) throw new PrometheusAway(`Prometheus answered ${status}`);
    const yielded = yieldedIn(text);
    if (!yielded) throw new PrometheusRefuses('Prometheus answered in a form that is not known (PROMETHEUS_URL)');
    return yielded;
  };
  const counters = new Counters(answerTo);
  const clock = new PrometheusClock(answerTo);
  /** A moment of ours by the clock that stamps the samples, and that clock's now. */
  const theirs = async (namespace: string, sinceMs: number) => {
    const aheadMs = await clock.aheadMs(namespace);
    return { namespace, sinceMs: sinceMs + aheadMs, nowMs: Date.now() + aheadMs };
  };
  const tally = async (scope: TrafficScope, sinceMs: number): Promise<AnswerTally | null> => {
    if (scope.services.length === 0) return null;
    const series = await counters.series(flavour.answers(scope), flavour.names, await theirs(scope.namespace, sinceMs));
    return series.length === 0 ? null : tallyOf(series, flavour);
  };
  const buckets = async (scope: TrafficScope, sinceMs: number) =>
    flavour.buckets
      ? bucketsOf(await counters.series(flavour.buckets(scope), [], await theirs(scope.namespace, sinceMs)))
      : [];

  return {
    isConfined: namespaceParameter !== undefined,
    knowsLatency: flavour.buckets !== null,
    countsCopies: !flavour.hidesCopies,
    check: async (namespace, query = 'vector(1)') => {
      await answerTo(queryFor(query, ['none']), namespace);
    },
    read: async (gate, scope, sinceMs) => {
      switch (gate.preset) {
        case undefined:
          return singleOf(await answerTo(queryFor(gate.query ?? '', scope.services), scope.namespace));
        case 'request-success-rate': {
          const when = await theirs(scope.namespace, sinceMs);
          const [own, sight] = await Promise.all([
            tally(scope, sinceMs),
            sightOf(answerTo, flavour.answers(scope), when),
          ]);
          const other = own?.denied ? await besideOf(tally, scope) : null;
          return successOf(own, own ? excessDenials(own, other) : 0, sight);
        }
        case 'request-duration-p99': {
          return latencyOf(await buckets(scope, sinceMs));
        }
      }
    },
    settled: async (scope, afterMs) => {
      const query = `max(timestamp(${flavour.answers(scope)}))`;
      const endMs = Date.now() + SETTLE_MS;
      const { sinceMs: wantedMs } = await theirs(scope.namespace, afterMs);
      for (;;) {
        const newest = (await answerTo(query, scope.namespace))[0]?.value?.[1];
        // Without a series there is nothing to wait for.
        if (newest === undefined || Number(newest) * 1000 >= wantedMs || Date.now() >= endMs) return;
        await delay(SETTLE_POLL_MS);
      }
    },
    summarize: async ({ namespace, stable, canary, sinceMs, liveMs }) => {
      const [own, live, copies] = await Promise.all([
        tally({ namespace, services: stable }, sinceMs),
        tally({ namespace, services: canary }, liveMs),
        mirroredOf(tally, { namespace, services: canary, mirrored: true }, { sinceMs, liveMs }),
      ]);
      const both = own && live ? plus(own, live) : (own ?? live);
      if (!both) return null;
      const scope = { namespace, services: [...stable, ...canary] };
      const workload = { namespace, services: stable };
      const before = both.denied ? await deniedBefore(tally, workload, { sinceMs, since: own }) : null;
      const failed = Math.min(both.requests, both.failed + excessDenials(both, before));
      const [latency, unrouted, interval] = await Promise.all([
        buckets(scope, sinceMs),
        unroutedSince(counters, flavour, await theirs(namespace, sinceMs)),
        counters.interval(flavour.answers(scope), namespace),
      ]);
      return {
        requests: both.requests + (unrouted ?? 0),
        failed: failed + (unrouted ?? 0),
        p50Ms: quantileOf(latency, 0.5),
        p99Ms: quantileOf(latency, 0.99),
        mirrored: copies,
        unanswered: unrouted === null && both.unanswered === 0 ? null : both.unanswered + (unrouted ?? 0),
        scrapeSeconds: interval,
        byClass: both.byClass,
        byProxy: Object.fromEntries(Object.entries(both.byProxy).slice(0, MAX_PROXIES)),
      };
    },
    rate: async (scope) => {
      const counted = await tally(scope, Date.now() - RATE_MS);
      return counted && (counted.requests * 1000) / RATE_MS;
    },
    figures: async (scope, sinceMs) =>
      sideFigures(await tally(scope, sinceMs), await buckets(scope, sinceMs), Date.now() - sinceMs),
    inbound: (scope) => inboundOf({ counters, flavour, theirs }, scope),
    routers: routerCounters({ answerTo, counters, theirs }),
  };
}

const noRequest: MetricReading = { noData: 'no request was counted', isQuiet: true };

/** Proxies that count requests to a scope and cannot be scraped now, and whether any of the others can. */
interface Sight {
  down: number;
  isBlind: boolean;
}

/** Counters that stand still are no sign of rest while those who count cannot be asked. */
async function sightOf(
  ask: (query: string, namespace: string) => Promise<Yielded[]>,
  selector: string,
  { namespace, sinceMs, nowMs }: When,
): Promise<Sight> {
  const spanS = Math.max(1, Math.ceil((nowMs - sinceMs) / 1000)) + LOOKBACK_S;
  const counted = `last_over_time(${selector}[${spanS}s])`;
  const [sum] = await ask(`sum((1 - up) and on (job, instance) ${counted})`, namespace);
  const down = numberOf(sum?.value?.[1]) || 0;
  if (down === 0) return { down, isBlind: false };
  const [live] = await ask(`count(${selector})`, namespace);
  return { down, isBlind: !((numberOf(live?.value?.[1]) || 0) > 0) };
}

const unscraped = (down: number): string =>
  `Prometheus cannot scrape ${plural(down, 'target')} that counted these requests (up is 0)`;

function successOf(tally: AnswerTally | null, excess: number, { down, isBlind }: Sight): MetricReading {
  const isNothing = tally === null || tally.tries === 0;
  if (down > 0 && (isNothing || isBlind))
    return { noData: `whether requests fail is not seen: ${unscraped(down)}`, isUnjudged: true };
  if (isNothing) return noRequest;
  const { tries } = tally;
  const failed = Math.min(tries, tally.failedTries + excess);
  const denied = excess > 0 ? `, ${excess} of them denied (401, 403, 429) unlike by the other side` : '';
  const partly = down > 0 ? `; ${unscraped(down)}` : '';
  return { value: 100 * (1 - failed / tries), of: `${failed} of ${tries} failed${denied}${partly}` };
}

/** Of answers that took longer than the largest bucket, nothing says how long they took. */
function latencyOf(buckets: ReturnType<typeof bucketsOf>): MetricReading {
  const tail = rankedOf(buckets, 0.99);
  if (tail === null) return noRequest;
  return tail.isOpen
    ? { value: Infinity, of: `more than 1 % of the answers took longer than the largest bucket, ${tail.value} ms` }
    : { value: tail.value };
}

type Tallying = (scope: TrafficScope, sinceMs: number) => Promise<AnswerTally | null>;

/** The recent answers of the other side. */
const besideOf = async (tally: Tallying, { namespace, beside }: TrafficScope): Promise<AnswerTally | null> =>
  beside === undefined ? null : tally({ namespace, services: beside }, Date.now() - BASELINE_MS);

/** Requests that the workload denied its callers before the migration began. */
async function deniedBefore(
  tally: Tallying,
  scope: TrafficScope,
  { sinceMs, since }: { sinceMs: number; since: AnswerTally | null },
): Promise<Pick<AnswerTally, 'denied' | 'tries'> | null> {
  const all = await tally(scope, sinceMs - BASELINE_MS);
  return all && { denied: all.denied - (since?.denied ?? 0), tries: all.tries - (since?.tries ?? 0) };
}

/** A gate's own query for the Services of one side, whose names are safe in an expression of PromQL. */
const queryFor = (query: string, services: readonly string[]): string =>
  query.replaceAll(SERVICES_IN_QUERY, () => services.join('|'));

/** Copies that the canary got before its first live request. */
async function mirroredOf(
  tally: Tallying,
  scope: TrafficScope,
  { sinceMs, liveMs }: { sinceMs: number; liveMs: number },
): Promise<number> {
  const [all, live] = await Promise.all([tally(scope, sinceMs), tally(scope, liveMs)]);
  return Math.max(0, (all?.requests ?? 0) - (live?.requests ?? 0));
}

/** Requests that proxies had no destination for; null where nothing counts them apart. */
async function unroutedSince(
  counters: Counters,
  { unrouted, hidesUnanswered }: Flavour,
  when: When,
): Promise<number | null> {
  if (hidesUnanswered) return null;
  // Istio counts them among the requests to a host, with a response flag.
  if (unrouted === null) return 0;
  const series = await counters.series(unrouted, [unrouted], when);
  return series.length === 0 ? null : sumOf(series);
}

/** Without a Prometheus nothing is known, and every gate says so. */
export const noMetrics: MetricSource = {
  isConfined: true,
  check: () => Promise.reject(new PrometheusRefuses('no Prometheus is configured (PROMETHEUS_URL)')),
  read: () => Promise.resolve({ noData: 'no Prometheus is configured (PROMETHEUS_URL)' }),
  settled: () => Promise.resolve(),
  summarize: () => Promise.resolve(null),
  rate: () => Promise.resolve(null),
};
