import { isRecord } from '@scc/plan';
import { picks } from '../cluster/selectors.js';

/**
 * Which nodes required affinity between pods leaves to a pod. What is not understood here excludes no node: the
 * scheduler has the last word.
 */

type Labels = Readonly<Record<string, string>>;

/** A pod as terms of affinity see it. */
export interface Standing {
  namespace: string;
  labels: Labels;
  spec: unknown;
}
/** A node with what runs on it, and how many more of the pods it has resources for. */
export interface NodePlace {
  labels: Labels;
  running: readonly Standing[];
  room: number;
}

interface Term {
  topologyKey: string;
  /** Whether it means this pod, which is another one than its own. */
  means: (pod: Standing) => boolean;
  /** Whether it means pods that are made like its own. */
  meansOwnKind: boolean;
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const stringsOf = (value: unknown): string[] => listOf(value).filter((item) => typeof item === 'string');

function termsOf({ namespace, labels, spec }: Standing, kind: 'podAffinity' | 'podAntiAffinity'): Term[] {
  const affinity = isRecord(spec) ? spec['affinity'] : undefined;
  const part = isRecord(affinity) ? affinity[kind] : undefined;
  const required = isRecord(part) ? listOf(part['requiredDuringSchedulingIgnoredDuringExecution']) : [];
  return required.flatMap((term) => {
    if (!isRecord(term) || typeof term['topologyKey'] !== 'string') return [];
    const { topologyKey, labelSelector, namespaceSelector, matchLabelKeys, mismatchLabelKeys } = term;
    if (namespaceSelector != null || listOf(mismatchLabelKeys).length > 0) return [];
    const named = stringsOf(term['namespaces']);
    const isThere = (at: string): boolean => (named.length === 0 ? [namespace] : named).includes(at);
    // Without a selector a term means no pod.
    const meets = (pod: Labels): boolean => labelSelector != null && picks(labelSelector, pod) === true;
    // By labels such as the hash of the template, only pods that are made like this one are meant.
    const isOfOwnKind = listOf(matchLabelKeys).length > 0;
    return [
      {
        topologyKey,
        means: (pod: Standing) => !isOfOwnKind && isThere(pod.namespace) && meets(pod.labels),
        meansOwnKind: isThere(namespace) && meets(labels),
      },
    ];
  });
}

/** The values of a node's label that a pod with a term must not, or has to, stand beside. */
function domainsWith(places: readonly NodePlace[], key: string, test: (pod: Standing) => boolean): ReadonlySet<string> {
  const found = places.filter(({ running }) => running.some(test)).map(({ labels }) => labels[key]);
  return new Set(found.filter((value) => value !== undefined));
}

const isIn = ({ labels }: NodePlace, key: string, domains: ReadonlySet<string>): boolean => {
  const value = labels[key];
  return value !== undefined && domains.has(value);
};

/** Nodes that a pod may not use because of what runs there, by its own words or by theirs. */
function isKeptAway(pod: Standing, places: readonly NodePlace[]): (place: NodePlace) => boolean {
  const own = termsOf(pod, 'podAntiAffinity').map(({ topologyKey, means }) => ({
    key: topologyKey,
    domains: domainsWith(places, topologyKey, means),
  }));
  const keys = new Set(
    places.flatMap(({ running }) =>
      running.flatMap((other) => termsOf(other, 'podAntiAffinity').map(({ topologyKey }) => topologyKey)),
    ),
  );
  const theirs = [...keys].map((key) => ({
    key,
    domains: domainsWith(places, key, (other) =>
      termsOf(other, 'podAntiAffinity').some(({ topologyKey, means }) => topologyKey === key && means(pod)),
    ),
  }));
  return (place) => [...own, ...theirs].some(({ key, domains }) => isIn(place, key, domains));
}

/** Nodes beside what a pod has to stand with; the first of a kind may stand where there is none of it yet. */
function isDrawnTo(pod: Standing, places: readonly NodePlace[]): (place: NodePlace) => boolean {
  const wanted = termsOf(pod, 'podAffinity').flatMap(({ topologyKey, means, meansOwnKind }) => {
    const domains = domainsWith(places, topologyKey, means);
    return domains.size === 0 && meansOwnKind ? [] : [{ key: topologyKey, domains }];
  });
  return (place) => wanted.every(({ key, domains }) => isIn(place, key, domains));
}

/**
 * How many pods like this one the nodes have room for.
 * @param places the nodes that take such pods, and `all` the nodes whose pods they may be kept from
 */
export function roomBeside(pod: Standing, places: readonly NodePlace[], all: readonly NodePlace[] = places): number {
  const [isBarred, isNear] = [isKeptAway(pod, all), isDrawnTo(pod, all)];
  const open = places.filter((place) => !isBarred(place) && isNear(place));
  const total = (some: readonly NodePlace[]): number => some.reduce((sum, { room }) => sum + room, 0);
  // Pods that keep apart from their own kind are one to each value of the label at most.
  const apart = termsOf(pod, 'podAntiAffinity').filter(({ meansOwnKind }) => meansOwnKind);
  const bounds = apart.map(({ topologyKey }) => {
    const free = open.filter(({ labels }) => labels[topologyKey] === undefined);
    const domains = Map.groupBy(open, ({ labels }) => labels[topologyKey]);
    const taken = [...domains].filter(([value, some]) => value !== undefined && total(some) > 0);
    return total(free) + taken.length;
  });
  return Math.min(total(open), ...bounds);
}
