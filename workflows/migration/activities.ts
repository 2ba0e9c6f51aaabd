import { ActivityCancellationType, proxyActivities, type ActivityOptions } from '@temporalio/workflow';
import type { MigrationActivities } from './contract.js';
import { TERMINAL_FAILURES } from './contract.js';

/** The line that the Temporal Web UI shows for each activity. */
const SUMMARIES: { [Name in keyof MigrationActivities]: (...args: Parameters<MigrationActivities[Name]>) => string } = {
  acceptPlan: ({ namespace, name }) => `accept plan ${namespace}/${name}`,
  readLiveSettings: () => 'read the edited plan',
  assess: () => 'gather facts, check the plan, ask governance',
  approvalState: () => 'look for approvals',
  authorizeStep: (_ref, { step, detail }) => `may ${step} run? (${detail})`,
  checkCommand: (_ref, { command }) => `may ${command} be applied?`,
  recordPreImages: () => 'record every object as it is now',
  loadPreImages: () => 'load the recorded objects',
  grantTarget: ({ targetSCC }) => `grant ${targetSCC}`,
  confirmAdmission: ({ targetSCC }) => `dry-run a pod under ${targetSCC}`,
  createCanary: ({ canary, replicas }) => `create ${canary} (${replicas} pods)`,
  awaitCanary: ({ canary }) => `wait until ${canary} is ready`,
  prepareRoutes: () => 'prepare routes',
  setMirror: (_target, mirror) => (mirror ? `mirror ${mirror.percentage} %` : 'stop mirroring'),
  setWeights: (_target, canary) => `${canary} % to the canary, verified in the proxies`,
  hold: ({ durationMs, weight }) => `hold ${weight} % for ${durationMs / 1000} s and watch the gates`,
  callWebhooks: ({ at }) => `call webhooks (${at})`,
  migrateWorkload: ({ workload }) => `patch ${workload}`,
  awaitWorkload: ({ workload }) => `wait for the rollout of ${workload}, verify every pod`,
  awaitStable: ({ workload }) => `wait until ${workload} can take all requests`,
  removeCanary: ({ canary }) => `drain and remove ${canary}`,
  revokeSource: ({ sourceSCC }, mode) => `${mode} the grant of ${sourceSCC ?? 'the source SCC'}`,
  summarizeTraffic: () => 'count the requests of the migration',
  restoreWorkload: ({ workload }) => `restore the template of ${workload}`,
  restoreRoutes: () => 'restore the routes',
  restoreGrants: () => 'restore the grants',
  compareWithPreImages: () => 'compare every touched object with before',
  report: (_ref, events) => `report ${events.length} event(s)`,
  writeStatus: (_ref, status) => `status ${status.phase ?? ''}`,
  planPhase: () => 'read how far the plan is',
  releasePlan: () => 'release the plan',
};

function summarized(options: ActivityOptions): MigrationActivities {
  const name = (key: string | symbol): keyof MigrationActivities => {
    if (typeof key !== 'string' || !(key in SUMMARIES)) throw new Error(`unknown activity ${String(key)}`);
    return key as keyof MigrationActivities;
  };
  return new Proxy({} as MigrationActivities, {
    get: (_target, key) => {
      const activity = name(key);
      return (...args: unknown[]) => {
        const summary = (SUMMARIES[activity] as (...all: unknown[]) => string)(...args);
        const proxied = proxyActivities<Record<string, (...all: unknown[]) => Promise<unknown>>>({
          ...options,
          summary,
        });
        return proxied[activity]?.(...args);
      };
    },
  });
}

const common: ActivityOptions = {
  startToCloseTimeout: '30 days',
  heartbeatTimeout: '6s',
  // An undo must not begin while the step it undoes still runs somewhere.
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
};
const retry = {
  initialInterval: '200ms',
  backoffCoefficient: 2,
  maximumInterval: '10s',
  nonRetryableErrorTypes: TERMINAL_FAILURES,
} as const;

/** Steps of a migration: infrastructure faults are waited out, terminal failures lead to the undo. */
export const defaultActivities = summarized({ ...common, retry });
/** Questions and projections: never give up. */
export const patientActivities = defaultActivities;
/** Steps of an undo: a few tries, then the failure is said on the plan before the next round. */
export const undoActivities = summarized({ ...common, retry: { ...retry, maximumAttempts: 4 } });
