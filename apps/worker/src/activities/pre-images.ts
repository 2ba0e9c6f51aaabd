import type { GovernanceClient } from '@scc/governance-api';
import { withoutServerFields, type KubeClient, type KubeObject, type ObjectId } from '@scc/kube';
import { isDivided } from '@scc/plan';
import type { TrafficRouter } from '@scc/routing';
import type { MigrationTarget, StoredImage } from '@scc/migration/contract';
import { canaryObjects } from './canary.js';
import { bindingsOf, grantObjects, isRemoval } from './grants.js';
import { trialObjects } from './next-run.js';
import { currentWorkflowId } from './pace.js';
import { idOf, preImageKeyOf } from '../cluster/objects.js';
import type { TargetActivities } from './target.js';
import { surveyOf } from './routes.js';
import type { Reseal } from '../undo/reseal.js';
import { workloadId } from './workload-object.js';

/** The objects among what is recorded. */
const imagesOf = (recorded: StoredImage[]): StoredImage[] =>
  recorded.filter(({ key }) => key !== TARGET_KEY && !isRemoval(key)).map(({ key, manifest }) => ({ key, manifest }));
/** Where governance keeps the target beside them. */
const TARGET_KEY = 'target';

/** Annotations that controllers write: they tell nothing about what a user set. */
const SERVER_ANNOTATIONS = ['deployment.kubernetes.io/revision', 'deprecated.daemonset.template.generation'];

/** The part of an object that a user can set. */
function userFields(object: KubeObject): Record<string, unknown> {
  const { metadata, ...rest } = withoutServerFields(object);
  const { annotations: _all, ...kept } = metadata;
  const annotations = Object.entries(object.metadata.annotations ?? {}).filter(
    ([key]) => !SERVER_ANNOTATIONS.includes(key),
  );
  return {
    ...rest,
    metadata: { ...kept, ...(annotations.length ? { annotations: Object.fromEntries(annotations) } : {}) },
  };
}

type PreImageActivities = Pick<TargetActivities, 'recordPreImages' | 'compareWithPreImages'>;

interface Deps {
  kube: KubeClient;
  governance: Pick<GovernanceClient, 'savePreImages'>;
  router: TrafficRouter;
  reseal: Reseal;
}

/** Pre-images are recorded in governance before anything is touched, and nowhere in Temporal. */
export function preImageActivities({ kube, governance, router, reseal }: Deps): PreImageActivities {
  const snapshot = async (id: ObjectId): Promise<StoredImage> => {
    const object = await kube.get(id);
    return { key: preImageKeyOf(id), manifest: object ? userFields(object) : null };
  };
  const objectsOf = async (target: MigrationTarget): Promise<ObjectId[]> => {
    const { ref, sourceSCC, sourceServiceAccount } = target;
    const grants =
      sourceSCC === null
        ? []
        : await bindingsOf(kube, { namespace: ref.namespace, scc: sourceSCC, serviceAccount: sourceServiceAccount });
    const sourceBindings = grants.map(({ apiVersion, kind, metadata }) => ({
      apiVersion,
      kind,
      namespace: ref.namespace,
      name: metadata.name ?? '',
    }));
    const autoscalers = target.autoscalers.map(({ key }) => idOf(key));
    const beside = isDivided(target.strategy) ? canaryObjects(target) : trialObjects(target);
    return [workloadId(target), ...autoscalers, ...grantObjects(target), ...sourceBindings, ...beside];
  };
  return {
    recordPreImages: async (target) => {
      const ids = await objectsOf(target);
      const own = await Promise.all(ids.map(snapshot));
      const divided = isDivided(target.strategy) ? await router.preImages(surveyOf(target)) : [];
      const routes = divided.map(({ id, manifest }) => ({ key: preImageKeyOf(id), manifest }));
      const images = [...new Map([...own, ...routes].map((image) => [image.key, image])).values()];
      const stored = await governance.savePreImages(target.ref.uid, {
        workflowId: currentWorkflowId(),
        images: images.map((image, index) => ({ ...image, order: index + 1 })),
      });
      await reseal(target.ref.uid, 'begun');
      // The first recording counts: a second one might already show what the migration did.
      return imagesOf(stored.images);
    },
    compareWithPreImages: async (_target, recorded) => {
      const images = imagesOf(recorded);
      const now = await Promise.all(images.map(({ key }) => snapshot(idOf(key))));
      return images
        .filter((image, index) => differs(image, now[index]))
        .map(({ key }) => key.split('|').slice(1).join('/'));
    },
  };
}

const differs = (before: StoredImage, now: StoredImage | undefined): boolean =>
  canonical(before.manifest) !== canonical(now?.manifest ?? null);

/** JSON with sorted keys, without empty values: the API server drops those as it likes. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return item;
    return Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}
