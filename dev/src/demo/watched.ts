import { isCanaryObject, PLAN_LABEL, plansPath, type PlanStatus, planStatusSchema } from '@scc/plan';
import { pause } from '@scc/runtime';
import { SCC_ANNOTATION } from '@scc/scc';
import { z } from 'zod';
import { KubeError, KubeUnreachable } from '@scc/kube';
import type { ClusterApi } from '../cluster/api.js';
import { NAMESPACE } from './scenarios.js';

const namedSchema = z.looseObject({ metadata: z.looseObject({ name: z.string() }) });

type Changed = (objects: ReadonlyMap<string, unknown>) => void;

/** A list of the API server that is kept up to date until `signal` aborts; `onChange` comes after each change. */
export async function keepList(
  api: ClusterApi,
  path: string,
  { signal, onChange }: { signal: AbortSignal; onChange: Changed },
): Promise<void> {
  while (!signal.aborted) {
    try {
      await follow(api, path, signal, onChange);
    } catch (error) {
      // A watch ends with the server or with our own abort; anything else is a fault of ours.
      const isEnded = error === signal.reason || error instanceof KubeError || error instanceof KubeUnreachable;
      if (!isEnded) throw error;
      await pause(200, signal);
    }
  }
}

async function follow(api: ClusterApi, path: string, signal: AbortSignal, onChange: Changed): Promise<void> {
  const { items, resourceVersion } = await api.list(path);
  const objects = new Map(items.map((item) => [namedSchema.parse(item).metadata.name, item]));
  onChange(objects);
  for await (const { type, object } of api.watch(path, resourceVersion, signal)) {
    const { name } = namedSchema.parse(object).metadata;
    if (type === 'DELETED') objects.delete(name);
    else objects.set(name, object);
    onChange(objects);
  }
}

const planSchema = z.looseObject({
  metadata: z.looseObject({ finalizers: z.array(z.string()).default([]) }),
  status: planStatusSchema.default({}),
});

export interface WatchedPlan {
  status: PlanStatus;
  finalizers: string[];
}

export function planIn(objects: ReadonlyMap<string, unknown>, name: string): WatchedPlan | null {
  const object = objects.get(name);
  if (object === undefined) return null;
  const { metadata, status } = planSchema.parse(object);
  return { status, finalizers: metadata.finalizers };
}

const podSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    deletionTimestamp: z.string().optional(),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  status: z.looseObject({
    phase: z.string().default(''),
    conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })).default([]),
  }),
});

export interface WatchedPod {
  name: string;
  scc: string;
  ready: boolean;
  leaving: boolean;
  canary: boolean;
}

/** The pods of a workload and of its canary that have not ended. A canary's pods are told by their label: their names begin like the others'. */
export function podsIn(objects: ReadonlyMap<string, unknown>, workload: string): WatchedPod[] {
  const pods = [...objects.values()].map((object) => podSchema.parse(object));
  return pods
    .filter(({ metadata: { labels } }) => labels['app'] === workload || labels[PLAN_LABEL] === workload)
    .filter(({ status: { phase } }) => phase !== 'Succeeded' && phase !== 'Failed')
    .map(({ metadata, status }) => ({
      name: metadata.name,
      scc: metadata.annotations[SCC_ANNOTATION] ?? 'none',
      ready: status.conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
      leaving: metadata.deletionTimestamp !== undefined,
      canary: isCanaryObject(metadata),
    }));
}

export function bySCC(pods: readonly WatchedPod[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { scc } of pods) counts[scc] = (counts[scc] ?? 0) + 1;
  return counts;
}

export const PLANS_PATH = plansPath(NAMESPACE);
export const PODS_PATH = `/api/v1/namespaces/${NAMESPACE}/pods`;
