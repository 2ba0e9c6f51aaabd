import type { KubeClient, KubeObject, ObjectId } from '@scc/kube';
import { requiringPatch } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';

/** Kinds that no plan moves: the way by hand that their refusal names works. */

const NAMESPACE = 'default';
const TARGET = 'restricted-v2';
const REQUIRED = 'openshift.io/required-scc';
const podSpec = { restartPolicy: 'Never', containers: [{ name: 'app', image: 'scc.poc/healthy:1' }] };
const templated = z.looseObject({
  spec: z.looseObject({
    template: z.looseObject({
      metadata: z.looseObject({
        annotations: z.record(z.string(), z.string()).default({}),
        labels: z.record(z.string(), z.string()).default({}),
      }),
    }),
  }),
});

/** @param admin asked at each use: a suite connects after it has named its tests */
export function byHandSuite(admin: () => KubeClient, slowMs: number): void {
  const as = { fieldManager: 'by-hand' };
  const idOf = (apiVersion: string, kind: string, name: string): ObjectId => ({
    ...{ apiVersion, kind, namespace: NAMESPACE, name },
  });
  const asObject = ({ apiVersion, kind, namespace, name }: ObjectId): KubeObject => ({
    ...{ apiVersion, kind, metadata: { ...(namespace === undefined ? {} : { namespace }), name } },
  });
  const read = async (id: ObjectId): Promise<KubeObject> => {
    const object = await admin().get(id);
    if (!object) throw new Error(`${id.kind} ${id.name} is gone`);
    return object;
  };
  /** `kubectl replace --force` of the manifest that the remedy describes. */
  const createAgain = async (id: ObjectId, manifest: KubeObject): Promise<KubeObject> => {
    await admin().delete(id, { propagation: 'Background' });
    await waitFor(async () => (await admin().get(id)) === undefined, {
      timeoutMs: slowMs / 2,
      what: 'the old one gone',
    });
    return admin().create(manifest);
  };
  const bare = ({ metadata, status: _status, ...rest }: KubeObject): KubeObject => {
    const { uid: _uid, resourceVersion: _version, ...kept } = metadata;
    return { ...rest, metadata: kept };
  };

  describe('a kind that no plan moves', () => {
    it(
      'a Job: its template cannot be changed once it has started, and it runs when it is created again',
      async () => {
        const id = idOf('batch/v1', 'Job', 'by-hand');
        await admin().create({ ...asObject(id), spec: { template: { spec: podSpec } } });
        const patch = requiringPatch('template', TARGET);
        await expect(admin().patch(id, { ...as, type: 'merge', body: patch })).rejects.toMatchObject({ status: 422 });
        const { spec, ...rest } = bare(await read(id)) as KubeObject & { spec: Record<string, unknown> };
        const { selector: _selector, template, ...kept } = spec;
        const { metadata, ...made } = template as { metadata: { labels: Record<string, string> } };
        const labels = Object.entries(metadata.labels).filter(([key]) => !/(controller-uid|job-name)$/.test(key));
        const annotations = { [REQUIRED]: TARGET };
        const again = { ...made, metadata: { labels: Object.fromEntries(labels), annotations } };
        const created = await createAgain(id, { ...rest, spec: { ...kept, template: again } });
        expect(templated.parse(created).spec.template.metadata.annotations).toEqual(annotations);
      },
      slowMs,
    );

    it(
      'a Pod: it is created again',
      async () => {
        const id = idOf('v1', 'Pod', 'by-hand');
        await admin().create({ ...asObject(id), spec: podSpec });
        const { spec, metadata, ...rest } = bare(await read(id)) as KubeObject & { spec: Record<string, unknown> };
        const { nodeName: _node, ...kept } = spec;
        const annotated = { ...metadata, annotations: { ...metadata.annotations, [REQUIRED]: TARGET } };
        const created = await createAgain(id, { ...rest, metadata: annotated, spec: kept });
        expect(created.metadata.annotations).toMatchObject({ [REQUIRED]: TARGET });
      },
      slowMs,
    );

    it.each([
      ['apps/v1', 'ReplicaSet', { matchLabels: { app: 'by-hand-replicaset' } }],
      ['v1', 'ReplicationController', { app: 'by-hand-replicationcontroller' }],
    ])(
      'of %s, a %s: it keeps its pods when it is patched, and makes new ones when they are deleted',
      async (apiVersion, kind, selector) => {
        const id = idOf(apiVersion, kind, 'by-hand');
        const labels = { app: `by-hand-${kind.toLowerCase()}` };
        const spec = { ...podSpec, restartPolicy: 'Always' };
        await admin().create({
          ...asObject(id),
          spec: { replicas: 1, selector, template: { metadata: { labels }, spec } },
        });
        const pods = async (): Promise<KubeObject[]> => {
          const labelSelector = `app=${labels.app}`;
          const { items } = await admin().list(
            { apiVersion: 'v1', kind: 'Pod' },
            { namespace: NAMESPACE, labelSelector },
          );
          return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
        };
        const timing = { timeoutMs: slowMs / 2, everyMs: 100 };
        const [first] = await waitFor(async () => ((await pods()).length === 1 ? pods() : null), {
          ...timing,
          what: 'a pod',
        });
        await admin().patch(id, { ...as, type: 'merge', body: requiringPatch('template', TARGET) });
        expect((await pods()).map(({ metadata }) => metadata.uid)).toEqual([first?.metadata.uid]);
        await admin().delete(idOf('v1', 'Pod', first?.metadata.name ?? ''));
        const isNew = async (): Promise<boolean> =>
          (await pods()).some(({ metadata }) => metadata.annotations?.[REQUIRED] === TARGET);
        await waitFor(isNew, { ...timing, what: 'a pod that asks for the target' });
        await admin().delete(id, { propagation: 'Background' });
      },
      slowMs,
    );
  });
}
