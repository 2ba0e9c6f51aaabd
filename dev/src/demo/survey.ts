import { z } from 'zod';
import type { ClusterApi } from '../cluster/api.js';
import { userFields, type Snapshot } from './objects.js';

/** Objects that controllers make of others, and that live shorter than a scenario; plans are looked at apart. */
const DERIVED = new Set([
  ...['Event', 'Pod', 'ReplicaSet', 'ControllerRevision', 'Endpoints', 'EndpointSlice', 'Lease'],
  ...['SCCMigrationPlan', 'PodMetrics', 'ComponentStatus', 'Node', 'CSINode', 'APIService'],
]);

const groupsSchema = z.looseObject({
  groups: z.array(
    z.looseObject({
      name: z.string(),
      versions: z.array(z.looseObject({ groupVersion: z.string() })),
      preferredVersion: z.looseObject({ groupVersion: z.string() }),
    }),
  ),
});
const resourcesSchema = z.looseObject({
  resources: z.array(
    z.looseObject({ name: z.string(), kind: z.string(), namespaced: z.boolean(), verbs: z.array(z.string()) }),
  ),
});

interface Resource {
  kind: string;
  /** The path of its list, in the namespace or in the cluster. */
  path: string;
}

/** Every kind of the API server, extensions included, that holds what users set: none can be forgotten. */
export async function findResources(api: ClusterApi, namespace: string): Promise<Resource[]> {
  const { groups } = groupsSchema.parse(await api.get('/apis'));
  const roots = [
    '/api/v1',
    ...groups.flatMap(({ preferredVersion, versions }) => {
      const others = versions.filter(({ groupVersion }) => groupVersion !== preferredVersion.groupVersion);
      return [preferredVersion, ...others].map(({ groupVersion }) => `/apis/${groupVersion}`);
    }),
  ];
  const lists = await Promise.all(
    roots.map(async (root) => {
      const { resources } = resourcesSchema.parse(await api.get(root));
      return resources
        .filter(({ name, kind, verbs }) => !name.includes('/') && verbs.includes('list') && !DERIVED.has(kind))
        .map(({ name, kind, namespaced }) => ({
          key: `${root.split('/')[2] ?? ''}/${kind}`,
          kind,
          path: namespaced ? `${root}/namespaces/${namespace}/${name}` : `${root}/${name}`,
        }));
    }),
  );
  return [
    ...new Map(
      lists
        .flat()
        .reverse()
        .map(({ key, ...resource }) => [key, resource]),
    ).values(),
  ];
}

const ownedSchema = z.looseObject({
  metadata: z.looseObject({ ownerReferences: z.array(z.looseObject({ kind: z.string() })).default([]) }),
});
/** A run of a CronJob comes and goes by its schedule. */
const isRun = (item: unknown): boolean =>
  ownedSchema.parse(item).metadata.ownerReferences.some(({ kind }) => kind === 'CronJob');

/** All of a namespace and of the cluster's own objects as they are now. */
export async function takeSnapshot(api: ClusterApi, resources: readonly Resource[]): Promise<Snapshot> {
  const lists = await Promise.all(
    resources.map(async ({ kind, path }) => {
      const { items } = await api.list(path);
      return items
        .filter((item) => !isRun(item))
        .map(userFields)
        .map(({ name, fields }) => [`${kind}/${name}`, fields] as const);
    }),
  );
  return new Map(lists.flat());
}
