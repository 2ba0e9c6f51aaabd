import { isRecord, memberKey, type MemberPlace } from '@scc/plan';
import type { ClusterObject } from '@scc/scc/scan';

/** Which workloads call which, as far as their templates name Services in values of env, in args and in commands. */

/** A member names so many others at most; who names more is no single caller. */
const MOST_CALLS = 20;

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const at = (value: unknown, ...path: string[]): unknown =>
  path.reduce<unknown>((found, key) => (isRecord(found) ? found[key] : undefined), value);

const templateOf = (object: ClusterObject): unknown => at(object, 'spec', 'template');

function textsOf(template: unknown): string[] {
  const containers = [...listOf(at(template, 'spec', 'initContainers')), ...listOf(at(template, 'spec', 'containers'))];
  return containers
    .flatMap((container) => [
      ...listOf(at(container, 'env')).map((variable) => at(variable, 'value')),
      ...listOf(at(container, 'args')),
      ...listOf(at(container, 'command')),
    ])
    .filter((text) => typeof text === 'string');
}

/** A host within a text: `//HOST`, `@HOST`, or HOST with a port, alone or in a list. */
const HOST = /(?:^|[\s,;=@]|\/\/)([a-z0-9]([-a-z0-9.]*[a-z0-9])?)(?=$|[\s,;/:?])/g;

/** The Services that a text names from a namespace, as `namespace/name`; words that are no Service's do no harm. */
function* namedIn(text: string, from: string): Generator<string> {
  for (const [, host = ''] of text.matchAll(HOST)) {
    const [name = '', namespace = from, svc = 'svc'] = host.split('.');
    if (svc === 'svc') yield `${namespace}/${name}`;
  }
}

const selects = (selector: unknown, labels: unknown): boolean =>
  isRecord(selector) &&
  Object.keys(selector).length > 0 &&
  Object.entries(selector).every(([key, value]) => at(labels, key) === value);

/** The members that each member calls, by `memberKey`; those that call none are not there. */
export function callsAmong(
  members: readonly MemberPlace[],
  objects: readonly ClusterObject[],
): ReadonlyMap<string, string[]> {
  const wanted = new Set(members.map(memberKey));
  const placed = objects.flatMap((object) => {
    const { namespace, name } = object.metadata;
    const key = memberKey({ namespace: namespace ?? '', kind: object.kind, name });
    return wanted.has(key) ? [{ key, namespace: namespace ?? '', template: templateOf(object) }] : [];
  });
  const inNamespace = Map.groupBy(placed, ({ namespace }) => namespace);
  const behind = new Map<string, string[]>();
  for (const { kind, metadata, ...object } of objects) {
    if (kind !== 'Service' || metadata.namespace == null) continue;
    const picked = (inNamespace.get(metadata.namespace) ?? []).filter(({ template }) =>
      selects(at(object, 'spec', 'selector'), at(template, 'metadata', 'labels')),
    );
    behind.set(
      `${metadata.namespace}/${metadata.name}`,
      picked.map(({ key }) => key),
    );
  }
  return new Map(
    placed.flatMap(({ key, namespace, template }): [string, string[]][] => {
      const services = textsOf(template).flatMap((text) => [...namedIn(text, namespace)]);
      const called = new Set(services.flatMap((service) => behind.get(service) ?? []));
      called.delete(key);
      return called.size === 0 ? [] : [[key, [...called].sort().slice(0, MOST_CALLS)]];
    }),
  );
}
