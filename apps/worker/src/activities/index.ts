import type { GovernanceClient } from '@scc/governance-api';
import type { KubeClient } from '@scc/kube';
import type { TrafficRouter } from '@scc/routing';
import type { MigrationActivities } from '@scc/migration/contract';
import type { Instruments } from '../metrics.js';
import type { MetricSource } from '../outside/prometheus.js';
import type { ReviewGates } from '../outside/review.js';
import type { CallWebhook } from '../outside/webhooks.js';
import { meaningGiver } from './answers.js';
import { assessWith } from './assess.js';
import { canaryActivities } from './canary.js';
import { holdWith } from './gates.js';
import { endingWithNamespace } from './going.js';
import { governanceActivities } from './governance.js';
import { grantActivities } from './grants.js';
import { earlierOf, outcomeActivities } from './outcome.js';
import { beating } from './pace.js';
import { planActivities } from './plan.js';
import { projectWith } from './project.js';
import { preImageActivities } from './pre-images.js';
import { routeActivities } from './routes.js';
import { callWebhooksWith } from './webhooks.js';
import { workloadActivities } from './workload.js';

export interface WorkerDeps {
  kube: KubeClient;
  governance: GovernanceClient;
  router: TrafficRouter;
  metrics: MetricSource;
  reviewGates: ReviewGates;
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
function heartbeating(activities: MigrationActivities, { measured }: Instruments): MigrationActivities {
  const withMeaning = meaningGiver();
  const entries = Object.entries(activities).map(([name, activity]) => [
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
  return Object.fromEntries(entries) as MigrationActivities;
}

/** The workflow's activities, on a real cluster. */
export function createActivities(deps: WorkerDeps): MigrationActivities {
  const { kube, governance, router, metrics, instruments } = deps;
  const activities: MigrationActivities = {
    ...planActivities(kube, (plan) => earlierOf({ kube, governance }, plan), governance.liveSettings),
    ...outcomeActivities({ kube, governance }),
    ...governanceActivities(governance),
    ...grantActivities({ kube, governance }),
    ...canaryActivities(kube),
    ...workloadActivities({ kube, router }),
    ...routeActivities({ kube, router, metrics }),
    ...preImageActivities({ kube, governance, router }),
    assess: assessWith(deps),
    project: projectWith(deps),
    callWebhooks: callWebhooksWith(deps.callWebhook),
    hold: holdWith({ metrics, router, kube }),
    summarizeTraffic: async ({ ref, services }, sinceMs, liveMs = sinceMs) => {
      const { namespace } = ref;
      const [stable, canary] = [services.map(({ name }) => name), services.map((pair) => pair.canary)];
      await metrics.settled({ namespace, services: stable }, Date.now()).catch(() => undefined);
      return metrics.summarize({ namespace, stable, canary, sinceMs, liveMs });
    },
  };
  return heartbeating(endingWithNamespace(activities, kube), instruments);
}
