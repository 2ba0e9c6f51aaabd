import { z } from 'zod';
import { SCC_ANNOTATION } from '../model/names.js';
import { type Pod, podSchema, type PodTemplate, podTemplateSchema } from '../model/pod.js';
import { imagesAsRun, seenUsers, type SeenUser } from './evidence.js';
import type { WorkloadKind } from '../migration/template.js';
import {
  type ClusterObject,
  controllerOf,
  groupOf,
  objectKeyOf,
  labelOf,
  type OwnerReference,
  type Unreadable,
} from './objects.js';

interface KnownKind {
  /** Whose controller makes its pods. */
  readonly kind: WorkloadKind;
  readonly template: 'template' | 'jobTemplate' | 'self';
}

const KINDS: Readonly<Record<string, KnownKind>> = {
  'apps|Deployment': { kind: 'Deployment', template: 'template' },
  'apps|ReplicaSet': { kind: 'ReplicaSet', template: 'template' },
  'apps|StatefulSet': { kind: 'StatefulSet', template: 'template' },
  'apps|DaemonSet': { kind: 'DaemonSet', template: 'template' },
  'batch|Job': { kind: 'Job', template: 'template' },
  'batch|CronJob': { kind: 'CronJob', template: 'jobTemplate' },
  '|ReplicationController': { kind: 'ReplicationController', template: 'template' },
  'apps.openshift.io|DeploymentConfig': { kind: 'DeploymentConfig', template: 'template' },
  '|Pod': { kind: 'Pod', template: 'self' },
  'argoproj.io|Rollout': { kind: 'ReplicaSet', template: 'template' },
  'serving.knative.dev|Service': { kind: 'ReplicaSet', template: 'template' },
};

/** A workload that no other workload of the scan manages, with what is seen of its pods. */
export interface Workload {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Null where the kind has no number of pods. */
  readonly replicas: number | null;
  readonly template: PodTemplate;
  readonly podsMadeAs: WorkloadKind;
  readonly volumeClaimTemplates: readonly string[];
  readonly object: ClusterObject;
  /** A controller that is no workload: an operator. */
  readonly operator: OwnerReference | null;
  /** Live pods by the SCC that admitted them; '' for pods that no SCC admitted. */
  readonly pods: ReadonlyMap<string, number>;
  /** One of the live pods. */
  readonly runningPod: Pod | undefined;
  /** The template with the images that the live pods run, by their digests. */
  readonly asRun: PodTemplate;
  /** What the live pods show of the users of their images. */
  readonly seenUsers: readonly SeenUser[];
}

const templated = z.looseObject({ spec: z.looseObject({ template: podTemplateSchema }) });
const cron = z.looseObject({ spec: z.looseObject({ jobTemplate: templated }) });
const claims = z.looseObject({
  spec: z.looseObject({
    volumeClaimTemplates: z.array(z.looseObject({ metadata: z.looseObject({ name: z.string() }) })),
  }),
});
const replicated = z.looseObject({ spec: z.looseObject({ replicas: z.int() }) });
const phased = z.looseObject({ status: z.looseObject({ phase: z.string() }) });

const kindOf = ({ apiVersion, kind }: Pick<ClusterObject, 'apiVersion' | 'kind'>): KnownKind | undefined =>
  KINDS[`${groupOf(apiVersion)}|${kind}`];

function templateOf(object: ClusterObject, { template }: KnownKind): z.ZodSafeParseResult<PodTemplate> {
  if (template === 'self') return podTemplateSchema.safeParse(object);
  if (template === 'template') return templated.transform(({ spec }) => spec.template).safeParse(object);
  return cron.transform(({ spec }) => spec.jobTemplate.spec.template).safeParse(object);
}

const namespaceOf = ({ metadata }: ClusterObject, fallback: string): string => metadata.namespace ?? fallback;

/** A pod that has ended holds no SCC any more. */
const hasEnded = (pod: ClusterObject): boolean =>
  ['Succeeded', 'Failed'].includes(phased.safeParse(pod).data?.status.phase ?? '');

interface Known {
  readonly object: ClusterObject;
  readonly kind: KnownKind;
  readonly namespace: string;
}

interface Sighting {
  readonly pods: Map<string, number>;
  readonly live: [ClusterObject, Pod][];
}

const UNSEEN: Pick<Workload, 'pods'> & { readonly live: Sighting['live'] } = { pods: new Map(), live: [] };

const isPod = ({ kind }: Known): boolean => kind.template === 'self';
/** A pod of a cluster; one of a file has no status. */
const isLive = (one: Known): boolean => isPod(one) && phased.safeParse(one.object).success && !hasEnded(one.object);

/** Who is above whom among the workloads of a scan. */
class Owners {
  readonly #byKey: ReadonlyMap<string, Known>;

  constructor(known: readonly Known[]) {
    this.#byKey = new Map(
      known.map((one) => [
        objectKeyOf(one.object.apiVersion, one.object.kind, one.namespace, one.object.metadata.name),
        one,
      ]),
    );
  }

  above({ object, namespace }: Known): Known | undefined {
    const owner = controllerOf(object);
    return owner ? this.#byKey.get(objectKeyOf(owner.apiVersion, owner.kind, namespace, owner.name)) : undefined;
  }

  topOf(one: Known): Known {
    const seen = new Set<Known>([one]);
    let top = one;
    for (let next = this.above(top); next && !seen.has(next); next = this.above(top)) seen.add((top = next));
    return top;
  }
}

function sightingsOf(known: readonly Known[], owners: Owners) {
  const sightings = new Map<Known, Sighting>();
  const livePods = new Map<ClusterObject, ClusterObject>();
  for (const one of known.filter(isLive)) {
    const top = owners.topOf(one);
    livePods.set(one.object, top.object);
    const seen = sightings.get(top) ?? { pods: new Map<string, number>(), live: [] };
    const scc = one.object.metadata.annotations?.[SCC_ANNOTATION] ?? '';
    seen.pods.set(scc, (seen.pods.get(scc) ?? 0) + 1);
    const pod = podSchema.safeParse(one.object).data;
    if (pod) seen.live.push([one.object, pod]);
    sightings.set(top, seen);
  }
  return { sightings, livePods };
}

/** A static pod's owner is its node: a file there, no operator. */
const isOfNode = ({ kind, apiVersion }: OwnerReference): boolean => kind === 'Node' && apiVersion === 'v1';

const claimNames = (object: ClusterObject): string[] =>
  (claims.safeParse(object).data?.spec.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name);

function workloadFrom({ object, kind, namespace }: Known, template: PodTemplate, seen: Sighting | undefined): Workload {
  const owner = controllerOf(object);
  const { pods, live } = seen ?? UNSEEN;
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    namespace,
    name: object.metadata.name,
    replicas: replicated.safeParse(object).data?.spec.replicas ?? null,
    template,
    podsMadeAs: kind.kind,
    volumeClaimTemplates: kind.kind === 'StatefulSet' ? claimNames(object) : [],
    object,
    operator: owner && !isOfNode(owner) ? owner : null,
    pods,
    runningPod: live[0]?.[1],
    asRun: imagesAsRun(template, live),
    seenUsers: seenUsers(template, live),
  };
}

interface Workloads {
  readonly workloads: Workload[];
  readonly unreadable: Unreadable[];
  /** Each live pod, with what stands at the end of its chain of owners. */
  readonly livePods: ReadonlyMap<ClusterObject, ClusterObject>;
}

/**
 * The workloads among the objects: those that no other workload manages. Pods count for the workload at the end of
 * their chain of owners, never by labels.
 * @param fallback the namespace of objects that name none
 */
export function workloadsOf(objects: readonly ClusterObject[], fallback: string): Workloads {
  const known = objects.flatMap((object): Known[] => {
    const kind = kindOf(object);
    return kind === undefined ? [] : [{ object, kind, namespace: namespaceOf(object, fallback) }];
  });
  const owners = new Owners(known);
  const { sightings, livePods } = sightingsOf(known, owners);
  const workloads: Workload[] = [];
  const unreadable: Unreadable[] = [];
  for (const one of known) {
    if (owners.above(one) || (isPod(one) && hasEnded(one.object))) continue;
    const template = templateOf(one.object, one.kind);
    if (template.success) workloads.push(workloadFrom(one, template.data, sightings.get(one)));
    else unreadable.push({ source: labelOf(one.object), reason: z.prettifyError(template.error) });
  }
  return { workloads, unreadable, livePods };
}
