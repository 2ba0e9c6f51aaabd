import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { KubeClient, KubeObject, ObjectId } from '@scc/kube';
import { kindViolation, requiringPatch } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import type { Stack } from '../src/index.js';

/** Kinds that no plan moves: the commands that their refusal writes out are run as they are, and do what it says. */

const NAMESPACE = 'default';
const NAME = 'by-hand';
const TARGET = 'restricted-v2';
const REQUIRED = 'openshift.io/required-scc';
const ASKING = { [REQUIRED]: TARGET };
const CRD = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' };
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

/** Of operators that the local cluster has not: their kinds alone, which keep what is written to them. */
const FOREIGN = [
  {
    ...{ group: 'apps.openshift.io', version: 'v1', kind: 'DeploymentConfig', plural: 'deploymentconfigs' },
    spec: { replicas: 1, strategy: { type: 'Rolling' }, triggers: [{ type: 'ConfigChange' }] },
  },
  {
    ...{ group: 'argoproj.io', version: 'v1alpha1', kind: 'Rollout', plural: 'rollouts' },
    spec: { replicas: 2, strategy: { canary: { steps: [{ setWeight: 20 }, { pause: {} }] } } },
  },
  {
    ...{ group: 'serving.knative.dev', version: 'v1', kind: 'Service', plural: 'services' },
    spec: { traffic: [{ latestRevision: true, percent: 100 }] },
  },
] as const;

/** A command of a remedy, with what the reader fills in. */
function commandOf(kind: string, pattern: RegExp): string {
  const { remedy = '' } = kindViolation({ kind, name: NAME }, TARGET) ?? {};
  const command = pattern.exec(remedy)?.[1];
  if (command === undefined) throw new Error(`no such command in: ${remedy}`);
  return command.replace('NAMESPACE:ACCOUNT', `${NAMESPACE}:default`);
}
const PATCH = /((?:kubectl|oc) patch \S+ \S+ --type merge -p '[^']*')/;

/** @param running asked at each use, as `admin`: a suite connects after it has named its tests */
export function byHandSuite(running: () => Stack, admin: () => KubeClient, slowMs: number): void {
  const idOf = (apiVersion: string, kind: string, name = NAME): ObjectId => ({
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
  /** Runs what a remedy says; of these, `oc` does what `kubectl` does. */
  const shell = (command: string): Promise<string> => {
    const { kubeconfig } = running();
    const kubectl = `'${running().binary('kubectl')}' --kubeconfig '${kubeconfig.inside}' -n ${NAMESPACE}`;
    return running().exec('sh', ['-c', `kubectl() { ${kubectl} "$@"; }; oc() { kubectl "$@"; }; ${command}`]);
  };
  /** `kubectl replace --force` of the manifest that the remedy describes. */
  const createAgain = async (id: ObjectId, manifest: KubeObject): Promise<KubeObject> => {
    const file = path.join(running().stateDir, `${id.kind}.json`);
    await writeFile(file, JSON.stringify(manifest));
    await shell(commandOf(id.kind, /(kubectl replace --force -f FILE)/).replace('FILE', `'${file}'`));
    return read(id);
  };
  const bare = ({ metadata, status: _status, ...rest }: KubeObject): KubeObject => {
    const { uid: _uid, resourceVersion: _version, ...kept } = metadata;
    return { ...rest, metadata: kept };
  };

  describe('a kind that no plan moves', () => {
    const binding = idOf('rbac.authorization.k8s.io/v1', 'RoleBinding', `${NAME}-${TARGET}`);
    beforeAll(() => shell(commandOf('Pod', /\((kubectl create rolebinding .*?)\)/)), slowMs);
    afterAll(() => admin().delete(binding));

    it('has its ServiceAccount let use the target', async () => {
      expect(await read(binding)).toMatchObject({
        roleRef: { kind: 'ClusterRole', name: `system:openshift:scc:${TARGET}` },
        subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: NAMESPACE }],
      });
    });

    it(
      'a Job: its template cannot be changed once it has started, and it runs when it is created again',
      async () => {
        const id = idOf('batch/v1', 'Job');
        const { uid } = (await admin().create({ ...asObject(id), spec: { template: { spec: podSpec } } })).metadata;
        const refused = admin().patch(id, {
          ...{ fieldManager: NAME, type: 'merge', body: requiringPatch('template', TARGET) },
        });
        await expect(refused).rejects.toMatchObject({ status: 422 });
        const { spec, ...rest } = bare(await read(id)) as KubeObject & { spec: Record<string, unknown> };
        const { selector: _selector, template, ...kept } = spec;
        const { metadata, ...made } = template as { metadata: { labels: Record<string, string> } };
        const labels = Object.entries(metadata.labels).filter(([key]) => !/(controller-uid|job-name)$/.test(key));
        const again = { ...made, metadata: { labels: Object.fromEntries(labels), annotations: ASKING } };
        const created = await createAgain(id, { ...rest, spec: { ...kept, template: again } });
        expect(created.metadata.uid).not.toBe(uid);
        expect(templated.parse(created).spec.template.metadata.annotations).toEqual(ASKING);
        await admin().delete(id, { propagation: 'Background' });
      },
      slowMs,
    );

    it(
      'a Pod: it is created again',
      async () => {
        const id = idOf('v1', 'Pod');
        const { uid } = (await admin().create({ ...asObject(id), spec: podSpec })).metadata;
        const { spec, metadata, ...rest } = bare(await read(id)) as KubeObject & { spec: Record<string, unknown> };
        const { nodeName: _node, ...kept } = spec;
        const annotated = { ...metadata, annotations: { ...metadata.annotations, ...ASKING } };
        const created = await createAgain(id, { ...rest, metadata: annotated, spec: kept });
        expect(created.metadata.uid).not.toBe(uid);
        expect(created.metadata.annotations).toMatchObject(ASKING);
        await admin().delete(id);
      },
      slowMs,
    );

    it.each([
      ['apps/v1', 'ReplicaSet', { matchLabels: { app: 'by-hand-replicaset' } }],
      ['v1', 'ReplicationController', { app: 'by-hand-replicationcontroller' }],
    ])(
      'of %s, a %s: it keeps its pods when it is patched, and makes new ones when they are deleted',
      async (apiVersion, kind, selector) => {
        const id = idOf(apiVersion, kind);
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
        await shell(commandOf(kind, PATCH));
        expect((await pods()).map(({ metadata }) => metadata.uid)).toEqual([first?.metadata.uid]);
        await admin().delete(idOf('v1', 'Pod', first?.metadata.name ?? ''));
        const isNew = async (): Promise<boolean> =>
          (await pods()).some(({ metadata }) => metadata.annotations?.[REQUIRED] === TARGET);
        await waitFor(isNew, { ...timing, what: 'a pod that asks for the target' });
        await admin().delete(id, { propagation: 'Background' });
      },
      slowMs,
    );

    it.each(FOREIGN)(
      'a $kind of $group: its template asks for the target, and nothing else of it changes',
      async ({ group, version, kind, plural, spec }) => {
        const names = { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` };
        const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
        const crd = { ...CRD, metadata: { name: `${plural}.${group}` } };
        await admin().create({
          ...crd,
          spec: {
            group,
            names,
            scope: 'Namespaced',
            versions: [{ name: version, served: true, storage: true, schema }],
          },
        });
        const id = idOf(`${group}/${version}`, kind);
        const template = { metadata: { labels: { app: NAME }, annotations: { team: 'a' } }, spec: podSpec };
        const own = { ...spec, template };
        const created = (): Promise<boolean> =>
          admin()
            .create({ ...asObject(id), spec: own })
            .then(() => true)
            .catch(() => false);
        await waitFor(created, { timeoutMs: slowMs / 2, everyMs: 200, what: `the cluster to serve a ${kind}` });
        const asked = (): Promise<boolean> => shell(commandOf(kind, PATCH)).then(Boolean, () => false);
        await waitFor(asked, { timeoutMs: slowMs / 2, everyMs: 1_000, what: `kubectl to know a ${kind}` });
        const annotations = { ...template.metadata.annotations, ...ASKING };
        expect((await read(id))['spec']).toEqual({
          ...own,
          template: { ...template, metadata: { ...template.metadata, annotations } },
        });
        await admin().delete({ ...CRD, name: crd.metadata.name });
      },
      slowMs,
    );
  });
}
