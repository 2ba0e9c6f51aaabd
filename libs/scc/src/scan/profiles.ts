import { z } from 'zod';
import { type ClusterObject, groupOf } from './objects.js';
import type { SeenNeed } from './report.js';

/** Profiles of what containers did, which Kubescape writes where it is installed. */
const GROUP = 'spdx.softwarecomposition.kubescape.io';
const LABEL = {
  kind: 'kubescape.io/workload-kind',
  name: 'kubescape.io/workload-name',
  namespace: 'kubescape.io/workload-namespace',
  container: 'kubescape.io/workload-container-name',
};
const STATUS = 'kubescape.io/status';
const COMPLETION = 'kubescape.io/completion';

/** Their storage lists them without what they hold, unless this version is asked for. */
export const PROFILE_KINDS = [
  { apiVersion: `${GROUP}/v1beta1`, kind: 'ContainerProfile', resourceVersion: 'fullSpec' },
] as const;

const names = z.array(z.string()).nullish();
const ofContainer = z.looseObject({ spec: z.looseObject({ capabilities: names }) });
const ofWorkload = z.looseObject({
  spec: z.looseObject({
    containers: z.array(z.looseObject({ name: z.string(), capabilities: names })).nullish(),
    initContainers: z.array(z.looseObject({ name: z.string(), capabilities: names })).nullish(),
  }),
});

/** Whether an object is a profile of a workload that runs. */
export const isProfile = ({ apiVersion, kind }: Pick<ClusterObject, 'apiVersion' | 'kind'>): boolean =>
  groupOf(apiVersion) === GROUP && ['ContainerProfile', 'ApplicationProfile'].includes(kind);

/** What each container was checked for. */
function checkedIn(object: ClusterObject): { container: string; capabilities: string[] }[] {
  if (object.kind === 'ContainerProfile') {
    const container = object.metadata.labels?.[LABEL.container];
    const found = ofContainer.safeParse(object).data?.spec.capabilities;
    return container === undefined ? [] : [{ container, capabilities: found ?? [] }];
  }
  const { containers, initContainers } = ofWorkload.safeParse(object).data?.spec ?? {};
  return [...(initContainers ?? []), ...(containers ?? [])].map(({ name, capabilities }) => ({
    container: name,
    capabilities: capabilities ?? [],
  }));
}

/** A profile without all that a scan does not look at: it may hold every file that a container ever opened. */
export function withoutRecords(object: ClusterObject): ClusterObject {
  const { apiVersion, kind, metadata } = object;
  const checked = checkedIn(object);
  const spec =
    kind === 'ContainerProfile'
      ? { capabilities: checked[0]?.capabilities ?? [] }
      : { containers: checked.map(({ container, capabilities }) => ({ name: container, capabilities })) };
  return { apiVersion, kind, metadata, spec };
}

const keyOf = (namespace: string, kind: string, name: string): string => `${namespace}|${kind.toLowerCase()}|${name}`;

/** What profiles show of workloads. */
export type Profiles = (workload: { namespace: string; kind: string; name: string }) => SeenNeed[];

/** The profiles among the objects, by the workload that their labels name. */
export function profilesIn(objects: readonly ClusterObject[], fallback: string): Profiles {
  const found = new Map<string, SeenNeed[]>();
  for (const object of objects.filter(isProfile)) {
    const { name, labels, annotations, namespace } = object.metadata;
    const [kind, workload] = [labels?.[LABEL.kind], labels?.[LABEL.name]];
    if (kind === undefined || workload === undefined) continue;
    const key = keyOf(labels?.[LABEL.namespace] ?? namespace ?? fallback, kind, workload);
    const seen = checkedIn(object).map(({ container, capabilities }): SeenNeed => ({
      source: 'profile',
      container,
      profile: `${object.kind} ${name}`,
      status: annotations?.[STATUS] ?? '',
      fromStart: annotations?.[COMPLETION] === 'complete',
      checked: [...new Set(capabilities)].sort(),
    }));
    found.set(key, [...(found.get(key) ?? []), ...seen]);
  }
  return ({ namespace, kind, name }) => found.get(keyOf(namespace, kind, name)) ?? [];
}
