import type { KubeClient, KubeObject } from '@scc/kube';
import type { Violation } from '@scc/plan';
import { z } from 'zod';
import { listServed } from '../cluster/served.js';
import { roomBeside, type NodePlace, type Standing } from './affinity.js';
import { isOnNodes, toleratesAll } from './placement.js';
import { quantity } from './quantity.js';

/**
 * Whether the nodes have room for the canary beside everything that runs, before anything is touched. The scheduler has
 * the last word: refused is only what clearly does not fit, so every estimate here errs on the side of room.
 */

const amountsSchema = z.record(z.string(), z.union([z.string(), z.number()])).default({});
const podSpecSchema = z.looseObject({
  nodeName: z.string().optional(),
  priority: z.int().default(0),
  overhead: amountsSchema,
  containers: z
    .array(z.looseObject({ resources: z.looseObject({ requests: amountsSchema, limits: amountsSchema }).prefault({}) }))
    .default([]),
});
const podSchema = z.looseObject({
  spec: podSpecSchema,
  status: z.looseObject({ phase: z.string().default('Pending') }).prefault({}),
});
const nodeSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  spec: z
    .looseObject({
      unschedulable: z.boolean().default(false),
      taints: z
        .array(z.looseObject({ key: z.string(), value: z.string().default(''), effect: z.string() }))
        .nullish()
        .transform((taints) => taints ?? []),
    })
    .prefault({}),
  status: z
    .looseObject({
      allocatable: amountsSchema,
      conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })).default([]),
    })
    .prefault({}),
});
type Node = z.infer<typeof nodeSchema>;
type Amounts = ReadonlyMap<string, number>;

/** The nodes and what runs on them; `unread` says why they are not known. */
export interface Capacity {
  nodes: KubeObject[];
  pods: KubeObject[];
  unread: string | null;
}

export async function readCapacity(kube: Pick<KubeClient, 'list'>): Promise<Capacity> {
  const of = (kind: string) => listServed(kube, { group: '', versions: ['v1'], kind });
  const [nodes, pods] = await Promise.all([of('Node'), of('Pod')]);
  const [unread] = [...nodes.unread, ...pods.unread];
  return { nodes: nodes.objects, pods: pods.objects, unread: unread?.reason ?? null };
}

/** The least that a pod asks for: what starts before its containers, or is injected, may only add to it. */
function requestsOf({ containers, overhead }: z.infer<typeof podSpecSchema>): Amounts {
  const sums = new Map<string, number>();
  const add = (amounts: Readonly<Record<string, string | number>>): void => {
    for (const [name, amount] of Object.entries(amounts)) sums.set(name, (sums.get(name) ?? 0) + quantity(amount));
  };
  for (const { resources } of containers) add({ ...resources.limits, ...resources.requests });
  add(overhead);
  return sums;
}

/** How many pods with these requests a node has room for. */
function roomOn(node: Node, running: readonly Amounts[], requests: Amounts): number {
  const { allocatable } = node.status;
  const used = (name: string): number => running.reduce((sum, amounts) => sum + (amounts.get(name) ?? 0), 0);
  const slots = allocatable['pods'] === undefined ? Infinity : quantity(allocatable['pods']) - running.length;
  const byResource = [...requests].map(([name, amount]) => {
    if (amount === 0) return Infinity;
    // A hair of a pod is rounding.
    return Math.floor((quantity(allocatable[name] ?? 0) - used(name)) / amount + 1e-9);
  });
  return Math.max(0, Math.min(slots, ...byResource));
}

/** By which nodes say that somebody adds more of them when pods do not fit. */
const ADDED = [
  /^karpenter\.sh\//,
  /^cluster-autoscaler\.kubernetes\.io\//,
  /^machine\.openshift\.io\//,
  /^cloud\.google\.com\/gke-nodepool$/,
  /^eks\.amazonaws\.com\/nodegroup$/,
  /^kubernetes\.azure\.com\/agentpool$/,
];
const mayGrow = (nodes: readonly Node[]): boolean =>
  nodes.some(({ metadata: { labels, annotations } }) =>
    [...Object.keys(labels), ...Object.keys(annotations)].some((key) => ADDED.some((mark) => mark.test(key))),
  );

const isReady = ({ status }: Node): boolean =>
  !status.conditions.some(({ type, status: is }) => type === 'Ready' && is !== 'True');

const shown = (requests: Amounts): string =>
  [...requests].map(([name, amount]) => `${name} ${Number(amount.toFixed(3))}`).join(', ') || 'no resources';

export interface CapacityReview {
  violations: Violation[];
  warnings: string[];
}

const warns = (warning: string): CapacityReview => ({ violations: [], warnings: [warning] });

/** The pods that are to be added. */
export interface CapacityNeed {
  /** The canary's template after the change, placed as the canary. */
  canary: Standing;
  /** How many pods the canary has at its largest. */
  pods: number;
  /** A pod of the workload, and how many its rollout adds before it takes one away, while the canary is still there. */
  surge?: { of: Standing; pods: number };
}

/** The nodes that take a pod, with what runs there and how many more of it fit. */
function placesFor(pod: Standing, nodes: readonly Node[], running: readonly KubeObject[]) {
  const spec = podSpecSchema.parse(pod.spec);
  const requests = requestsOf(spec);
  const standing = running.flatMap((item) => {
    const { spec: own, status } = podSchema.parse(item);
    const isOver = status.phase === 'Succeeded' || status.phase === 'Failed';
    // Pods of less priority make room for others.
    if (isOver || own.nodeName === undefined || own.priority < spec.priority) return [];
    return [{ node: own.nodeName, requests: requestsOf(own), item }];
  });
  const places = nodes.map((node): NodePlace & { isOpen: boolean } => {
    const { name, labels } = node.metadata;
    const here = standing.filter((one) => one.node === name);
    return {
      labels: { 'kubernetes.io/hostname': name, ...labels },
      running: here.map(({ item }) => ({
        namespace: item.metadata.namespace ?? '',
        labels: item.metadata.labels ?? {},
        spec: item['spec'],
      })),
      room: roomOn(
        node,
        here.map((one) => one.requests),
        requests,
      ),
      isOpen:
        !node.spec.unschedulable &&
        isReady(node) &&
        toleratesAll(pod.spec, node.spec.taints) &&
        isOnNodes(pod.spec, { name, labels }),
    };
  });
  return { requests, all: places, open: places.filter(({ isOpen }) => isOpen) };
}

/** Whether the canary's pods fit on the nodes, and the pod by which the workload's own rollout begins beside them. */
export function reviewCapacity({ nodes, pods, unread }: Capacity, need: CapacityNeed): CapacityReview {
  if (unread !== null) return warns(`whether the nodes have room for the canary is not known: ${unread}`);
  if (nodes.length === 0) return warns('whether the nodes have room for the canary is not known: there is no node');
  const all = nodes.map((node) => nodeSchema.parse(node));
  const places = placesFor(need.canary, all, pods);
  const room = roomBeside(need.canary, places.open, places.all);
  const ask = `each asks for ${shown(places.requests)}`;
  if (room < need.pods)
    return lacks(
      `the nodes have room for ${room} of the canary's ${need.pods} pods: ${ask}, and ${places.open.length} of ${all.length} nodes take such pods`,
      mayGrow(all),
    );
  const { surge } = need;
  if (!surge || surge.pods === 0) return { violations: [], warnings: [] };
  const beside = placesFor(surge.of, all, pods);
  const total = beside.open.reduce((sum, place) => sum + place.room, 0);
  const left = Math.min(roomBeside(surge.of, beside.open, beside.all), total - need.pods);
  if (left >= surge.pods) return { violations: [], warnings: [] };
  return lacks(
    `the rollout of the workload adds a pod before it takes one away (maxUnavailable 0), and beside the canary's ${need.pods} pods the nodes have no room for it: ${ask}`,
    mayGrow(all),
  );
}

/** Too little room: a refusal, unless nodes are added when pods wait for them. */
function lacks(words: string, isGrowing: boolean): CapacityReview {
  if (isGrowing) return warns(`${words}; they come into being only when nodes are added`);
  const remedy =
    'Add nodes for the time of the migration, let the canary be smaller (canary.replicas), or let the rollout take a pod away first (maxUnavailable).';
  return {
    violations: [{ code: 'CapacityTooSmall', field: 'spec.canary.replicas', message: words, remedy }],
    warnings: [],
  };
}
