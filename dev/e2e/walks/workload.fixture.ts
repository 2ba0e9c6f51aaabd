import { expect } from '@jest/globals';
import { canaryName } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import {
  APP,
  byCommand,
  byPlan,
  bySaying,
  commandIn,
  deployment,
  service,
  templateOf,
  type Walk,
} from './walks.fixture.js';

/** Refusals for the workload itself, its Services and what scales it. */

const canary = { strategy: { type: 'Canary' as const } };
const helm = {
  labels: { 'app.kubernetes.io/managed-by': 'Helm' },
  annotations: { 'meta.helm.sh/release-name': APP, 'meta.helm.sh/release-namespace': APP },
};
const cronJob = (namespace: string) => ({
  ...{ apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: APP, namespace } },
  spec: {
    ...{ schedule: '0 0 1 1 *', failedJobsHistoryLimit: 0, successfulJobsHistoryLimit: 0 },
    jobTemplate: {
      spec: { ttlSecondsAfterFinished: 5, template: templateOf({}, { restartPolicy: 'Never' }) },
    },
  },
});
const set = (namespace: string, spec: object) => ({
  ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: APP, namespace } },
  spec: {
    ...{ serviceName: APP, replicas: 1, selector: { matchLabels: { app: APP } }, template: templateOf() },
    ...spec,
  },
});
const web = { app: APP, tier: 'web' };
const scaler = { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' };
const from = { kind: 'CronJob' as const, name: 'smoke' };
const jobGate = { gates: { jobs: [{ name: 'smoke', from, at: 'BeforeShift' as const }] } };
const smoke = (namespace: string, labels: object) => ({
  ...{ apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'smoke', namespace } },
  spec: {
    ...{ schedule: '0 0 1 1 *', suspend: true },
    jobTemplate: { spec: { template: templateOf({}, { restartPolicy: 'Never' }, labels) } },
  },
});

export const WORKLOAD_WALKS: readonly Walk[] = [
  {
    code: 'DeliveredFromSource',
    way: 'the shown patch is brought into the source (gitops: PatchFirst), whose next delivery then changes nothing',
    workload: (namespace) => [deployment(namespace, {}, helm), service(namespace)],
    walk: async ([violation], { file, namespace }) => {
      await file('patch.yaml', violation?.remedy.slice(violation.remedy.indexOf('\n')) ?? '');
      await file('source.yaml', JSON.stringify(deployment(namespace, {}, helm)));
      const [, patches = ''] = /\((patches: .*?) for kustomize\)/.exec(violation?.remedy ?? '') ?? [];
      await file('kustomization.yaml', `resources: [source.yaml]\n${patches.replace('FILE', 'patch.yaml')}\n`);
      return { gitops: 'PatchFirst' };
    },
    then: async ({ target: { templateAfter } }, { sh, folder }) => {
      const delivered = JSON.parse(await sh(`kubectl apply -k '${folder}' --dry-run=server -o json`)) as {
        spec: { template: unknown };
      };
      expect(delivered.spec.template).toEqual(templateAfter);
    },
  },
  {
    code: 'PatchRequired',
    way: 'the shown patch is made in the template',
    workload: (namespace) => [
      deployment(namespace, { template: templateOf({ securityContext: { runAsUser: 1000 } }) }),
      service(namespace),
    ],
    plan: { podSecurity: { mode: 'Require' } },
    walk: async ([violation], { file, folder, sh }) => {
      const [, ...shown] = violation?.remedy.trimEnd().split('\n') ?? [];
      await file('patch.yaml', ['spec:', '  template:', ...shown.map((line) => `    ${line}`)].join('\n'));
      await sh(
        `kubectl patch deployment ${APP} --patch-file '${folder}/patch.yaml'; kubectl rollout status deployment ${APP} --timeout=60s`,
      );
      return undefined;
    },
  },
  {
    code: 'AutoscalerIsManaged',
    way: 'the minimum is set in the ScaledObject, from which KEDA writes it',
    workload: (namespace) => [deployment(namespace, { replicas: 2 }), service(namespace)],
    before: async ({ admin, create, namespace }) => {
      const kind = { apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject' };
      const names = {
        kind: kind.kind,
        plural: 'scaledobjects',
        singular: 'scaledobject',
        listKind: 'ScaledObjectList',
      };
      const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
      await create({
        ...{ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' },
        metadata: { name: 'scaledobjects.keda.sh' },
        spec: {
          ...{ group: 'keda.sh', scope: 'Namespaced', names },
          versions: [{ name: 'v1alpha1', served: true, storage: true, schema }],
        },
      });
      const object = { ...kind, metadata: { name: APP, namespace }, spec: { minReplicaCount: 1 } };
      const { metadata } = await waitFor(() => create(object).catch(() => undefined), {
        ...{ timeoutMs: 30_000, everyMs: 200, what: 'the cluster to serve a ScaledObject' },
      });
      await admin.create({
        ...scaler,
        metadata: {
          ...{ name: APP, namespace },
          ownerReferences: [{ ...kind, name: APP, uid: metadata.uid ?? '', controller: true }],
        },
        spec: {
          ...{
            minReplicas: 1,
            maxReplicas: 4,
            scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: APP },
          },
          metrics: [
            { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
          ],
        },
      });
    },
    walk: async (violations, { sh, admin, read, namespace }) => {
      const run = () => sh(commandIn(violations[0])).catch(() => null);
      await waitFor(run, { timeoutMs: 30_000, everyMs: 1_000, what: 'kubectl to know a ScaledObject' });
      // The part of KEDA, which the stack has not.
      const scaled = await read('keda.sh/v1alpha1', 'ScaledObject');
      const { minReplicaCount } = scaled['spec'] as { minReplicaCount: number };
      const body = { spec: { minReplicas: minReplicaCount } };
      await admin.patch({ ...scaler, namespace, name: APP }, { type: 'merge', body });
      return undefined;
    },
    then: (_accepted, { admin }) =>
      admin.delete({
        ...{ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name: 'scaledobjects.keda.sh' },
      }),
  },
  {
    code: 'PartitionInUse',
    way: 'the partition is set to 0',
    workload: (namespace) => [
      set(namespace, { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } }),
      service(namespace),
    ],
    walk: byCommand,
  },
  {
    code: 'RunsNotKept',
    way: 'each of the three limits is set by its command',
    workload: (namespace) => [cronJob(namespace)],
    walk: (violations, ...others) => {
      expect(violations).toHaveLength(3);
      return byCommand(violations, ...others);
    },
  },
  {
    code: 'WorkloadPaused',
    way: 'it is resumed',
    before: ({ sh }) => sh(`kubectl rollout pause deployment ${APP}`),
    walk: byCommand,
  },
  {
    code: 'SourceNotReady',
    way: 'it is repaired',
    before: ({ sh }) => sh(`kubectl set image deployment ${APP} ${APP}=scc.poc/never-ready:1`),
    walk: bySaying(`kubectl rollout undo deployment ${APP}; kubectl rollout status deployment ${APP} --timeout=60s`),
  },
  {
    code: 'NoReplicas',
    way: 'it is scaled up',
    workload: (namespace) => [deployment(namespace, { replicas: 0 }), service(namespace)],
    plan: canary,
    walk: bySaying(`kubectl scale deployment ${APP} --replicas=1; kubectl rollout status deployment ${APP}`),
  },
  {
    code: 'NoReplicas',
    way: 'strategy is left out',
    workload: (namespace) => [deployment(namespace, { replicas: 0 }), service(namespace)],
    plan: canary,
    walk: byPlan({ strategy: undefined }),
  },
  {
    code: 'NoService',
    way: 'its Service is created',
    workload: (namespace) => [deployment(namespace)],
    plan: canary,
    walk: bySaying(`kubectl expose deployment ${APP} --port=80 --target-port=http`),
  },
  {
    code: 'SharedService',
    way: 'the Service selects the pods of the workload only',
    workload: (namespace) => [
      deployment(namespace, { selector: { matchLabels: web }, template: templateOf({}, {}, web) }),
      service(namespace, { tier: 'web' }),
      {
        ...deployment(namespace, {
          ...{
            selector: { matchLabels: { app: 'other' } },
            template: templateOf({}, {}, { app: 'other', tier: 'web' }),
          },
        }),
        metadata: { name: 'other', namespace },
      },
    ],
    walk: bySaying(`kubectl patch service ${APP} --type merge -p '{"spec":{"selector":{"app":"${APP}"}}}'`),
  },
  {
    code: 'NoSharedLabel',
    way: "a label of the workload's selector is added to that of the Service",
    workload: (namespace) => [
      deployment(namespace, { template: templateOf({}, {}, { app: APP, tier: 'web' }) }),
      service(namespace, { tier: 'web' }),
    ],
    walk: bySaying(`kubectl patch service ${APP} --type merge -p '{"spec":{"selector":{"app":"${APP}"}}}'`),
  },
  {
    code: 'NameTaken',
    way: 'the object in the way is removed',
    before: ({ sh }) => sh(`kubectl create service clusterip ${canaryName(APP)} --tcp=80:80`),
    walk: bySaying(`kubectl delete service ${canaryName(APP)}`),
  },
  {
    code: 'ReadinessTooShort',
    way: 'the timeout is set longer than minReadySeconds',
    workload: (namespace) => [deployment(namespace, { minReadySeconds: 3 }), service(namespace)],
    plan: { gates: { readiness: { timeout: '2s' } } },
    walk: byPlan({ gates: { readiness: { timeout: '60s' } } }),
  },
  {
    code: 'ServiceAccountNotFound',
    way: 'the ServiceAccount is created',
    plan: { serviceAccountName: 'later' },
    walk: bySaying('kubectl create serviceaccount later'),
  },
  {
    code: 'JobTemplateNotFound',
    way: 'the CronJob is created, suspended',
    plan: jobGate,
    walk: async (_violations, { create, namespace }) => {
      await create(smoke(namespace, { run: 'smoke' }));
      return undefined;
    },
  },
  {
    code: 'JobWouldServe',
    also: ['SharedService'],
    way: 'the labels of the Service are taken out of the template',
    workload: (namespace) => [deployment(namespace), service(namespace), smoke(namespace, { app: APP })],
    plan: jobGate,
    walk: bySaying(
      `kubectl patch cronjob smoke --type json -p '[{"op":"remove","path":"/spec/jobTemplate/spec/template/metadata/labels/app"}]'`,
    ),
  },
];
