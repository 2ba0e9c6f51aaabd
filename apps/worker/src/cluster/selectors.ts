import { isRecord } from '@scc/plan';
import { meetsSetRequirement } from './requirements.js';

type Labels = Readonly<Record<string, string>>;

/** Both sides of a migration, as an object of the cluster can name them. */
export interface Sides {
  stable: Labels;
  canary: Labels;
  namespaceLabels: Labels;
  /** The workload and its Services, by which a reference names the stable side alone. */
  names: readonly { kind: string; name: string }[];
}

const isStrings = (value: unknown): value is Record<string, string> =>
  isRecord(value) && Object.values(value).every((item) => typeof item === 'string');

/** Cilium writes where a label comes from before its key. No key of Kubernetes holds a colon. */
const SOURCE = /^(?:k8s|any):/;
const keyOf = (key: string): string => key.replace(SOURCE, '');

function meets(expression: unknown, labels: Labels): boolean {
  if (!isRecord(expression) || typeof expression['key'] !== 'string') return false;
  const { key, operator, values } = expression;
  return (
    meetsSetRequirement({ key: keyOf(key), operator, values: Array.isArray(values) ? values : [] }, labels) ?? false
  );
}

/** Whether a selector picks labels: a LabelSelector, a map of labels, or one under `labels`; null for anything else. */
export function picks(selector: unknown, labels: Labels): boolean | null {
  if (!isRecord(selector)) return null;
  const { matchLabels, matchExpressions } = selector;
  if (matchLabels === undefined && matchExpressions === undefined) {
    if (isStrings(selector)) return Object.entries(selector).every(([key, value]) => labels[keyOf(key)] === value);
    return isStrings(selector['labels']) ? picks(selector['labels'], labels) : null;
  }
  const expressions: unknown[] = Array.isArray(matchExpressions) ? matchExpressions : [];
  const isMatched = isStrings(matchLabels) ? picks(matchLabels, labels) === true : true;
  return isMatched && expressions.every((expression) => meets(expression, labels));
}

/** Texts in quotes, by one of which a selector in a language of its own may ask for a part of a label's value. */
const quotedIn = (selector: string): string[] =>
  [...selector.matchAll(/'([^']+)'|"([^"]+)"/g)].map(([, one = '', other = '']) => one || other);

/** Whether a selector treats the two sides differently. Of a selector in a language of its own, its words decide. */
function tellsApart(selector: unknown, sides: Pick<Sides, 'stable' | 'canary'>): boolean {
  const { stable, canary } = sides;
  if (typeof selector === 'string')
    return Object.entries(stable).some(
      ([key, value]) =>
        canary[key] !== value &&
        selector.includes(key) &&
        (selector.includes(value) ||
          quotedIn(selector).some((part) => value.endsWith(part) !== (canary[key] ?? '').endsWith(part))),
    );
  if (Array.isArray(selector)) return selector.some((item) => tellsApart(item, sides));
  return picks(selector, stable) !== picks(selector, canary);
}

/** Names of fields that pick pods or name what they belong to, in any kind. */
export const SELECTOR_FIELD = /^(?!node|namespace)\w*selectors?$|^matchLabels$/i;
export const REFERENCE_FIELD = /targetRefs?$/i;

/** The tag by which Kuma's policies say for which Service they are. */
const SERVICE_TAG = 'kuma.io/service';

/** Kuma names a Service by itself, or as NAME_NAMESPACE_svc_PORT. */
const isServiceOfKuma = (text: unknown, { names: all }: Pick<Sides, 'names'>): boolean =>
  typeof text === 'string' &&
  all.some(({ kind, name }) => kind === 'Service' && (text === name || text.startsWith(`${name}_`)));

const names = (reference: unknown, sides: Pick<Sides, 'names'>): boolean => {
  if (Array.isArray(reference)) return reference.some((item) => names(item, sides));
  if (!isRecord(reference)) return false;
  const { kind: said = 'Deployment', name: called } = reference;
  if (said === 'MeshService') return isServiceOfKuma(called, sides);
  // A reference without a kind means a Deployment, where such references are in use.
  return sides.names.some(({ kind, name }) => said === kind && called === name);
};

/** Tags that Kuma gives to pods by itself are no labels of theirs. */
const withoutOwnTags = (tags: Labels): Labels =>
  Object.fromEntries(Object.entries(tags).filter(([key]) => !/^(?:k8s\.)?kuma\.io\//.test(key)));

/** Whether a reference picks pods itself, by tags or labels as Kuma's do, and one of the sides alone. */
function refersByLabels(reference: unknown, sides: Sides): boolean {
  if (Array.isArray(reference)) return reference.some((item) => refersByLabels(item, sides));
  if (!isRecord(reference)) return false;
  const { tags, labels } = reference;
  const of: unknown = isRecord(tags) ? tags['k8s.kuma.io/namespace'] : undefined;
  if (of !== undefined && of !== sides.namespaceLabels['kubernetes.io/metadata.name']) return false;
  if (isRecord(tags) && isServiceOfKuma(tags[SERVICE_TAG], sides)) return true;
  return [tags, labels].some((picked) => isStrings(picked) && tellsApart(withoutOwnTags(picked), sides));
}

/**
 * Whether something in an object concerns the stable side and not the canary: a selector that picks one of them, or a
 * reference to the workload or its Services. Parts that are said of other namespaces are left out.
 */
export function isOfOneSide(value: unknown, sides: Sides): boolean {
  if (Array.isArray(value)) return value.some((item) => isOfOneSide(item, sides));
  if (!isRecord(value)) return false;
  if (picks(value['namespaceSelector'], sides.namespaceLabels) === false) return false;
  return Object.entries(value).some(([key, item]) => {
    if (key === 'namespaceSelector') return false;
    if (REFERENCE_FIELD.test(key)) return names(item, sides) || refersByLabels(item, sides);
    // Tags as they are, in sources, destinations and selectors of Kuma's first policies, and where these send requests.
    if (isStrings(item) && (key === 'match' || item[SERVICE_TAG] !== undefined))
      return refersByLabels({ tags: item }, sides);
    return (SELECTOR_FIELD.test(key) && tellsApart(item, sides)) || isOfOneSide(item, sides);
  });
}

/** Whether something in an object names the workload or its Services as what it is meant for. */
export function refersToOneSide(value: unknown, sides: Pick<Sides, 'names'>): boolean {
  if (Array.isArray(value)) return value.some((item) => refersToOneSide(item, sides));
  if (!isRecord(value)) return false;
  return Object.entries(value).some(([key, item]) =>
    REFERENCE_FIELD.test(key) ? names(item, sides) : refersToOneSide(item, sides),
  );
}

/** The conditions of a VirtualService's routes that ask for labels of the caller's pod. */
const callersAsked = ({ spec }: Readonly<Record<string, unknown>>): Record<string, unknown>[] =>
  ['http', 'tls', 'tcp']
    .flatMap((list): unknown[] => (isRecord(spec) && Array.isArray(spec[list]) ? spec[list] : []))
    .flatMap((route): unknown[] => (isRecord(route) && Array.isArray(route['match']) ? route['match'] : []))
    .filter((match): match is Record<string, unknown> => isRecord(match) && isStrings(match['sourceLabels']));

export const tellsCallersApart = (route: Readonly<Record<string, unknown>>): boolean => callersAsked(route).length > 0;

/** Whether a VirtualService routes what the stable pods of a namespace send in another way than what the canary's do. */
export const routesOneSide = (
  { spec, metadata }: Readonly<Record<string, unknown>>,
  sides: Pick<Sides, 'stable' | 'canary'>,
  namespace: string,
): boolean => {
  const exported: unknown = isRecord(spec) ? spec['exportTo'] : undefined;
  const isOwn = isRecord(metadata) && metadata['namespace'] === namespace;
  const isSeen =
    !Array.isArray(exported) ||
    exported.length === 0 ||
    exported.some((to) => to === '*' || to === namespace || (to === '.' && isOwn));
  const isOfNamespace = (of: unknown): boolean => of === undefined || of === '' || of === namespace;
  return (
    isSeen &&
    callersAsked({ spec }).some(
      ({ sourceLabels, sourceNamespace }) => isOfNamespace(sourceNamespace) && tellsApart(sourceLabels, sides),
    )
  );
};

/** The peers of a NetworkPolicy that are pods of other namespaces than its own. */
export function foreignPeers(spec: unknown): unknown[] {
  if (!isRecord(spec)) return [];
  const rules = ['ingress', 'egress'].flatMap((list): unknown[] => (Array.isArray(spec[list]) ? spec[list] : []));
  const peers = rules.flatMap((rule) =>
    ['from', 'to'].flatMap((list): unknown[] => (isRecord(rule) && Array.isArray(rule[list]) ? rule[list] : [])),
  );
  return peers.filter((peer) => isRecord(peer) && peer['namespaceSelector'] !== undefined);
}
