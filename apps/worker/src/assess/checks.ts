import {
  canBeShared,
  comparisonViolations,
  durationMs,
  trialViolations,
  UNREADY_ANNOTATION,
  type Violation,
} from '@scc/plan';
import {
  CLAIM_KIND,
  isPaused,
  isScaledToZero,
  type MovedWorkload,
  nobodyIsServed,
  partitionIsInUse,
  runsAreNotKept,
  runsGoneBy,
  serviceIsShared,
  volumeCannotBeShared,
  volumeIsRelabelled,
} from '@scc/routing';
import { REQUIRED_SCC_ANNOTATION } from '@scc/scc';
import { isUndivided, observedSource, type Facts, type AssessedWorkload } from './facts.js';
import { missedBy } from '../cluster/cron-jobs.js';
import { replacesAllAtOnce } from '../cluster/rolling.js';
import { deliveredWarnings, managedViolations, ownerWarnings } from './managed.js';
import { isAccepted, unreadViolations, wayViolations, wayWarnings } from './ways.js';

/** Lets a plan move a workload that is not healthy now; the plan's author says so by this annotation, value "true". */

/** One rule about the facts: yields every violation that it finds. Named for what is wrong. */
type Check = (facts: Facts) => Violation[];

const violation = (code: string, field: string, message: string, remedy: string): Violation => ({
  code,
  field,
  message,
  remedy,
});

const workloadDoesNotExist: Check = ({ spec: { workloadRef }, workload, ref }) =>
  workload !== null
    ? []
    : [
        violation(
          'WorkloadNotFound',
          'spec.workloadRef.name',
          `there is no ${workloadRef.kind} ${workloadRef.name} in the namespace ${ref.namespace}`,
          `Name a ${workloadRef.kind} of the same namespace as the plan.`,
        ),
      ];

const targetDoesNotExist: Check = ({ spec: { targetSCC }, sccs }) =>
  sccs.byName.has(targetSCC)
    ? []
    : [
        violation(
          'SCCNotFound',
          'spec.targetSCC',
          `there is no SCC ${targetSCC} in the cluster`,
          `Name one of ${[...sccs.byName.keys()].toSorted().join(', ')}.`,
        ),
      ];

const targetCanNotDecide: Check = ({ spec: { targetSCC }, sccs }) => {
  const error = sccs.byName.get(targetSCC)?.error;
  if (error === undefined) return [];
  return [violation('SCCInvalid', 'spec.targetSCC', `the SCC ${targetSCC} is not valid: ${error}`, 'Repair the SCC.')];
};

const serviceAccountDoesNotExist: Check = ({ spec, serviceAccount, ref, workload }) => {
  if (serviceAccount.exists || !workload) return [];
  const isPatched = serviceAccount.name !== workload.deployment.spec.template.spec.serviceAccountName;
  const elsewhere = isPatched ? 'spec.podSecurity.patch' : 'spec.workloadRef';
  const field = spec.serviceAccountName === undefined ? elsewhere : 'spec.serviceAccountName';
  const message = `there is no ServiceAccount ${serviceAccount.name} in the namespace ${ref.namespace}`;
  return [violation('ServiceAccountNotFound', field, message, 'Create it, or name another one.')];
};

type WorkloadCheck = (workload: AssessedWorkload, facts: Facts) => Violation[];

/** A rule about a workload that exists. */
const ofWorkload =
  (check: WorkloadCheck): Check =>
  (facts) =>
    facts.workload ? check(facts.workload, facts) : [];

/** The fields by which a workload of a scan is judged, too. */
const movedOf = (workload: AssessedWorkload): MovedWorkload => {
  const { object, deployment, ordered, services, claims } = workload;
  return {
    kind: object.kind,
    name: object.metadata.name ?? '',
    isUndivided: isUndivided(workload),
    replicas: deployment.spec.replicas,
    isPaused: deployment.spec.paused,
    partition: ordered?.updateStrategy.rollingUpdate.partition ?? 0,
    runsGoneBy: runsGoneBy(object),
    owners: object.metadata.ownerReferences ?? [],
    labels: object.metadata.labels ?? {},
    matchLabels: deployment.spec.selector.matchLabels,
    services,
    claims,
  };
};

/** A rule that scans have in common with plans. */
const ofMoved = (rule: (workload: MovedWorkload) => Violation[]): Check =>
  ofWorkload((workload) => rule(movedOf(workload)));

const nameOf = ({ object }: AssessedWorkload): string => `${object.kind} ${object.metadata.name ?? ''}`;

const sourceIsAnother = ofWorkload((workload, { spec: { sourceSCC, targetSCC } }) => {
  const observed = observedSource(workload, targetSCC);
  if (sourceSCC === undefined || observed === sourceSCC) return [];
  const seen = [...new Set(workload.pods.map(({ scc }) => scc ?? 'none'))].join(', ') || 'no pod';
  const message = `the plan says that the pods run under ${sourceSCC}; they run under ${seen}`;
  return [violation('SourceIsAnother', 'spec.sourceSCC', message, 'Correct sourceSCC, or leave it out.')];
});

const isMigratedAlready = ofWorkload(({ pods, deployment }, { spec: { targetSCC } }) => {
  const present = pods.filter(({ leaving }) => !leaving);
  const pinned = deployment.spec.template.metadata.annotations[REQUIRED_SCC_ANNOTATION] === targetSCC;
  if (!pinned || present.length === 0 || present.some(({ scc }) => scc !== targetSCC)) return [];
  const message = `every pod runs under ${targetSCC} already, and the template asks for it`;
  return [violation('AlreadyMigrated', 'spec.targetSCC', message, 'Delete the plan: there is nothing to do.')];
});

/** Gates of a plan that leaves the strategy to the facts, where these have no second side. */
const gateCannotCompare = ofWorkload(({ strategy }, { spec }) => comparisonViolations(spec, strategy));

/** The same of a trial. */
const trialNeedsCanary = ofWorkload(({ strategy }, { spec }) => trialViolations(spec, strategy));

/** An unhealthy source is said at once; waiting for it could take for ever and would block the very repair. */
const sourceIsUnhealthy = ofWorkload((workload, { planAnnotations }) => {
  const { rollout, deployment } = workload;
  if (rollout.state === 'done' || deployment.spec.paused || planAnnotations[UNREADY_ANNOTATION] === 'true') return [];
  return [
    violation(
      'SourceNotReady',
      'spec.workloadRef',
      `${nameOf(workload)} is not fully available: ${rollout.message}`,
      `Repair it first, or annotate the plan with ${UNREADY_ANNOTATION}: "true" to move it as it is.`,
    ),
  ];
});

/** A pod counts only once it has been ready for so long: no pod could be in time. */
const readinessIsTooShort = ofWorkload(({ object }, { spec: { gates } }) => {
  const { minReadySeconds = 0 } = object['spec'] as { minReadySeconds?: number };
  const { timeout } = gates.readiness;
  if (minReadySeconds === 0 || minReadySeconds * 1000 < durationMs(timeout)) return [];
  const message = `a pod has to be available within ${timeout}, and minReadySeconds of the workload lets none be before ${minReadySeconds} s`;
  const remedy = `Set it longer than ${minReadySeconds}s and what a pod takes to start.`;
  return [violation('ReadinessTooShort', 'spec.gates.readiness.timeout', message, remedy)];
});

const nameIsTaken: Check = ({ inTheWay }) =>
  inTheWay.map((object) =>
    violation(
      'NameTaken',
      'spec.workloadRef',
      `${object} exists already and is not of this plan`,
      'Remove or rename it: the canary needs the name.',
    ),
  );

/** Claims whose volume the canary would take away, unless the plan accepts that. */
export const relabelViolations = (workload: AssessedWorkload, { spec, ref }: Facts): Violation[] =>
  volumeIsRelabelled({
    ...movedOf(workload),
    claims: workload.claims.filter(
      ({ name }) => !isAccepted(spec.traffic.accept, { kind: CLAIM_KIND, name }, ref.namespace),
    ),
  });

const wayIsNotDivided: Check = ({ ways, unread, spec, ref }) => [
  ...wayViolations(ways, spec.traffic.accept, ref.namespace),
  ...unreadViolations(unread, spec.traffic.accept),
];

const checks: readonly Check[] = [
  workloadDoesNotExist,
  targetDoesNotExist,
  targetCanNotDecide,
  serviceAccountDoesNotExist,
  sourceIsAnother,
  isMigratedAlready,
  gateCannotCompare,
  trialNeedsCanary,
  ofMoved(isPaused),
  ofMoved(isScaledToZero),
  managedViolations,
  ofMoved(volumeCannotBeShared),
  ofMoved(partitionIsInUse),
  ofMoved(runsAreNotKept),
  ofMoved(serviceIsShared),
  wayIsNotDivided,
  sourceIsUnhealthy,
  readinessIsTooShort,
  ofMoved(nobodyIsServed),
  nameIsTaken,
];

/** Every violation of every check, in a fixed order. */
export const violationsOf = (facts: Facts): Violation[] => checks.flatMap((check) => check(facts));

/** What the wait for the next run of a CronJob rests on. */
function runWarnings(workload: AssessedWorkload, cron: CronSpec): string[] {
  const { schedule, timeZone, suspend } = cron;
  const broken = workload.pods.find(({ trouble }) => trouble !== null);
  const missed = missedBy(cron);
  const name = nameOf(workload);
  const zone = timeZone === undefined ? '' : ` ${timeZone}`;
  return [
    suspend
      ? `${name} is suspended: its template changes, and the migration waits for its first run; without one in time, or a trial run that was good, it ends as not observed, and the old grant stays`
      : `the migration waits for the next run of ${name} by its schedule (${schedule}${zone})`,
    ...(missed === '' ? [] : [`${name} may begin no run in time${missed}`]),
    ...(broken
      ? [
          `the last run of ${name} was not well already (${broken.trouble ?? ''}): its next one is judged all the same, and the same trouble takes the migration back`,
        ]
      : []),
    ...(workload.pods.length === 0 ? [`no run of ${name} is there, so that nothing shows the SCC of its pods`] : []),
  ];
}
type CronSpec = NonNullable<AssessedWorkload['cron']>;

/** The own pods of a Deployment change: what that means for its requests depends on how its user has them replaced. */
function rollingWarnings(workload: AssessedWorkload): string[] {
  const { object, deployment, claims } = workload;
  const name = nameOf(workload);
  const alone = claims.filter((claim) => !canBeShared(claim)).map((claim) => claim.name);
  const away = 'its requests wait, or fail, until a new one is ready under the target';
  if (replacesAllAtOnce(object))
    return [
      `${name} stops all of its pods before the first new one starts (strategy: Recreate): that is an outage, and ${away}; an undo is another one`,
    ];
  if (alone.length === 0) return [];
  const where = `the claim ${alone.join(', ')} is mounted on one node at a time`;
  return [
    deployment.spec.replicas === 1
      ? `${name} has one pod, and ${where}: the pod is stopped first, that is an outage, and ${away}`
      : `${name}: ${where}, so its first pod is stopped before the new one starts; a new pod on another node waits for the volume`,
  ];
}

/** What a workload without pods shows, and what of the plan means nothing for it. */
const idleWarnings = (workload: AssessedWorkload, { gates, bake }: Facts['spec']): string[] => [
  `${nameOf(workload)} runs no pod: its template changes, and the migration waits for its first pods (spec.strategy.waitForRun); where none starts in time it ends as not observed, and the old grant stays`,
  ...(gates.metrics.length > 0
    ? ['its first pods are judged by readiness, SCC and permission errors in their logs; metric gates are not asked']
    : []),
  ...(bake === undefined ? [] : ['spec.bake does nothing for a workload that runs no pod']),
];

/** One pod at a time is away while it moves; requests that only that pod can serve wait for it. */
const outageWarnings = (workload: AssessedWorkload, spec: Facts['spec']): string[] => {
  if (workload.strategy.type === 'NextRun' && !workload.cron) return idleWarnings(workload, spec);
  if (workload.daemon)
    return [
      `the pods of ${nameOf(workload)} are stopped and started node by node: what only the pod of one node serves waits for it`,
    ];
  if (workload.cron) return runWarnings(workload, workload.cron);
  if (workload.strategy.type === 'Rolling') return rollingWarnings(workload);
  if (!workload.ordered) return [];
  const { replicas } = workload.ordered;
  return [
    replicas === 1
      ? `${nameOf(workload)} has one pod: its requests wait, or fail, while it is stopped and starts again under the target`
      : `the pods of ${nameOf(workload)} are stopped and started one by one: what only one of them can serve waits for it`,
  ];
};

/**
 * Facts that do not forbid a migration but should be known.
 * @param isStopped all pods are stopped at once, which is said elsewhere
 */
export function warningsOf({ workload, planAnnotations, ways, spec }: Facts, isStopped = false): string[] {
  if (!workload) return [];
  const sticky = isUndivided(workload)
    ? []
    : workload.services.filter(({ sessionAffinity }) => sessionAffinity !== 'None');
  return [
    ...(isStopped ? [] : outageWarnings(workload, spec)),
    ...deliveredWarnings(workload),
    ...ownerWarnings(workload),
    ...wayWarnings(ways),
    ...sticky.map(
      ({ name }) => `Service ${name} has session affinity, which the mesh does not keep while weights move`,
    ),
    ...(workload.rollout.state !== 'done' && planAnnotations[UNREADY_ANNOTATION] === 'true'
      ? [`the workload is not fully available: ${workload.rollout.message}`]
      : []),
  ];
}
