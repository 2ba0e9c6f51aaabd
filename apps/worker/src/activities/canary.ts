import { fenceOf, isForbidden, type KubeClient, type KubeObject, type ObjectId, readyEndpointsOf } from '@scc/kube';
import type { MigrationTarget } from '@scc/migration/contract';
import { canaryAnnotations, canaryLabels, copyName, DRY_RUN_USER, FIELD_MANAGER, isRecord, untracked } from '@scc/plan';
import { messageOf } from '@scc/runtime';
import { SCC_ANNOTATION } from '@scc/scc';
import { terminal } from '../failures.js';
import { canarySize, largestCanary } from '../cluster/canary-size.js';
import { ownedByPlan, placedAsCanary, readsAsStable } from '../cluster/copies.js';
import { finalizersOf, keptAmong, KeptByFinalizer } from '../cluster/kept.js';
import { changedInPod } from '../cluster/taken-back.js';
import { deploymentSchema, idOf, serviceSchema } from '../cluster/objects.js';
import { interruptiblePause, until } from './pace.js';
import { copyForCanary, copyIdOf, inOrderOfAge, mustBeYounger } from '../cluster/neighbours.js';
import { asPodSCC } from '../cluster/rollout.js';
import { livePods } from '../cluster/workload-pods.js';
import type { TargetActivities } from './target.js';
import { awaitRollout } from './await-rollout.js';

const POLL_MS = 150;
const GONE_TIMEOUT_MS = 10 * 60_000;
/** How long a new RoleBinding may take to reach every authorizer and webhook, in milliseconds. */
const GRANT_BOUND_MS = 5_000;

/** In which the API server writes ages, and a little more, in milliseconds. */
const A_SECOND_MS = 1_100;

const idOfObject = ({ apiVersion, kind, metadata: { namespace, name = '' } }: KubeObject): ObjectId => ({
  ...{ apiVersion, kind, name },
  ...(namespace === undefined ? {} : { namespace }),
});

const markers = ({ ref }: MigrationTarget): Record<string, string> => canaryLabels(ref.name);

const deploymentId = ({ ref, canary }: MigrationTarget): ObjectId => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  namespace: ref.namespace,
  name: canary,
});
const serviceIds = ({ ref, services }: MigrationTarget): ObjectId[] =>
  services.map(({ canary }) => ({ apiVersion: 'v1', kind: 'Service', namespace: ref.namespace, name: canary }));

const copyIds = ({ ref, policies, autoscalers }: MigrationTarget): ObjectId[] =>
  [...policies, ...autoscalers.map(({ key }) => key)].map(idOf).map((id) => copyIdOf(id, ref.namespace));

/**
 * Whether an object was made for the canary of this plan; what carries other marks, or none, is not ours, and what
 * another plan owns is of one that had the same name before or after.
 */
export function isOfPlan({ metadata }: KubeObject, target: MigrationTarget): boolean {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  const isMarked = Object.entries(markers(target)).every(([key, value]) => metadata.labels?.[key] === value);
  return isMarked && (owner === undefined || owner.uid === target.ref.uid);
}

/** Everything that a canary is made of; none of it exists before or after a migration. */
export const canaryObjects = (target: MigrationTarget): ObjectId[] => [
  deploymentId(target),
  ...serviceIds(target),
  ...copyIds(target),
];

/** The template of the canary's pods: the migrated one, as a copy beside the workload. */
export function canaryTemplate(target: MigrationTarget) {
  const { key, canary } = target.label;
  const template = target.templateAfter as {
    metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
    spec: Record<string, unknown>;
  };
  return {
    ...template,
    // Labels of all owners stay: selectors of the workload, its Services and its policies may name any.
    metadata: { ...template.metadata, labels: { ...template.metadata?.labels, [key]: canary, ...markers(target) } },
    spec: readsAsStable(placedAsCanary(template.spec, target.label), target.label),
  };
}

function canaryDeployment(workload: KubeObject, target: MigrationTarget): KubeObject {
  const { spec } = deploymentSchema.parse(workload);
  const { key, canary } = target.label;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: target.canary,
      namespace: target.ref.namespace,
      ...ownedByPlan(target.ref),
      labels: {
        ...untracked(workload.metadata.labels),
        ...(workload.metadata.labels?.[key] ? { [key]: canary } : {}),
        ...markers(target),
      },
      annotations: { ...untracked(workload.metadata.annotations), ...canaryAnnotations(target.ref.name) },
    },
    spec: {
      ...spec,
      replicas: canarySize(target, 0),
      paused: false,
      selector: { matchLabels: { ...spec.selector.matchLabels, [key]: canary } },
      template: canaryTemplate(target),
    },
  };
}

/** Annotations of a Service by which the mesh says who sees it and how it is called. */
const ofMesh = (annotations: Record<string, string> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(annotations).filter(([key]) => key.startsWith('networking.istio.io/')));

/** Fields of a Service by which its callers reach the same pods: by which addresses, and whether by the nearest. */
const REACHED_BY = ['ipFamilyPolicy', 'ipFamilies', 'trafficDistribution'];

function canaryService(service: KubeObject, name: string, target: MigrationTarget): KubeObject {
  const { spec } = serviceSchema.parse(service);
  const { ports, selector } = spec;
  const reached = Object.fromEntries(Object.entries(spec).filter(([field]) => REACHED_BY.includes(field)));
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: target.ref.namespace,
      ...ownedByPlan(target.ref),
      labels: { ...untracked(service.metadata.labels), ...markers(target) },
      annotations: { ...ofMesh(service.metadata.annotations), ...canaryAnnotations(target.ref.name) },
    },
    spec: {
      ...reached,
      type: 'ClusterIP',
      ports: ports.map((port) => ({ ...port, nodePort: undefined })),
      selector: { ...selector, [target.label.key]: target.label.canary },
    },
  };
}

/** The canary scales as its original does, but never below what it was made with: it may have to carry everything. */
function canaryAutoscaler(autoscaler: KubeObject, target: MigrationTarget): KubeObject {
  const spec = autoscaler['spec'] as { maxReplicas: number };
  const { namespace = '', name = '', labels } = autoscaler.metadata;
  return {
    apiVersion: autoscaler.apiVersion,
    kind: autoscaler.kind,
    metadata: {
      ...ownedByPlan(target.ref),
      namespace,
      name: copyName(name),
      labels: { ...untracked(labels), ...markers(target) },
    },
    spec: {
      ...spec,
      minReplicas: canarySize(target, 0),
      maxReplicas: Math.max(spec.maxReplicas, largestCanary(target)),
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: target.canary },
    },
  };
}

/** The volumes of a pod with those that a StatefulSet's controller adds; a dry run needs no claim to be there. */
function withClaims(spec: { volumes?: { name: string }[] }, { claimTemplates = [], workload }: MigrationTarget) {
  if (claimTemplates.length === 0) return {};
  const { volumes = [] } = spec;
  const claims = claimTemplates.map((name) => ({
    name,
    persistentVolumeClaim: { claimName: `${name}-${workload}-0` },
  }));
  return { volumes: [...volumes.filter(({ name }) => !claimTemplates.includes(name)), ...claims] };
}

/** Whether some are led to the canary until the routes are restored, whatever its share is. */
const leadsTesters = ({ survey }: Pick<MigrationTarget, 'survey'>): boolean =>
  isRecord(survey) && isRecord(survey['request']) && survey['request']['testers'] !== undefined;

type CanaryActivities = Pick<TargetActivities, 'createCanary' | 'awaitCanary' | 'removeCanary' | 'confirmAdmission'>;

/** The canary: a copy of the workload under the target SCC, with Services and policies of its own. */
export function canaryActivities(kube: KubeClient): CanaryActivities {
  const read = async (id: ObjectId): Promise<KubeObject> => {
    const object = await kube.get(id);
    if (!object) throw terminal('drift', `${id.kind} ${id.name} was deleted during the migration`);
    return object;
  };
  /**
   * @throws ApplicationFailure terminal, when another client has made an object of the name since the plan was
   * validated.
   */
  const existingOf = async (object: KubeObject, target: MigrationTarget): Promise<KubeObject | undefined> => {
    const { apiVersion, kind, metadata } = object;
    const { namespace = '', name = '' } = metadata;
    const existing = await kube.get({ apiVersion, kind, namespace, name });
    if (existing && !isOfPlan(existing, target))
      throw terminal(
        'refused',
        `${kind} ${name} exists and was not made for plan ${target.ref.name}: remove or rename it`,
      );
    return existing;
  };
  const apply = async (object: KubeObject, target: MigrationTarget): Promise<void> => {
    const { uid } = (await existingOf(object, target))?.metadata ?? {};
    const fenced = { ...object, metadata: { ...object.metadata, ...(uid ? { uid } : {}) } };
    await kube.apply(fenced, { fieldManager: FIELD_MANAGER, force: true });
  };
  /** An apply refuses a pod template that names something twice, such as a variable, which a workload may do. */
  const create = async (object: KubeObject, target: MigrationTarget): Promise<void> => {
    if (!(await existingOf(object, target))) await kube.create(object, { fieldManager: FIELD_MANAGER });
  };
  const removeOwn = async (id: ObjectId, target: MigrationTarget): Promise<void> => {
    const existing = await kube.get(id);
    if (existing && isOfPlan(existing, target) && existing.metadata.deletionTimestamp === undefined)
      await kube.delete(id, fenceOf(existing));
  };
  const pods = (target: MigrationTarget) =>
    livePods(kube, target.ref.namespace, { [target.label.key]: target.label.canary, ...markers(target) });

  return {
    confirmAdmission: async (target) => {
      const { namespace } = target.ref;
      const template = target.templateAfter as {
        metadata?: Record<string, unknown>;
        spec: Record<string, unknown> & { volumes?: { name: string }[] };
      };
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...template.metadata, generateName: `${target.canary}-`, namespace },
        spec: { ...template.spec, ...withClaims(template.spec, target) },
      } as KubeObject;
      // The binding reaches the authorizers a moment after it is written, so the first refusals are asked again.
      const refusal = { message: '' };
      const seen = await until(() => dryRun(kube, pod, refusal), {
        everyMs: 200,
        timeoutMs: GRANT_BOUND_MS,
        expired: () => terminal('admission', `a pod of the changed template is not admitted: ${refusal.message}`),
      });
      const scc = seen.metadata.annotations?.[SCC_ANNOTATION];
      if (scc !== undefined && scc !== target.targetSCC)
        throw terminal(
          'admission',
          `a pod of the changed template is admitted by ${scc} instead of ${target.targetSCC}`,
        );
      const changes = changedInPod(template, seen);
      if (changes.length > 0)
        throw terminal(
          'admission',
          `a webhook of the cluster changes the pods of the changed template: ${changes.join(', ')}`,
        );
    },

    createCanary: async (target) => {
      const { ref, workload, services, policies, label } = target;
      const deployment = await read({ ...deploymentId(target), name: workload });
      for (const { name, canary } of services) {
        const service = await read({ apiVersion: 'v1', kind: 'Service', namespace: ref.namespace, name });
        await apply(canaryService(service, canary, target), target);
      }
      const originals = await Promise.all(policies.map((key) => read(idOf(key))));
      let before: ObjectId | undefined;
      for (const policy of inOrderOfAge(originals, ref.namespace)) {
        const id = copyIdOf(idOfObject(policy), ref.namespace);
        if (mustBeYounger(before, id) && !(await kube.get(id))) await interruptiblePause(A_SECOND_MS);
        const copy = copyForCanary(policy, { ...label, name: id.name, markers: markers(target) });
        await apply({ ...copy, metadata: { ...copy.metadata, namespace: id.namespace, ...ownedByPlan(ref) } }, target);
        before = id;
      }
      await create(canaryDeployment(deployment, target), target);
      for (const { key } of target.autoscalers) {
        await apply(canaryAutoscaler(await read(idOf(key)), target), target);
        await holdScale(kube, { key, from: null, to: target.replicas });
      }
    },

    awaitCanary: async (target, timeoutMs) => {
      const pods = await awaitRollout(kube, {
        read: () => read(deploymentId(target)),
        subject: `the canary ${target.canary}`,
        targetSCC: target.targetSCC,
        timeoutMs,
        overdue: 'readiness',
        missing: () => readyEndpoints(kube, target),
      });
      return pods.map(asPodSCC);
    },

    removeCanary: async (target, ledForMs = 0) => {
      for (const { key, minReplicas } of target.autoscalers)
        await holdScale(kube, { key, from: target.replicas, to: minReplicas });
      const canary = await kube.get(deploymentId(target));
      if (canary && isOfPlan(canary, target) && canary.metadata.deletionTimestamp === undefined) {
        // Requests that were sent before the proxies switched are still being answered.
        await interruptiblePause(Math.max(0, target.drainMs - (leadsTesters(target) ? 0 : ledForMs)));
        const { uid } = canary.metadata;
        // Pods of a Deployment that a finalizer keeps would stay for as long as it does.
        if (finalizersOf(canary).length > 0) await emptied(kube, deploymentId(target));
        // Its controller writes its status at any time, so the uid alone says that it is still the same one.
        await kube.delete(deploymentId(target), { propagation: 'Background', ...(uid ? { uid } : {}) });
      }
      await until(async () => ((await pods(target)).length === 0 ? true : undefined), {
        everyMs: POLL_MS,
        timeoutMs: GONE_TIMEOUT_MS,
        expired: () => new Error('the pods of the canary do not go away'),
      });
      // A Service outlives its pods: a proxy that still knows a pod must still know where it belongs.
      for (const id of [...serviceIds(target), ...copyIds(target)]) await removeOwn(id, target);
      const kept = await keptAmong(kube, canaryObjects(target));
      if (kept.length > 0) throw new KeptByFinalizer(kept.join('; '));
    },
  };
}

/**
 * While the canary serves everything, the workload looks idle and its autoscaler would shrink it, just before requests
 * return to it: its minimum is held at what the workload had.
 * @param from what must be there now for the minimum to be ours; null when it is still its user's
 */
async function holdScale(
  kube: KubeClient,
  { key, from, to }: { key: string; from: number | null; to: number | null },
): Promise<void> {
  const autoscaler = await kube.get(idOf(key));
  const { minReplicas } = (autoscaler?.['spec'] ?? {}) as { minReplicas?: number };
  if (!autoscaler || minReplicas === (to ?? 1) || (from !== null && minReplicas !== from)) return;
  const body = { metadata: { resourceVersion: autoscaler.metadata.resourceVersion }, spec: { minReplicas: to } };
  await kube.patch(idOf(key), { type: 'merge', body, fieldManager: FIELD_MANAGER });
}

/** Takes the pods of a Deployment away, which its deletion alone would not do. */
async function emptied(kube: KubeClient, id: ObjectId): Promise<void> {
  await kube.patch(id, { type: 'merge', body: { spec: { replicas: 0 } }, fieldManager: FIELD_MANAGER });
}

/** The pod as the API server would admit it, or undefined with the refusal kept for the message. */
async function dryRun(
  kube: KubeClient,
  pod: KubeObject,
  refusal: { message: string },
): Promise<KubeObject | undefined> {
  try {
    // Like the controller that will make it, this identity holds no SCC of its own: the pod's ServiceAccount decides.
    return await kube.create(pod, { dryRun: true, impersonate: { user: DRY_RUN_USER } });
  } catch (error) {
    if (!isForbidden(error)) throw error;
    refusal.message = messageOf(error);
    return undefined;
  }
}

/** The lack before every canary pod is a ready endpoint of every canary Service, or null. */
async function readyEndpoints(kube: KubeClient, target: MigrationTarget): Promise<string | null> {
  const { ref, services } = target;
  const replicas = canarySize(target, 0);
  for (const { canary } of services) {
    const ready = await readyEndpointsOf(kube, ref.namespace, canary);
    if (ready < replicas) return `${canary} has ${ready} of ${replicas} ready endpoints`;
  }
  return null;
}
