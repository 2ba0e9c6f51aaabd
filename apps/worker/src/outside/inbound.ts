import type { Counters } from './counter-queries.js';
import { increaseOf, sumOf, type CounterSeries, type Labels } from './counters.js';
import type { Flavour, InboundScope } from './flavours.js';

/** What the own proxies of a workload's pods counted over the last moments. */
export interface InboundSeen {
  /** Requests and new connections that arrived. */
  requests: number;
  /** Connections that stand carried bytes. */
  hasBytes: boolean;
  /** Over which stretch, in milliseconds. */
  overMs: number;
  /** How many pods count. */
  pods: number;
  /** The callers, as their certificates say: NAMESPACE/NAME, or `unknown`. */
  callers: string[];
}

/** Silence is no shorter than this, and than two scrapes, in milliseconds. */
const QUIET_MS = 10_000;
const SCRAPES = 2;
const MAX_CALLERS = 3;

interface Asked {
  counters: Counters;
  flavour: Flavour;
  /** A moment of ours by the clock that stamps the samples, and that clock's now. */
  theirs: (namespace: string, sinceMs: number) => Promise<{ namespace: string; sinceMs: number; nowMs: number }>;
}

const callerOf = ({ labels }: CounterSeries): string => {
  const { source_workload: name = 'unknown', source_workload_namespace: namespace = 'unknown' } = labels;
  return name === 'unknown' ? name : `${namespace}/${name}`;
};

/** Which pod of the workload counts, by the labels of its scrape; a pod that is gone is none of them. */
const counterOf = ({ pod, instance }: Labels, { pods }: InboundScope): string | undefined =>
  pod === undefined || pods.includes(pod) ? (pod ?? instance) : undefined;

/** Requests that arrive at the pods of a workload, whoever sends them; null where no counter of theirs was scraped. */
export async function inboundOf(
  { counters, flavour, theirs }: Asked,
  scope: InboundScope,
): Promise<InboundSeen | null> {
  const { inbound } = flavour;
  if (!inbound || scope.pods.length === 0) return null;
  const selector = inbound.arrived(scope);
  const scrapeMs = ((await counters.interval(selector, scope.namespace)) ?? 0) * 1000;
  const overMs = Math.max(QUIET_MS, SCRAPES * scrapeMs);
  const when = await theirs(scope.namespace, Date.now() - overMs);
  const series = await counters.series(selector, inbound.names, when);
  if (series.length === 0) return null;
  const isOfBytes = ({ labels }: CounterSeries): boolean => labels['__name__'] === inbound.bytes;
  const arrived = series.filter((one) => !isOfBytes(one));
  const busy = series.filter((one) => increaseOf(one) > 0);
  return {
    requests: sumOf(arrived),
    hasBytes: busy.some(isOfBytes),
    overMs,
    pods: new Set(series.flatMap(({ labels }) => counterOf(labels, scope) ?? [])).size,
    callers: [...new Set(busy.map(callerOf))].toSorted().slice(0, MAX_CALLERS),
  };
}
