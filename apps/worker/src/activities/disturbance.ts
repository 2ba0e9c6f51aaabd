import { isDeepStrictEqual } from 'node:util';
import {
  hasOtherWriter,
  isWrittenByOthers,
  lastWriter,
  type KubeClient,
  type KubeObject,
  type ObjectId,
} from '@scc/kube';
import type { MigrationTarget } from '@scc/migration/contract';
import { FIELD_MANAGER, isDivided, isRecord } from '@scc/plan';
import { dividesByReplicas } from '@scc/replicas';
import { REQUIRED_SCC_ANNOTATION } from '@scc/scc';
import { z } from 'zod';
import { canarySize } from '../cluster/canary-size.js';
import { copyForCanary, copyIdOf } from '../cluster/neighbours.js';
import { deploymentSchema, idOf, preImageKeyOf, serviceSchema } from '../cluster/objects.js';
import { isIntact } from '../cluster/intact.js';
import { canaryObjects, canaryTemplate, isOfPlan } from './canary.js';
import { templateOf, workloadId } from './workload-object.js';

/** What other clients do to the objects of a migration while it runs; looked for at every look, at any weight. */

/** How far the migration is, as far as it says what its objects should be. */
export interface ServingStage {
  /** The canary's share of the requests, in percent. */
  weight: number;
  /** Requests return to the workload: its template is the migrated one. */
  isReturned: boolean;
}

type Read = (id: ObjectId) => Promise<KubeObject | undefined>;
/** What is wrong with one of the objects, or null. */
type Look = (read: Read, target: MigrationTarget, stage: ServingStage) => Promise<string | null>;

const DURING = 'during the migration';
const named = ({ kind, name }: ObjectId): string => `${kind} ${name}`;
const deleted = (id: ObjectId): string => `${named(id)} was deleted ${DURING}`;
const changed = (object: KubeObject, what: string): string =>
  `${lastWriter(object, FIELD_MANAGER, [what])} changed ${object.kind} ${object.metadata.name ?? ''} (${what}) ${DURING}`;
const isThere = (object: KubeObject | undefined): object is KubeObject =>
  object !== undefined && object.metadata.deletionTimestamp === undefined;

/** The user's workload: the same object, with the template that the migration left it. */
const workload: Look = async (read, target, { isReturned }) => {
  const object = await read(workloadId(target));
  if (!isThere(object) || object.metadata.uid !== target.workloadUid)
    return `${target.kind} ${target.workload} was deleted or replaced ${DURING}`;
  // A paused one never rolls out what the migration writes.
  if (deploymentSchema.parse(object).spec.paused) return changed(object, 'spec.paused');
  const template = templateOf(object);
  if (isDeepStrictEqual(template, target.templateAfter)) return null;
  if (!isReturned && isDeepStrictEqual(template, target.templateBefore)) return null;
  return `${lastWriter(object, FIELD_MANAGER, ['spec.template'])} changed the pod template of ${target.workload} ${DURING}`;
};

/** Everything that was made for the canary. */
const made: Look = async (read, target) => {
  for (const id of canaryObjects(target)) {
    const object = await read(id);
    if (!isThere(object)) return deleted(id);
    if (!isOfPlan(object, target)) return changed(object, 'metadata');
  }
  return null;
};

const podSchema = z.looseObject({
  metadata: z
    .looseObject({
      labels: z.record(z.string(), z.string()).default({}),
      annotations: z.record(z.string(), z.string()).default({}),
    })
    .prefault({}),
  spec: z
    .looseObject({
      serviceAccountName: z.string().default('default'),
      containers: z.array(z.looseObject({ name: z.string().default(''), image: z.string().default('') })).default([]),
    })
    .prefault({}),
});

/** What of a pod template decides what runs, and under what. */
function essenceOf(template: unknown) {
  const { metadata, spec } = podSchema.parse(template);
  return {
    scc: metadata.annotations[REQUIRED_SCC_ANNOTATION],
    account: spec.serviceAccountName,
    images: spec.containers.map(({ name, image }) => `${name}=${image}`),
  };
}

/** The canary runs what was judged, as many times as its share needs. */
const canary: Look = async (read, target, { weight }) => {
  const id = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: target.ref.namespace, name: target.canary };
  const object = await read(id);
  if (!object) return deleted(id);
  const template = templateOf(object);
  const isAsJudged = isDeepStrictEqual(essenceOf(template), essenceOf(target.templateAfter));
  if (
    !isAsJudged ||
    !isIntact(canaryTemplate(target), template) ||
    isWrittenByOthers(object, FIELD_MANAGER, 'spec.template')
  )
    return changed(object, 'spec.template');
  const { replicas, paused } = deploymentSchema.parse(object).spec;
  const size = canarySize(target, weight);
  if (paused) return changed(object, 'spec.paused');
  return replicas < size ? changed(object, `spec.replicas: ${replicas} instead of ${size}`) : null;
};

const portsOf = (object: KubeObject): unknown[] =>
  serviceSchema.parse(object).spec.ports.map(({ port, ...rest }) => ({
    port,
    targetPort: rest['targetPort'],
    protocol: rest['protocol'],
  }));

/** The values of the label by which a Service picks pods: the canary's, too, where its pods divide it and it serves everything. */
const sidesOf = ({ label, survey }: Pick<MigrationTarget, 'label' | 'survey'>): string[] =>
  dividesByReplicas(survey) ? [label.stable, label.canary] : [label.stable];

/** Each Service of the user leads to the workload's pods alone, and its canary's to the canary's. */
const services: Look = async (read, { ref, services: pairs, label, survey }) => {
  const sides = sidesOf({ label, survey });
  for (const pair of pairs) {
    const id = { apiVersion: 'v1', kind: 'Service', namespace: ref.namespace, name: pair.name };
    const stable = await read(id);
    if (!isThere(stable)) return deleted(id);
    const copy = await read({ ...id, name: pair.canary });
    if (!copy) return deleted({ ...id, name: pair.canary });
    const { selector = {} } = serviceSchema.parse(stable).spec;
    if (!sides.includes(String(selector[label.key]))) return changed(stable, 'spec.selector');
    const { selector: own = {} } = serviceSchema.parse(copy).spec;
    // The one that its field manager shows another writer of is the one that was changed.
    const isOurs = !hasOtherWriter(copy, FIELD_MANAGER);
    if (!isDeepStrictEqual(own, { ...selector, [label.key]: label.canary }))
      return changed(isOurs ? stable : copy, 'spec.selector');
    if (!isDeepStrictEqual(portsOf(copy), portsOf(stable))) return changed(isOurs ? stable : copy, 'spec.ports');
  }
  return null;
};
/** A spec without what the API server leaves out when it stores one. */
function stored(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(stored);
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).filter(
    ([key, item]) =>
      item !== null &&
      item !== undefined &&
      !(key === 'matchLabels' && isRecord(item) && Object.keys(item).length === 0),
  );
  return Object.fromEntries(kept.map(([key, item]) => [key, stored(item)]));
}

/** A policy says the same of both sides for as long as the copy is what the original would be copied to now. */
const policies: Look = async (read, target) => {
  for (const key of target.policies) {
    const id = idOf(key);
    const original = await read(id);
    if (!isThere(original)) return deleted(id);
    const { namespace, name } = copyIdOf(id, target.ref.namespace);
    const copy = await read({ ...id, namespace, name });
    if (!copy) return deleted({ ...id, namespace, name });
    const wanted = copyForCanary(original, { ...target.label, name, markers: {} });
    if (isDeepStrictEqual(stored(copy['spec']), stored(wanted['spec']))) continue;
    return changed(hasOtherWriter(copy, FIELD_MANAGER) ? copy : original, 'spec');
  }
  return null;
};

/** The minimum of an autoscaler is held at what the workload had; another writer would let it shrink while it is idle. */
const autoscalers: Look = async (read, { autoscalers: held, replicas }) => {
  for (const { key } of held) {
    const id = idOf(key);
    const object = await read(id);
    if (!isThere(object)) return deleted(id);
    const { minReplicas = 1 } = object['spec'] as { minReplicas?: number };
    if (minReplicas < replicas) return changed(object, `spec.minReplicas: ${minReplicas} instead of ${replicas}`);
  }
  return null;
};

const LOOKS: readonly Look[] = [workload, made, canary, services, policies, autoscalers];

/** Everything that is looked at. */
const watchedObjects = (target: MigrationTarget): ObjectId[] => [
  workloadId(target),
  ...canaryObjects(target),
  ...target.services.map(({ name }): ObjectId => ({
    apiVersion: 'v1',
    kind: 'Service',
    namespace: target.ref.namespace,
    name,
  })),
  ...[...target.policies, ...target.autoscalers.map(({ key }) => key)].map(idOf),
];

/**
 * What another client has done to an object that the migration rests on, in words; null when all is as it was left.
 * Where a workload has no canary, nothing of it is looked at here.
 */
export async function disturbanceOf(
  kube: Pick<KubeClient, 'get'>,
  target: MigrationTarget,
  stage: ServingStage,
): Promise<string | null> {
  if (!isDivided(target.strategy)) return null;
  const seen = new Map<string, Promise<KubeObject | undefined>>();
  const read: Read = (id) => {
    const key = preImageKeyOf(id);
    const known = seen.get(key) ?? kube.get(id);
    seen.set(key, known);
    return known;
  };
  // All at once; what a look finds still counts in its order, and so does an object that cannot be read.
  for (const id of watchedObjects(target)) read(id).catch(() => undefined);
  for (const look of LOOKS) {
    const found = await look(read, target, stage);
    if (found !== null) return found;
  }
  return null;
}

/**
 * Why the workload is too small for what it serves, or will serve when requests return to it, by its own size; null
 * where it is large enough. Its pods are looked at elsewhere.
 */
export function tooSmall(
  object: KubeObject | undefined,
  { workload: name, replicas }: Pick<MigrationTarget, 'workload' | 'replicas'>,
  { weight, isReturned }: ServingStage,
): string | null {
  if (!object) return null;
  const now = deploymentSchema.parse(object).spec.replicas;
  const needed = isReturned || weight === 100 ? replicas : Math.max(1, Math.floor((replicas * (100 - weight)) / 100));
  return now >= needed ? null : `${name} was scaled from ${replicas} to ${now} ${DURING}; scale it up again`;
}
