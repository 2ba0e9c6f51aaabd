import { isDeepStrictEqual } from 'node:util';
import type { KubeClient, KubeObject } from '@scc/kube';
import { canBeShared } from '@scc/plan';
import { plural } from '@scc/plan/words';
import { z } from 'zod';
import { deploymentSchema } from './objects.js';
import type { Stand } from './ordinals.js';
import { rolloutOf } from './rollout.js';
import { podsOfWorkload, type WorkloadPod, type WorkloadPods } from './workload-pods.js';

/** A Deployment whose own pods move: one first, then the rest at the pace that its user set. */

const paceSchema = z.looseObject({
  spec: z.looseObject({
    strategy: z.looseObject({ type: z.enum(['RollingUpdate', 'Recreate']).default('RollingUpdate') }).prefault({}),
    minReadySeconds: z.int().default(0),
    progressDeadlineSeconds: z.int().nullish(),
  }),
});

/** The fields of a Deployment that decide how its pods are replaced, as paths in a JSON patch below `/spec`. */
export const PACE_FIELDS = ['strategy', 'minReadySeconds', 'progressDeadlineSeconds'] as const;

type Paces = { own: Record<string, unknown>; held: Record<string, unknown> };

/** No pod counts as available before: the controller replaces one pod, and no other one until this is taken back. */
const HELD_S = 2 ** 31 - 2;
/** The API server's word for "no deadline"; a deadline has to be later than `minReadySeconds`. */
const NO_DEADLINE_S = 2 ** 31 - 1;

/** How a Deployment's pods are replaced, as the API server holds it; a field that is not set is null. */
export function paceOf(object: KubeObject): Record<string, unknown> {
  const { strategy, minReadySeconds, progressDeadlineSeconds = null } = paceSchema.parse(object).spec;
  return { strategy, minReadySeconds, progressDeadlineSeconds };
}

/** Whether all pods are stopped before the first new one starts: there is no first pod to judge alone. */
export const replacesAllAtOnce = (object: KubeObject): boolean =>
  paceSchema.parse(object).spec.strategy.type === 'Recreate';

/**
 * The pace of the user, and the one by which a single pod moves: a further one, or, where it could not mount what the
 * others have, in place of one of them. `Recreate` stays as it is: its user wants no two pods side by side.
 */
export function pacesOf(object: KubeObject, claims: readonly { accessModes: readonly string[] }[]): Paces {
  if (replacesAllAtOnce(object)) return ownPacesOf(object);
  const own = paceOf(object);
  const isAlone = claims.some((claim) => !canBeShared(claim));
  const rollingUpdate = isAlone ? { maxSurge: 0, maxUnavailable: 1 } : { maxSurge: 1, maxUnavailable: 0 };
  const strategy = { type: 'RollingUpdate', rollingUpdate };
  return { own, held: { strategy, minReadySeconds: HELD_S, progressDeadlineSeconds: NO_DEADLINE_S } };
}

/** The user's own pace and no other one: all pods start together. */
export function ownPacesOf(object: KubeObject): Paces {
  const own = paceOf(object);
  return { own, held: own };
}

/** Why pods are not replaced as the migration has set it, or null. */
export function paceDrift(object: KubeObject, expected: readonly Record<string, unknown>[]): string | null {
  const name = object.metadata.name ?? '';
  if (deploymentSchema.parse(object).spec.paused)
    return `another client paused Deployment ${name} during the migration`;
  const now = paceOf(object);
  if (expected.some((pace) => isDeepStrictEqual(pace, now))) return null;
  const changed = PACE_FIELDS.filter((field) => !isDeepStrictEqual(now[field], expected.at(-1)?.[field]));
  return `another client changed ${changed.map((field) => `spec.${field}`).join(', ')} of Deployment ${name} during the migration`;
}

/** The live pods of a Deployment, the oldest first, and why the API server refuses further ones. */
export async function podsOfRolling(kube: Pick<KubeClient, 'list'>, object: KubeObject): Promise<WorkloadPods> {
  const { pods, refusal } = await podsOfWorkload(kube, object);
  const oldestFirst = (a: WorkloadPod, b: WorkloadPod): number =>
    a.createdAt.localeCompare(b.createdAt) || a.name.localeCompare(b.name);
  return { pods: pods.toSorted(oldestFirst), refusal };
}

/** Pods of the new template that can serve, the oldest first. */
export const movedAmong = (pods: readonly WorkloadPod[], targetSCC: string): WorkloadPod[] =>
  pods.filter(({ isCurrent, leaving, ready, scc }) => isCurrent && !leaving && ready && scc === targetSCC);

/**
 * Whether as many pods have moved as are wanted, or, with `all`, every pod has. One that was scaled down meanwhile has no
 * more of them to wait for.
 */
export function standOfRolling(
  object: KubeObject,
  pods: readonly WorkloadPod[],
  { wanted, all, targetSCC }: { wanted: number; all: boolean; targetSCC: string },
): Stand<WorkloadPod> {
  const { spec, status } = deploymentSchema.parse(object);
  if (status.observedGeneration < (object.metadata.generation ?? 0))
    return { state: 'waiting', message: 'the controller has not seen the change yet' };
  const stranger = pods.find(({ isCurrent, leaving, scc }) => isCurrent && !leaving && scc !== targetSCC);
  if (stranger)
    return {
      state: 'wrong',
      message: `pod ${stranger.name} runs under ${stranger.scc ?? 'no SCC'} instead of ${targetSCC}`,
    };
  const moved = movedAmong(pods, targetSCC);
  const rollout = rolloutOf(object);
  const lacking = all ? spec.replicas : Math.min(wanted, spec.replicas);
  if (moved.length >= lacking && (!all || rollout.state === 'done')) return { state: 'moved', pods: moved };
  const starting = pods.filter(({ isCurrent, leaving, ready }) => isCurrent && !leaving && !ready);
  const said = starting.map(
    ({ name, trouble }) => `pod ${name} is not ready${trouble === null ? '' : ` (${trouble})`}`,
  );
  const rest = rollout.state === 'waiting' ? rollout.message : `${plural(moved.length, 'pod')} of ${lacking} moved`;
  return { state: 'waiting', message: said.length > 0 ? said.join('; ') : rest };
}
