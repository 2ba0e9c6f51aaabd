import { isRecord, memberKey, type MemberPlace } from '@scc/plan';
import type { ClusterObject } from '@scc/scc/scan';

/**
 * Which workloads call which, as far as they name Services: in args, in commands, in values of env and in ConfigMaps that
 * env is taken from or that are mounted.
 */

/** A member names so many others at most; who names more is no single caller. */
const MOST_CALLS = 20;

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const at = (value: unknown, ...path: string[]): unknown =>
  path.reduce<unknown>((found, key) => (isRecord(found) ? found[key] : undefined), value);

const templateOf = (object: ClusterObject): unknown => at(object, 'spec', 'template');

/** The data of the ConfigMaps that a template uses, by name. */
type DataOf = (configMap: string) => Readonly<Record<string, unknown>>;

const containersIn = (template: unknown): unknown[] => [
  ...listOf(at(template, 'spec', 'initContainers')),
  ...listOf(at(template, 'spec', 'containers')),
];
const isText = (value: unknown): value is string => typeof value === 'string';

/** The ConfigMaps that a template takes env from. */
const forEnv = (container: unknown): { name: unknown; key: unknown }[] => [
  ...listOf(at(container, 'envFrom')).map((from) => ({ name: at(from, 'configMapRef', 'name'), key: undefined })),
  ...listOf(at(container, 'env')).map((variable) => ({
    name: at(variable, 'valueFrom', 'configMapKeyRef', 'name'),
    key: at(variable, 'valueFrom', 'configMapKeyRef', 'key'),
  })),
];

/** The ConfigMaps that a template mounts. */
const mounted = (template: unknown): unknown[] =>
  listOf(at(template, 'spec', 'volumes')).flatMap((volume) => [
    at(volume, 'configMap', 'name'),
    ...listOf(at(volume, 'projected', 'sources')).map((source) => at(source, 'configMap', 'name')),
  ]);

/** The names of the ConfigMaps that a template uses. */
const usedBy = (template: unknown): string[] => [
  ...new Set(
    [
      ...containersIn(template).flatMap((container) => forEnv(container).map(({ name }) => name)),
      ...mounted(template),
    ].filter(isText),
  ),
];

function textsOf(template: unknown, dataOf: DataOf): string[] {
  const values = containersIn(template).flatMap((container) => [
    ...listOf(at(container, 'env')).map((variable) => at(variable, 'value')),
    ...listOf(at(container, 'args')),
    ...listOf(at(container, 'command')),
    ...forEnv(container).flatMap(({ name, key }) => {
      const data = isText(name) ? dataOf(name) : {};
      return isText(key) ? [data[key]] : Object.values(data);
    }),
  ]);
  return values.filter(isText);
}

const filesOf = (template: unknown, dataOf: DataOf): string[] =>
  mounted(template)
    .filter(isText)
    .flatMap((name) => Object.values(dataOf(name)))
    .filter(isText);

/** A host within a text: `//HOST`, `@HOST`, or HOST with a port, alone or in a list. */
const HOST = /(?:^|[\s,;=@]|\/\/)([a-z0-9]([-a-z0-9.]*[a-z0-9])?)(?=$|[\s,;/:?])/g;

/** A host within a file, where plain words say much else: `//HOST`, `@HOST`, HOST with a port, or HOST.svc. */
const HOST_IN_FILE =
  /(?<=\/\/|@)[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?|(?<![-a-z0-9.])[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?(?=:\d)|(?<![-a-z0-9.])[a-z0-9][-a-z0-9]*\.[a-z0-9][-a-z0-9]*\.svc(?![-a-z0-9])/g;

/** The Services that hosts name from a namespace, as `namespace/name`; words that are no Service's do no harm. */
function* servicesOf(hosts: Iterable<string>, from: string): Generator<string> {
  for (const host of hosts) {
    const [name = '', namespace = from, svc = 'svc'] = host.split('.');
    if (svc === 'svc') yield `${namespace}/${name}`;
  }
}

const selects = (selector: unknown, labels: unknown): boolean =>
  isRecord(selector) &&
  Object.keys(selector).length > 0 &&
  Object.entries(selector).every(([key, value]) => at(labels, key) === value);

const hostsIn = (texts: readonly string[], files: readonly string[]): string[] => [
  ...texts.flatMap((text) => [...text.matchAll(HOST)].map(([, host = '']) => host)),
  ...files.flatMap((text) => text.match(HOST_IN_FILE) ?? []),
];

/** The ConfigMaps that members use: those of their namespace whose contents say whom they call. */
export function configMapsOf(
  members: readonly MemberPlace[],
  objects: readonly ClusterObject[],
): { namespace: string; name: string }[] {
  const wanted = new Set(members.map(memberKey));
  const used = objects.flatMap((object) => {
    const { namespace, name } = object.metadata;
    const place = { namespace: namespace ?? '', kind: object.kind, name };
    return wanted.has(memberKey(place)) ? usedBy(templateOf(object)).map((one) => `${place.namespace}/${one}`) : [];
  });
  return [...new Set(used)].map((key) => {
    const [namespace = '', name = ''] = key.split('/');
    return { namespace, name };
  });
}

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
  const data = new Map(
    objects
      .filter(({ kind }) => kind === 'ConfigMap')
      .map(({ metadata, ...object }) => [`${metadata.namespace ?? ''}/${metadata.name}`, at(object, 'data')]),
  );
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
      const dataOf: DataOf = (name) => {
        const found = data.get(`${namespace}/${name}`);
        return isRecord(found) ? found : {};
      };
      const hosts = hostsIn(textsOf(template, dataOf), filesOf(template, dataOf));
      const services = [...servicesOf(hosts, namespace)];
      const called = new Set(services.flatMap((service) => behind.get(service) ?? []));
      called.delete(key);
      return called.size === 0 ? [] : [[key, [...called].sort().slice(0, MOST_CALLS)]];
    }),
  );
}
