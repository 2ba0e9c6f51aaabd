import type { KubeClient, KubeObject } from '@scc/kube';
import type { Violation } from '@scc/plan';
import { z } from 'zod';
import { quantity } from './quantity.js';

/** Whether the namespace has room for the canary: its quotas and limit ranges, before anything is touched. */

const amountsSchema = z.record(z.string(), z.union([z.string(), z.number()])).default({});
const quotaSchema = z.looseObject({
  spec: z.looseObject({ scopes: z.array(z.string()).optional(), scopeSelector: z.unknown().optional() }).prefault({}),
  status: z.looseObject({ hard: amountsSchema, used: amountsSchema }).prefault({}),
});
const limitRangeSchema = z.looseObject({
  spec: z.looseObject({
    limits: z
      .array(
        z.looseObject({
          type: z.string(),
          min: amountsSchema,
          max: amountsSchema,
          maxLimitRequestRatio: amountsSchema,
        }),
      )
      .nullish()
      .transform((limits) => limits ?? []),
  }),
});
const containerSchema = z.looseObject({
  name: z.string().default(''),
  restartPolicy: z.string().optional(),
  resources: z.looseObject({ requests: amountsSchema, limits: amountsSchema }).prefault({}),
});
const podSpecSchema = z.looseObject({
  containers: z.array(containerSchema).default([]),
  initContainers: z
    .array(containerSchema)
    .nullish()
    .transform((containers) => containers ?? []),
});
type Container = z.infer<typeof containerSchema>;

/** The containers that run together for as long as the pod does: init containers that are sidecars as well. */
function runningIn(podSpec: unknown): Container[] {
  const { containers, initContainers } = podSpecSchema.parse(podSpec);
  return [...initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always'), ...containers];
}
type Limit = z.infer<typeof limitRangeSchema>['spec']['limits'][number];

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

/** How much is needed of a resource that a quota names; undefined for what the migration does not touch. */
function neededOf(resource: string, need: Need): number | undefined {
  const counted = COUNTED[resource];
  if (counted) return counted(need);
  const containers = runningIn(need.podSpec);
  const sum = (of: (container: Container) => number): number =>
    need.pods * containers.reduce((total, container) => total + of(container), 0);
  const [, side = '', name = ''] = /^(requests|limits)\.(.+)$/.exec(resource) ?? [];
  if (side === 'limits') return sum((container) => limited(container, name));
  if (side === 'requests') return sum((container) => requested(container, name));
  const isShort = resource === 'cpu' || resource === 'memory';
  return isShort ? sum((container) => requested(container, resource)) : undefined;
}

const shown = (value: number): string => String(Number(value.toFixed(3)));

function quotaViolations(quota: KubeObject, need: Need): Violation[] {
  const { spec, status } = quotaSchema.parse(quota);
  // A quota of some pods only: whether the canary's are among them is for the API server to say.
  if (spec.scopes?.length || spec.scopeSelector !== undefined) return [];
  return Object.entries(status.hard).flatMap(([resource, hard]) => {
    const needed = neededOf(resource, need);
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
  const tooMuch = Object.entries(max).filter(
    ([name, most]) => sum((container) => limited(container, name)) > quantity(most),
  );
  const tooLittle = Object.entries(min).filter(([name, least]) => {
    const requests = sum((container) => requested(container, name));
    return requests > 0 && requests < quantity(least);
  });
  return [
    ...tooMuch.map(([name, most]) => `a limit of ${name} above ${most}`),
    ...tooLittle.map(([name, least]) => `a request of ${name} below ${least}`),
  ];
}

const ratios = (most: Limit['maxLimitRequestRatio'], container: Container): string[] =>
  Object.entries(most)
    .filter(([name, ratio]) => limited(container, name) > quantity(ratio) * requested(container, name))
    .map(([name, ratio]) => `a limit of ${name} above ${ratio} times its request`);

function limitViolations(range: KubeObject, { podSpec }: Need): Violation[] {
  const { containers, initContainers } = podSpecSchema.parse(podSpec);
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

/** Why pods of the canary would be refused for lack of room. */
export const roomViolations = (room: Room, need: Need): Violation[] => [
  ...room.quotas.flatMap((quota) => quotaViolations(quota, need)),
  ...room.limitRanges.flatMap((range) => limitViolations(range, need)),
];
