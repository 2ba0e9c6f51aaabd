import { isDeepStrictEqual } from 'node:util';
import { lastWriter, type KubeClient, type KubeObject, type ObjectId } from '@scc/kube';
import type { MigrationActivities, MigrationTarget, StoredImage } from '@scc/migration/contract';
import type { Conflict } from '@scc/routing';
import { FIELD_MANAGER } from '@scc/plan';
import { terminal } from './failures.js';
import { deploymentSchema, keyOf } from '../cluster/objects.js';
import { until } from './pace.js';
import { asPodSCC, podsOf, rolloutOf, strangers, troubles } from '../cluster/rollout.js';
import { revert } from './three-way.js';

const POLL_MS = 150;
/** How long an undo waits for the stable pods before it says so on the plan and begins again, in milliseconds. */
const STABLE_ROUND_MS = 60_000;
/** After this the Deployment's own idea of being available is enough: one lost node must not hold up an undo. */
const STABLE_ALL_MS = 20_000;

export const workloadId = ({ ref, kind, workload }: MigrationTarget): ObjectId => ({
  apiVersion: 'apps/v1',
  kind,
  namespace: ref.namespace,
  name: workload,
});

type WorkloadActivities = Pick<
  MigrationActivities,
  'migrateWorkload' | 'awaitWorkload' | 'awaitStable' | 'restoreWorkload'
>;

const templateOf = (object: KubeObject): unknown => (object['spec'] as { template: unknown }).template;

/** Rolls the user's own workload to the target and back. */
export function workloadActivities(kube: KubeClient): WorkloadActivities {
  const read = async (target: MigrationTarget): Promise<KubeObject> => {
    const object = await kube.get(workloadId(target));
    if (object?.metadata.uid !== target.workloadUid)
      throw terminal('drift', `${target.kind} ${target.workload} was deleted or replaced during the migration`);
    return object;
  };
  const writeTemplate = async (target: MigrationTarget, current: KubeObject, template: unknown): Promise<void> => {
    // The test makes the write fail, instead of overwriting, when somebody else changed the template meanwhile.
    const body = [
      { op: 'test', path: '/metadata/resourceVersion', value: current.metadata.resourceVersion },
      { op: 'replace', path: '/spec/template', value: template },
    ];
    await kube.patch(workloadId(target), { type: 'json', body, fieldManager: FIELD_MANAGER });
  };
  const pods = async (target: MigrationTarget, current: KubeObject) =>
    podsOf(kube, target.ref.namespace, deploymentSchema.parse(current).spec.selector.matchLabels);

  return {
    migrateWorkload: async (target) => {
      const current = await read(target);
      const template = templateOf(current);
      if (isDeepStrictEqual(template, target.templateAfter)) return;
      if (!isDeepStrictEqual(template, target.templateBefore))
        throw terminal('drift', `somebody changed the pod template of ${target.workload} during the migration`);
      await writeTemplate(target, current, target.templateAfter);
    },

    awaitWorkload: async (target, timeoutMs) => {
      const state = { message: 'the rollout was not seen yet' };
      const ready = await until(
        async () => {
          const current = await read(target);
          const rollout = rolloutOf(current);
          const seen = await pods(target, current);
          if (rollout.state === 'refused')
            throw terminal('admission', `the workload's pods are refused: ${rollout.message}`);
          if (rollout.state === 'failed')
            throw terminal('rollout', `the rollout failed: ${rollout.message}${troubles(seen)}`);
          if (rollout.state === 'waiting') {
            state.message = rollout.message + troubles(seen);
            return undefined;
          }
          const wrong = strangers(seen, target.targetSCC);
          if (wrong) throw terminal('admission', wrong);
          return seen.filter(({ leaving }) => !leaving);
        },
        {
          everyMs: POLL_MS,
          timeoutMs,
          expired: () => terminal('rollout', `the rollout is not done after ${timeoutMs / 1000} s: ${state.message}`),
        },
      );
      return ready.map(asPodSCC);
    },

    awaitStable: async (target) => {
      const startMs = Date.now();
      const state = { message: '' };
      await until(
        async () => {
          const current = await read(target);
          const rollout = rolloutOf(current);
          if (rollout.state === 'done') return true;
          const seen = await pods(target, current);
          state.message = rollout.message + troubles(seen);
          const enough = rollout.state === 'waiting' && rollout.available && isUpdated(current);
          return enough && Date.now() - startMs >= STABLE_ALL_MS ? true : undefined;
        },
        {
          everyMs: POLL_MS,
          timeoutMs: STABLE_ROUND_MS,
          expired: () =>
            terminal(
              'readiness',
              `the stable pods of ${target.workload} are not ready, the canary keeps serving: ${state.message}`,
            ),
        },
      );
    },

    restoreWorkload: async (target, images) => {
      const current = await kube.get(workloadId(target));
      if (current?.metadata.uid !== target.workloadUid) return [gone(target)];
      const before = templateIn(images, target);
      const { value, conflicts } = revert({ before, ours: target.templateAfter, current: templateOf(current) });
      if (!isDeepStrictEqual(value, templateOf(current))) await writeTemplate(target, current, value);
      return conflicts.length
        ? [
            {
              object: `${target.kind} ${target.workload}`,
              fields: conflicts,
              manager: lastWriter(current, FIELD_MANAGER),
            },
          ]
        : [];
    },
  };
}

const isUpdated = (object: KubeObject): boolean => {
  const { spec, status } = deploymentSchema.parse(object);
  return status.updatedReplicas >= spec.replicas && status.replicas === status.updatedReplicas;
};

const gone = ({ kind, workload }: MigrationTarget): Conflict => ({
  object: `${kind} ${workload}`,
  fields: ['metadata.uid'],
  manager: 'somebody (it was deleted or replaced)',
});

function templateIn(images: StoredImage[], target: MigrationTarget): unknown {
  const image = images.find(({ key }) => key === keyOf(workloadId(target)));
  if (!image?.manifest) throw new Error(`no pre-image of ${target.kind} ${target.workload} was recorded`);
  return (image.manifest['spec'] as { template: unknown }).template;
}
