import type { KubeClient, KubeObject } from '@scc/kube';
import type { Violation } from '@scc/plan';
import { z } from 'zod';
import { quantity } from './quantity.js';
import { isCounted, scopedSchema } from './quota-scopes.js';

/** Whether the namespace has room for the canary: its quotas and limit ranges, before anything is touched. */

const amountsSchema = z.record(z.string(), z.union([z.string(), z.number()])).default({});
const quotaSchema = z.looseObject({
  spec: scopedSchema.prefault({}),
  status: z.looseObject({ hard: amountsSchema, used: amountsSchema }).prefault({}),
});
const limitRangeSchema = z.looseObject({
  spec: z.looseObject({
    limits: z
      .array(
        z.looseObject({
          type: z.string(),
          default: amountsSchema,
          defaultRequest: amountsSchema,
          min: amountsSchema,
          max: amountsSchema,
          maxLimitRequestRatio: amountsSchema,
        }),
      )
      .nullish()
      .transform((limits) => limits ?? []),
  }),
});
const resourcesSchema = z.looseObject({ requests: amountsSchema, limits: amountsSchema });
const containerSchema = z.looseObject({
  name: z.string().default(''),
  restartPolicy: z.string().optional(),
  resources: resourcesSchema.prefault({}),
});
const podSpecSchema = z.looseObject({
  /** Of the pod as a whole. */
  resources: resourcesSchema.optional(),
  containers: z.array(containerSchema).default([]),
  initContainers: z
    .array(containerSchema)
    .nullish()
    .transform((containers) => containers ?? []),
});
type Container = z.infer<typeof containerSchema>;

type PodSpec = z.infer<typeof podSpecSchema>;

/** The containers that run together for as long as the pod does: init containers that are sidecars as well. */
const runningIn = ({ containers, initContainers }: PodSpec): Container[] => [
  ...initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always'),
  ...containers,
];
type Limit = z.infer<typeof limitRangeSchema>['spec']['limits'][number];

/**
 * A container as the API server takes it: a limit is a request too, what is still absent is a LimitRange's, and what
 * is absent then is what the same container of a pod that runs has.
 */
function withDefaults(container: Container, limits: readonly Limit[], running: readonly Container[]): Container {
  const { requests, limits: most } = container.resources;
  const ranges = limits.filter(({ type }) => type === 'Container');
  const { resources } = running.find(({ name }) => name === container.name) ?? {};
  const given = [...ranges.map((one) => ({ requests: one.defaultRequest, limits: one.default })), resources];
  return {
    ...container,
    resources: {
      requests: given.reduce((all, one) => ({ ...one?.requests, ...all }), { ...most, ...requests }),
      limits: given.reduce((all, one) => ({ ...one?.limits, ...all }), most),
    },
  };
}

/** Objects of a namespace that bound new pods. */
export interface Room {
  quotas: KubeObject[];
  limitRanges: KubeObject[];
}

export async function readRoom(kube: KubeClient, namespace: string): Promise<Room> {
  const [quotas, limitRanges] = await Promise.all([
    kube.list({ apiVersion: 'v1', kind: 'ResourceQuota' }, { namespace }),
    kube.list({ apiVersion: 'v1', kind: 'LimitRange' }, { namespace }),
  ]);
  return { quotas: quotas.items, limitRanges: limitRanges.items };
}

/** The objects that the migration adds to a namespace for its time. */
export interface Need {
  /** The pod template's spec after the change. */
  podSpec: unknown;
  /** Pods that run: a webhook may have given their containers what the template does not say. */
  running: readonly KubeObject[];
  /** Pods of the canary at its largest, and by which the workload's own rollout begins. */
  pods: number;
  services: number;
}

const requested = ({ resources }: Container, of: string): number =>
  quantity(resources.requests[of] ?? resources.limits[of] ?? 0);
const limited = ({ resources }: Container, of: string): number => quantity(resources.limits[of] ?? 0);

/** Objects that a quota counts, by the word that it has for them. */
const COUNTED: Readonly<Record<string, (need: Need) => number>> = {
  pods: ({ pods }) => pods,
  'count/pods': ({ pods }) => pods,
  services: ({ services }) => services,
  'count/services': ({ services }) => services,
  'count/deployments.apps': () => 1,
  'count/replicasets.apps': () => 1,
};

/** What a quota counts of a resource: its requests or its limits; null for what no container asks for. */
function sideOf(resource: string): { side: 'requests' | 'limits'; name: string } | null {
  const [, side, name = ''] = /^(requests|limits)\.(.+)$/.exec(resource) ?? [];
  if (side === 'requests' || side === 'limits') return { side, name };
  return resource === 'cpu' || resource === 'memory' ? { side: 'requests', name: resource } : null;
}

/** How much is needed of a resource that a quota names; undefined for what the migration does not touch. */
function neededOf(resource: string, podSpec: PodSpec, need: Need): number | undefined {
  const counted = COUNTED[resource];
  if (counted) return counted(need);
  const counts = sideOf(resource);
  if (!counts) return undefined;
  const amountOf = counts.side === 'limits' ? limited : requested;
  const ofPod = podSpec.resources && { ...podSpec, name: '', resources: podSpec.resources };
  if (ofPod && isNamed(ofPod, counts)) return need.pods * amountOf(ofPod, counts.name);
  return need.pods * runningIn(podSpec).reduce((total, container) => total + amountOf(container, counts.name), 0);
}

const isNamed = (
  { resources }: Pick<Container, 'resources'>,
  { side, name }: NonNullable<ReturnType<typeof sideOf>>,
): boolean => resources[side][name] !== undefined || (side === 'requests' && resources.limits[name] !== undefined);

/** Containers that say nothing of CPU or memory that a quota counts: the API server refuses their pods. */
function unanswered(resource: string, { containers, initContainers, resources }: PodSpec): string[] {
  const counts = sideOf(resource);
  if (!counts || !['cpu', 'memory'].includes(counts.name) || resources) return [];
  return [...initContainers, ...containers].filter((one) => !isNamed(one, counts)).map(({ name }) => name);
}

const shown = (value: number): string => String(Number(value.toFixed(3)));

function unansweredViolations(quota: KubeObject, podSpec: PodSpec): Violation[] {
  const { spec, status } = quotaSchema.parse(quota);
  if (isCounted(spec, podSpec) !== true) return [];
  return Object.keys(status.hard).flatMap((resource) => {
    const silent = unanswered(resource, podSpec);
    if (silent.length === 0) return [];
    return [
      {
        code: 'QuotaUnanswered',
        field: 'spec.workloadRef',
        message: `ResourceQuota ${quota.metadata.name ?? ''} counts ${resource}, of which the template says nothing for ${silent.join(', ')}: new pods are refused`,
        remedy: 'Give these containers one, or the namespace a LimitRange with defaults for containers.',
      },
    ];
  });
}

function quotaViolations(quota: KubeObject, podSpec: PodSpec, need: Need): Violation[] {
  const { spec, status } = quotaSchema.parse(quota);
  if (isCounted(spec, podSpec) !== true) return [];
  return Object.entries(status.hard).flatMap(([resource, hard]) => {
    const needed = neededOf(resource, podSpec, need);
    const free = quantity(hard) - quantity(status.used[resource] ?? 0);
    if (needed === undefined || needed <= free) return [];
    return [
      {
        code: 'QuotaTooSmall',
        field: 'spec.canary.replicas',
        message: `ResourceQuota ${quota.metadata.name ?? ''} leaves ${shown(Math.max(0, free))} of ${resource}, and the canary beside the workload needs ${shown(needed)}`,
        remedy: 'Raise the quota for the time of the migration, or let the canary be smaller (canary.replicas).',
      },
    ];
  });
}

/** What of a container, or of all that run in a pod, a LimitRange does not take. */
function outside({ min, max }: Pick<Limit, 'min' | 'max'>, containers: readonly Container[]): string[] {
  const sum = (of: (container: Container) => number): number =>
    containers.reduce((total, container) => total + of(container), 0);
  const has = (side: 'requests' | 'limits', name: string): boolean =>
    containers.some((container) => isNamed(container, { side, name }));
  return [
    ...Object.entries(max).flatMap(([name, most]) => {
      if (!has('limits', name)) return [`no limit of ${name}`];
      return sum((container) => limited(container, name)) > quantity(most) ? [`a limit of ${name} above ${most}`] : [];
    }),
    ...Object.entries(min).flatMap(([name, least]) => {
      if (!has('requests', name)) return [`no request of ${name}`];
      const requests = sum((container) => requested(container, name));
      return requests < quantity(least) ? [`a request of ${name} below ${least}`] : [];
    }),
  ];
}

const ratios = (most: Limit['maxLimitRequestRatio'], container: Container): string[] =>
  Object.entries(most)
    .filter(([name, ratio]) => limited(container, name) > quantity(ratio) * requested(container, name))
    .map(([name, ratio]) => `a limit of ${name} above ${ratio} times its request`);

function limitViolations(range: KubeObject, podSpec: PodSpec): Violation[] {
  const { containers, initContainers } = podSpec;
  const violation = (who: string, what: string): Violation => ({
    code: 'OutsideLimitRange',
    field: 'spec.podSecurity.patch',
    message: `${who} has ${what}, which LimitRange ${range.metadata.name ?? ''} refuses for new pods`,
    remedy: 'Change the resources of the workload, or the LimitRange.',
  });
  return limitRangeSchema.parse(range).spec.limits.flatMap((limit) => {
    if (limit.type === 'Pod') return outside(limit, runningIn(podSpec)).map((what) => violation('a pod', what));
    if (limit.type !== 'Container') return [];
    return [...initContainers, ...containers].flatMap((container) =>
      [...outside(limit, [container]), ...ratios(limit.maxLimitRequestRatio, container)].map((what) =>
        violation(`container ${container.name}`, what),
      ),
    );
  });
}

/** Pods as they are made: with what LimitRanges and webhooks give them. */
function asMade({ limitRanges }: Room, need: Pick<Need, 'podSpec' | 'running'>): PodSpec {
  const written = podSpecSchema.parse(need.podSpec);
  const running = podSpecSchema.parse(need.running[0]?.['spec'] ?? {});
  const limits = limitRanges.flatMap((range) => limitRangeSchema.parse(range).spec.limits);
  const whole = (list: readonly Container[], before: readonly Container[]): Container[] =>
    list.map((container) => withDefaults(container, limits, before));
  return {
    ...written,
    containers: whole(written.containers, running.containers),
    initContainers: whole(written.initContainers, running.initContainers),
  };
}

/** Why pods of the changed template would be refused, however few: those of the workload cannot be made again. */
export function refusedViolations(room: Room, need: Pick<Need, 'podSpec' | 'running'>): Violation[] {
  const podSpec = asMade(room, need);
  return [
    ...room.quotas.flatMap((quota) => unansweredViolations(quota, podSpec)),
    ...room.limitRanges.flatMap((range) => limitViolations(range, podSpec)),
  ];
}

/** Why pods of the canary would be refused for lack of room. */
export function roomViolations(room: Room, need: Need): Violation[] {
  const podSpec = asMade(room, need);
  return [...room.quotas.flatMap((quota) => quotaViolations(quota, podSpec, need)), ...refusedViolations(room, need)];
}
