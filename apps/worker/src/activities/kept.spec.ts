import { asyncLocalStorage } from '@temporalio/activity';
import { KubeError, type KubeClient, type KubeObject, type ObjectId } from '@scc/kube';
import type { MigrationTarget } from '@scc/migration/contract';
import { aWholeTarget } from '@scc/migration/testing';
import { canaryLabels, clusterRoleName, GRANTED_BY_ANNOTATION, isRecord } from '@scc/plan';
import { preImageKeyOf } from '../cluster/objects.js';
import { canaryActivities, canaryObjects } from './canary.js';
import { contextOf } from './context.fixture.js';
import { grantActivities, targetBinding } from './grants.js';

/** What becomes of objects that are deleted and that another client's finalizer keeps. */

const target: MigrationTarget = {
  ...aWholeTarget(),
  ref: { namespace: 'shop', name: 'move', uid: 'u1' },
  canary: 'web-scc-canary',
  services: [{ name: 'web', canary: 'web-scc-canary' }],
  policies: [],
  autoscalers: [],
  drainMs: 0,
};
const FINALIZER = 'example.com/hold';

/** A cluster in which a deletion only marks what has a finalizer; pods go when their Deployment does, or has none. */
function clusterOf(items: KubeObject[]) {
  const keyOf = (id: ObjectId): string => preImageKeyOf({ ...id });
  const idOf = (item: KubeObject): ObjectId => ({
    ...item,
    namespace: item.metadata.namespace ?? '',
    name: item.metadata.name ?? '',
  });
  const stored = new Map(items.map((item) => [keyOf(idOf(item)), item]));
  const hasPods = (): boolean =>
    [...stored.values()].some(({ kind, ...item }) => kind === 'Deployment' && replicasOf(item) > 0);
  const kube: Partial<KubeClient> = {
    get: (id) => Promise.resolve(stored.get(keyOf(id))),
    list: ({ kind }) => {
      const pods = hasPods() ? [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: {} }] : [];
      return Promise.resolve({
        items: kind === 'Pod' ? pods : [...stored.values()].filter((item) => item.kind === kind),
        resourceVersion: '1',
      });
    },
    patch: (id, { body }) => {
      const object = stored.get(keyOf(id));
      if (!object || !isRecord(body)) throw new KubeError(404, { reason: 'NotFound', message: 'gone' });
      const patched = { ...object, ...Object.fromEntries(Object.entries(body).filter(([key]) => key !== 'metadata')) };
      stored.set(keyOf(id), patched);
      return Promise.resolve(patched);
    },
    delete: (id) => {
      const object = stored.get(keyOf(id));
      const isKept = ((object?.metadata as { finalizers?: string[] } | undefined)?.finalizers ?? []).length > 0;
      if (object && isKept)
        stored.set(keyOf(id), {
          ...object,
          metadata: { ...object.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
        });
      else stored.delete(keyOf(id));
      return Promise.resolve();
    },
  };
  return { kube: kube as KubeClient, stored: (id: ObjectId) => stored.get(keyOf(id)) };
}
const replicasOf = (item: Record<string, unknown>): number =>
  isRecord(item['spec']) && typeof item['spec']['replicas'] === 'number' ? item['spec']['replicas'] : 0;

const made = (id: ObjectId, finalizers: string[]): KubeObject => ({
  apiVersion: id.apiVersion,
  kind: id.kind,
  metadata: {
    ...{ namespace: 'shop', name: id.name, uid: id.name, resourceVersion: '1' },
    labels: canaryLabels(target.ref.name),
    ...(finalizers.length ? { finalizers } : {}),
  },
  spec: id.kind === 'Deployment' ? { replicas: 2 } : {},
});

describe('a canary that is removed', () => {
  const remove = (kube: KubeClient) =>
    asyncLocalStorage.run(contextOf(), () => canaryActivities(kube).removeCanary(target));

  it('is gone where nothing keeps it', async () => {
    const { kube, stored } = clusterOf(canaryObjects(target).map((id) => made(id, [])));
    await remove(kube);
    for (const id of canaryObjects(target)) expect(stored(id)).toBeUndefined();
  });

  const LONG_MS = 1_000_000;
  const removedFrom = (survey: unknown) => {
    const { kube, stored } = clusterOf(canaryObjects(target).map((id) => made(id, [])));
    const drained: MigrationTarget = { ...target, survey, drainMs: LONG_MS };
    const ended = new AbortController();
    const context = contextOf({ signal: ended.signal });
    const removal = asyncLocalStorage.run(context, () => canaryActivities(kube).removeCanary(drained, LONG_MS));
    return { removal, ended, left: () => canaryObjects(target).filter((id) => stored(id) !== undefined) };
  };

  it('gives no more time to requests than they had while all proxies led elsewhere', async () => {
    const { removal, left } = removedFrom({ request: {}, routes: {} });
    await removal;
    expect(left()).toEqual([]);
  });

  it('gives those of testers, who were led to it until the routes were restored, all of it', async () => {
    const { removal, ended, left } = removedFrom({ request: { testers: { header: 'x', value: 'y' } }, routes: {} });
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
    expect(left()).toHaveLength(canaryObjects(target).length);
    ended.abort();
    await expect(removal).rejects.toThrow('aborted');
  });

  it.each(['Deployment', 'Service'])(
    'runs no pod, and is not said to be gone, while a finalizer keeps its %s',
    async (kind) => {
      const objects = canaryObjects(target).map((id) => made(id, id.kind === kind ? [FINALIZER] : []));
      const { kube } = clusterOf(objects);
      const words = new RegExp(`^${kind} web-scc-canary was deleted and is kept by ${FINALIZER}$`);
      await expect(remove(kube)).rejects.toThrow(words);
      // Tried again, it says the same.
      await expect(remove(kube)).rejects.toThrow(words);
    },
  );
});

describe('a grant that is taken away', () => {
  const subject = { kind: 'ServiceAccount', name: target.targetServiceAccount, namespace: 'shop' };
  const binding = (finalizers: string[]): KubeObject => ({
    ...made(targetBinding(target), finalizers),
    metadata: {
      ...made(targetBinding(target), finalizers).metadata,
      annotations: { [GRANTED_BY_ANNOTATION]: target.ref.uid },
    },
    roleRef: { kind: 'ClusterRole', name: clusterRoleName(target.targetSCC) },
    subjects: [subject],
  });
  const of = (kube: KubeClient) =>
    grantActivities({
      kube,
      governance: { savePreImages: () => Promise.reject(new Error('no')) },
      reseal: () => Promise.resolve(),
    });

  it.each([
    ['is deleted', [], undefined],
    ['grants nothing where a finalizer would keep it', [FINALIZER], []],
  ])('%s', async (_case, finalizers, subjects) => {
    const { kube, stored } = clusterOf([binding(finalizers)]);
    await of(kube).withdrawTargetGrant(target);
    expect(stored(targetBinding(target))?.['subjects']).toEqual(subjects);
  });

  it('is not said to be back while the binding is on its way out', async () => {
    const leaving = binding([FINALIZER]);
    const object = {
      ...leaving,
      subjects: [],
      metadata: { ...leaving.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
    };
    const { kube, stored } = clusterOf([object]);
    const images = [{ key: 'removed|x', manifest: { binding: leaving, subjects: [subject] } }];
    await expect(of(kube).restoreSourceGrant(target, images)).rejects.toThrow(
      /^the grant cannot be given back for good: RoleBinding \S+ was deleted and is kept by example.com\/hold$/,
    );
    // Until then it serves.
    expect(stored(targetBinding(target))?.['subjects']).toEqual([subject]);
  });
});
