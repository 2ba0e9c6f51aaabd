import type { KubeClient, KubeObject } from '@scc/kube';
import type { Violation } from '@scc/plan';
import { z } from 'zod';
import { listServed } from '../cluster/served.js';
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

/**
 * Whether the canary's pods fit on the nodes.
 * @param need the pod template's spec after the change, and how many pods the canary has at its largest
 */
export function reviewCapacity(
  { nodes, pods, unread }: Capacity,
  need: { podSpec: unknown; pods: number },
): CapacityReview {
  if (unread !== null) return warns(`whether the nodes have room for the canary is not known: ${unread}`);
  if (nodes.length === 0) return warns('whether the nodes have room for the canary is not known: there is no node');
  const spec = podSpecSchema.parse(need.podSpec);
  const requests = requestsOf(spec);
  const all = nodes.map((node) => nodeSchema.parse(node));
  const open = all.filter(
    (node) =>
      !node.spec.unschedulable &&
      isReady(node) &&
      toleratesAll(need.podSpec, node.spec.taints) &&
      isOnNodes(need.podSpec, { name: node.metadata.name, labels: node.metadata.labels }),
  );
  const running = pods
    .map((pod) => podSchema.parse(pod))
    .filter(({ status, spec: own }) => {
      const isOver = status.phase === 'Succeeded' || status.phase === 'Failed';
      // Pods of less priority make room for others.
      return !isOver && own.nodeName !== undefined && own.priority >= spec.priority;
    });
  const room = open.reduce((sum, node) => {
    const here = running.filter(({ spec: own }) => own.nodeName === node.metadata.name);
    return (
      sum +
      roomOn(
        node,
        here.map((pod) => requestsOf(pod.spec)),
        requests,
      )
    );
  }, 0);
  if (room >= need.pods) return { violations: [], warnings: [] };
  const words = `the nodes have room for ${room} of the canary's ${need.pods} pods: each asks for ${shown(requests)}, and ${open.length} of ${all.length} nodes take such pods`;
  if (mayGrow(all)) return warns(`${words}; they come into being only when nodes are added`);
  return {
    violations: [
      {
        code: 'CapacityTooSmall',
        field: 'spec.canary.replicas',
        message: words,
        remedy: 'Add nodes for the time of the migration, or let the canary be smaller (canary.replicas).',
      },
    ],
    warnings: [],
  };
}
