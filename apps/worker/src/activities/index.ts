import type { GovernanceClient, GuardedActivity } from '@scc/governance-api';
import type { KubeClient } from '@scc/kube';
import { movesPodByPod } from '@scc/plan';
import type { TrafficRouter } from '@scc/routing';
import type { MigrationActivities, MigrationTarget } from '@scc/migration/contract';
import type { Instruments } from '../metrics.js';
import type { MetricSource } from '../outside/prometheus.js';
import type { ReadImages } from '../assess/evidence.js';
import type { ReviewGates } from '../outside/review.js';
import type { CallWebhook } from '../outside/webhooks.js';
import { resealWith } from '../undo/reseal.js';
import { SealedMaterial } from '../undo/sealed.js';
import { lookAfterWith, revokeLaterWith } from './after.js';
import { meaningGiver } from './answers.js';
import { assessWith } from './assess.js';
import { canaryActivities } from './canary.js';
import { firstPodsActivities, unreadyAfterUndo } from './first-pods.js';
import { withFigures } from './figures.js';
import { holdWith } from './gates.js';
import { endingWithNamespace } from './going.js';
import { governanceActivities } from './governance.js';
import { guarded, ownWorkflowsOnly } from './guarded.js';
import { grantActivities } from './grants.js';
import { earlierOf, outcomeActivities, knownOutcome } from './outcome.js';
import { beating } from './pace.js';
import { planActivities, readPlan } from './plan.js';
import { projectWith } from './project.js';
import type { MovingActivities } from './moving.js';
import { nextRunActivities, type NextRunActivities } from './next-run.js';
import { orderedActivities } from './ordered.js';
import { ownersActivities } from './owners.js';
import { perNodeActivities } from './per-node.js';
import { rollingActivities } from './rolling.js';
import { stoppedActivities } from './stopped.js';
import { preImageActivities } from './pre-images.js';
import { routeActivities } from './routes.js';
import { callWebhooksWith } from './webhooks.js';
import { outlineOf, type TargetActivities } from './target.js';
import { workloadActivities } from './workload.js';

export interface WorkerDeps {
  kube: KubeClient;
  governance: GovernanceClient;
  router: TrafficRouter;
  metrics: MetricSource;
  reviewGates: ReviewGates;
  readImages: ReadImages;
  callWebhook: CallWebhook;
  instruments: Instruments;
  /** How long requests under way are given to finish, in milliseconds. */
  drainMs: number;
  /** Of the cluster, such as `cluster.local`. */
  domain: string;
  /** The root namespace of the mesh. */
  root: string;
}

/** Each activity tells Temporal that it lives, so that a dead worker's work is taken over within seconds. */
function heartbeating<Activities extends object>(activities: Activities, { measured }: Instruments): Activities {
  const withMeaning = meaningGiver();
  const entries = Object.entries(activities).map(([name, activity]: [string, unknown]) => [
    name,
    (...args: unknown[]) =>
      measured(name, () =>
        beating(() =>
          withMeaning(name as keyof MigrationActivities, () =>
            (activity as (...all: unknown[]) => Promise<unknown>)(...args),
          ),
        ),
      ),
  ]);
  return Object.fromEntries(entries) as Activities;
}

type Moving = ReturnType<typeof workloadActivities>;

interface Strategies {
  canary: Moving & Pick<TargetActivities, 'removeCanary'>;
  ordered: MovingActivities;
  perNode: MovingActivities;
  rolling: MovingActivities;
  nextRun: NextRunActivities;
}

/** The activities on the workload itself, each in the way in which its target is moved. */
function byStrategy(
  kube: KubeClient,
  { canary, ordered, perNode, rolling, nextRun: ofRuns }: Strategies,
): MovingActivities & NextRunActivities {
  const ofKind = ({ kind }: MigrationTarget): MovingActivities => {
    if (kind === 'Deployment') return rolling;
    return kind === 'DaemonSet' ? perNode : ordered;
  };
  const firstPods = { ...ofRuns, ...firstPodsActivities(kube, ofKind) };
  const next = ({ kind }: MigrationTarget): NextRunActivities => (kind === 'CronJob' ? ofRuns : firstPods);
  const stopped = { ordered: stoppedActivities(kube, ordered), rolling: stoppedActivities(kube, rolling) };
  const podByPod = ({ strategy, owners }: MigrationTarget): MovingActivities => {
    if (strategy === 'Rolling') return owners ? stopped.rolling : rolling;
    if (strategy === 'PerNode') return perNode;
    return owners ? stopped.ordered : ordered;
  };
  const choice = (target: MigrationTarget): Moving => {
    if (target.strategy === 'NextRun') return next(target);
    return movesPodByPod(target.strategy) ? podByPod(target) : canary;
  };
  return {
    runTrial: ofRuns.runTrial,
    awaitRun: (target, request) => next(target).awaitRun(target, request),
    removeCanary: (target, ledForMs) =>
      target.strategy === 'NextRun' ? ofRuns.removeCanary(target) : canary.removeCanary(target, ledForMs),
    moveOrdinal: (target, index) => podByPod(target).moveOrdinal(target, index),
    awaitOrdinal: (target, index, timeoutMs) => podByPod(target).awaitOrdinal(target, index, timeoutMs),
    migrateWorkload: (target, begunMs, ledForMs) => choice(target).migrateWorkload(target, begunMs, ledForMs),
    awaitWorkload: (target, timeoutMs) => choice(target).awaitWorkload(target, timeoutMs),
    awaitStable: (target) => choice(target).awaitStable(target),
    restoreWorkload: (target, images) => choice(target).restoreWorkload(target, images),
  };
}

/** Activities that governance has let begin, on a real cluster. */
function targetActivities(deps: WorkerDeps): TargetActivities {
  const { kube, governance, router, metrics, drainMs, root } = deps;
  const reseal = resealWith({ governance, sealed: new SealedMaterial(kube) });
  const { revokeForGood, ...grants } = grantActivities({ kube, governance, reseal });
  const canary = canaryActivities(kube);
  const images = preImageActivities({ kube, governance, router, reseal });
  const activities: TargetActivities = {
    ...grants,
    revokeLater: revokeLaterWith(kube, revokeForGood),
    ...canary,
    ...byStrategy(kube, {
      canary: { ...canary, ...workloadActivities({ kube, router, metrics, drainMs }) },
      ordered: orderedActivities(kube),
      perNode: perNodeActivities(kube),
      rolling: rollingActivities(kube),
      nextRun: nextRunActivities(kube),
    }),
    ...ownersActivities(kube),
    ...routeActivities({ kube, router, metrics, root }),
    ...images,
    compareWithPreImages: async (target, recorded) => [
      ...(await images.compareWithPreImages(target, recorded)),
      ...(await unreadyAfterUndo(kube, target)),
    ],
    callWebhooks: callWebhooksWith(deps.callWebhook, kube),
    hold: withFigures(metrics, holdWith({ metrics, router, kube, root })),
    summarizeTraffic: async ({ ref, services }, sinceMs, liveMs = sinceMs) => {
      // Without a Service there is nothing by which requests to it could be told from others.
      if (services.length === 0) return null;
      const { namespace } = ref;
      const [stable, canary] = [services.map(({ name }) => name), services.map((pair) => pair.canary)];
      await metrics.settled({ namespace, services: stable }, Date.now()).catch(() => undefined);
      return metrics.summarize({ namespace, stable, canary, sinceMs, liveMs });
    },
  };
  return endingWithNamespace(activities, kube);
}

/** Activities that ask, look at the plan, or write its status. */
function planningActivities({ kube, governance }: WorkerDeps): Omit<MigrationActivities, GuardedActivity | 'assess'> {
  return {
    ...planActivities(
      kube,
      {
        read: (uid) => knownOutcome(governance, uid),
        judge: (plan, recorded) => earlierOf({ kube, governance }, plan, recorded),
      },
      governance.liveSettings,
    ),
    ...outcomeActivities({ kube, governance }),
    lookAfter: lookAfterWith(kube),
    ...governanceActivities(governance),
    project: projectWith({ kube, governance, sealed: new SealedMaterial(kube) }),
  };
}

/** Everything that activities do, whoever asks and in whatever order: for suites that look at each by itself. */
export function unguardedActivities(deps: WorkerDeps) {
  const activities = { ...planningActivities(deps), ...targetActivities(deps), assess: assessWith(deps) };
  return heartbeating(activities, deps.instruments);
}

/** The workflow's activities, on a real cluster. Only workflows of the plan that they are about may have them run. */
export function createActivities(deps: WorkerDeps): MigrationActivities {
  const { kube, governance, instruments } = deps;
  const assess = assessWith(deps);
  const planning = planningActivities(deps);
  const activities: MigrationActivities = {
    ...planning,
    ...guarded({ governance, sealed: new SealedMaterial(kube) }, targetActivities(deps)),
    assess: async (ref) => {
      const judged = await assess(ref, await readPlan(kube, ref));
      return judged.ok ? { ...judged, target: outlineOf(judged.target) } : judged;
    },
  };
  return heartbeating(ownWorkflowsOnly(activities), instruments);
}
