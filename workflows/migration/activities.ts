import { ActivityCancellationType, proxyActivities, type ActivityOptions } from '@temporalio/workflow';
import { plural } from '@scc/plan/words';
import type { MigrationActivities } from './contract.js';
import { TERMINAL_FAILURES, TRIES } from './contract.js';

type Name = keyof MigrationActivities;

/** The line that the Temporal Web UI shows for each activity. */
const SUMMARIES: { [Key in Name]: (...args: Parameters<MigrationActivities[Key]>) => string } = {
  acceptPlan: ({ namespace, name }) => `accept plan ${namespace}/${name}`,
  readLiveSettings: () => 'read the edited plan',
  assess: () => 'gather facts, check the plan, ask governance',
  approvalState: () => 'look for approvals',
  authorizeStep: (_ref, { step, detail }) => `may ${step} run? (${detail})`,
  checkCommand: (_ref, { command }) => `may ${command} be applied?`,
  recordPreImages: () => 'record every object as it is now',
  takeOver: () => 'take the migration over from a run that has ended',
  handOver: () => 'let the next run go on',
  grantTarget: ({ targetSCC }) => `grant ${targetSCC}`,
  confirmAdmission: ({ targetSCC }) => `dry-run a pod under ${targetSCC}`,
  createCanary: ({ canary, replicas }) => `create ${canary} (${plural(replicas, 'pod')})`,
  awaitCanary: ({ canary }) => `wait until ${canary} is ready`,
  prepareRoutes: () => 'prepare routes',
  setMirror: (_target, mirror) => (mirror ? `mirror ${mirror.percentage} %` : 'stop mirroring'),
  setWeights: (_target, canary) => `${canary} % to the canary, verified in the proxies`,
  hold: (_target, { durationMs, weight }) => `hold ${weight} % for ${durationMs / 1000} s and watch the gates`,
  callWebhooks: (_target, { at }) => `call webhooks and run Jobs (${at})`,
  migrateWorkload: ({ workload }) => `patch ${workload}`,
  awaitWorkload: ({ workload }) => `wait for the rollout of ${workload}, verify every pod`,
  stopWorkload: ({ workload, replicas }) => `stop ${workload} (${plural(replicas, 'pod')})`,
  changeOwners: ({ workload }) => `give the files of ${workload} to its new user`,
  forgetOwners: ({ workload }) => `forget who owned the files of ${workload} before`,
  restoreOwners: ({ workload }) => `give the files of ${workload} back to their owner`,
  moveOrdinal: ({ workload }, index) => `move pod ${index} of ${workload}`,
  awaitOrdinal: ({ workload }, index) => `wait for pod ${index} of ${workload}, verify it`,
  runTrial: ({ workload }) => `run ${workload} once, verify and judge that run`,
  awaitRun: ({ workload }) => `wait for the next run of ${workload}, verify and judge it`,
  awaitStable: ({ workload }) => `wait until ${workload} can take all requests`,
  removeCanary: ({ canary }) => `drain and remove ${canary}`,
  revokeSource: ({ sourceSCC }, mode) => `${mode} the grant of ${sourceSCC ?? 'the source SCC'}`,
  summarizeTraffic: () => 'count the requests of the migration',
  restoreWorkload: ({ workload }) => `restore the template of ${workload}`,
  restoreRoutes: () => 'restore the routes',
  restoreSourceGrant: () => 'give back what was taken from the old grant',
  withdrawTargetGrant: ({ targetSCC }) => `take back the grant of ${targetSCC}`,
  compareWithPreImages: () => 'compare every touched object with before',
  recordedAfterwards: ({ namespace, name }) => `ask governance what is left to do after ${namespace}/${name}`,
  lookAfter: ({ namespace, name }) => `look whether the change of ${namespace}/${name} lasts`,
  revokeLater: ({ sourceSCC }) => `revoke the grant of ${sourceSCC ?? 'the source SCC'} when the change has lasted`,
  project: (_ref, { status, unreported }) => `status ${status.phase ?? ''}, ${plural(unreported.length, 'event')}`,
  recordedOutcome: () => 'ask governance how the migration ended',
  settlePlan: () => 'bring the plan in line with how its migration ended',
  releasePlan: () => 'release the plan',
};

/** The activities under these options, each with its line for the Web UI. */
function summarized(options: ActivityOptions): MigrationActivities {
  const proxy = proxyActivities<Record<Name, (...args: unknown[]) => Promise<unknown>>>(options);
  const call = (name: Name) => {
    const summarize = SUMMARIES[name] as (...args: unknown[]) => string;
    return (...args: unknown[]): Promise<unknown> =>
      proxy[name].executeWithOptions({ ...options, summary: summarize(...args) }, args);
  };
  const named = Object.keys(SUMMARIES).map((name) => [name, call(name as Name)]);
  return Object.fromEntries(named) as MigrationActivities;
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

/**
 * Steps and questions: tried again for about ten seconds, which passes over most faults of an API. A call that fails
 * for longer is said on the plan and tried again by the workflow (`waits.ts`).
 */
export const activities = summarized({ ...common, retry: { ...retry, maximumAttempts: TRIES } });
/**
 * Projections and the release of the plan: tried until they succeed or can never succeed; no other place could tell it.
 */
export const patientActivities = summarized({ ...common, retry });
/** Steps of an undo: a few tries, then the failure is said on the plan before the next round. */
export const undoActivities = summarized({ ...common, retry: { ...retry, maximumAttempts: 4 } });
