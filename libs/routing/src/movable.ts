import { canBeShared, type Violation } from '@scc/plan';
import { z } from 'zod';
import { chooseLabel } from './label.js';

/** Why a workload cannot be moved, as its own objects tell: the one answer for plans and for scans. */

interface Owner {
  kind: string;
  name: string;
  controller?: boolean | null | undefined;
}

/** A workload of a kind that is moved. */
export interface MovedWorkload {
  kind: string;
  name: string;
  /** Nothing of its requests is divided, and no canary stands beside it. */
  isUndivided: boolean;
  replicas: number;
  isPaused: boolean;
  /** Of a StatefulSet's update; 0 for any other kind. */
  partition: number;
  /** Of a CronJob: what takes its runs away before anybody can look at them, as `field: value`; empty for any other kind. */
  runsGoneBy: readonly string[];
  owners: readonly Owner[];
  labels: Readonly<Record<string, string>>;
  /** Of its selector. */
  matchLabels: Record<string, string>;
  /** The Services that pick its pods, with what else they lead to. */
  services: readonly { name: string; selector: Record<string, string>; others: readonly string[] }[];
  /** The claims that its template mounts. */
  claims: readonly { name: string; accessModes: readonly string[] }[];
}

/** One rule: yields every violation that it finds. Named for what is wrong. */
type Rule = (workload: MovedWorkload) => Violation[];

const FIELD = 'spec.workloadRef';
const violation = (code: string, message: string, remedy: string): Violation => ({
  code,
  field: FIELD,
  message,
  remedy,
});
/** A rule about a workload that gets a canary. */
const ofDivided =
  (rule: Rule): Rule =>
  (workload) =>
    workload.isUndivided ? [] : rule(workload);

export const isPaused: Rule = ({ isPaused: paused, name }) =>
  paused
    ? [
        violation(
          'WorkloadPaused',
          `Deployment ${name} is paused, so its change would never be rolled out`,
          `Resume it: kubectl rollout resume deployment ${name}.`,
        ),
      ]
    : [];

/** A canary stands beside pods that serve. */
export const isScaledToZero: Rule = ofDivided(({ kind, name, replicas }) =>
  replicas > 0
    ? []
    : [
        violation(
          'NoReplicas',
          `${kind} ${name} has no replicas, so there are no requests that a canary could take over`,
          'Scale it up first, or leave spec.strategy out: its template then changes, and its first pods are watched.',
        ),
      ],
);

export const nobodyIsServed: Rule = ofDivided(({ services, name }) =>
  services.length > 0
    ? []
    : [
        violation(
          'NoService',
          `no Service picks the pods of ${name}, so there are no requests to divide and no gate can judge`,
          'Leave spec.strategy out, so that its own pods change (Rolling), or create its Service.',
        ),
      ],
);

/** OLM's own kind of owner, which it does not mark as controller, and its marks on what it installs. */
const OLM_KIND = 'ClusterServiceVersion';
const OLM_OWNER = 'olm.owner';
const OLM_OWNER_KIND = 'olm.owner.kind';

/** The writer of an object's fields on its own account, as `Kind name`. */
export function ownersOf({ owners, labels }: Pick<MovedWorkload, 'owners' | 'labels'>): string[] {
  const named = owners
    .filter(({ controller, kind }) => controller === true || kind === OLM_KIND)
    .map(({ kind, name }) => `${kind} ${name}`);
  const installed = labels[OLM_OWNER];
  const byOlm = installed === undefined ? [] : [`${labels[OLM_OWNER_KIND] ?? OLM_KIND} ${installed}`];
  return [...new Set([...named, ...byOlm])];
}

/** A controller writes back the fields that it owns: an edit of its own would not last. */
export const isOwned = (workload: Pick<MovedWorkload, 'kind' | 'name' | 'owners' | 'labels'>): Violation[] =>
  ownersOf(workload).map((owner) =>
    violation(
      'WorkloadIsOwned',
      `${workload.kind} ${workload.name} is controlled by ${owner}, which would take the change back`,
      `Change the pod template in ${owner} instead.`,
    ),
  );

/** Two pods of a rolling pair would write the same volume, or the canary would never get it. */
export const volumeCannotBeShared: Rule = ofDivided(({ claims }) =>
  claims
    .filter((claim) => !canBeShared(claim))
    .map(({ name, accessModes }) =>
      violation(
        'VolumeCannotBeShared',
        `the pods mount the claim ${name} (${accessModes.join(', ') || 'no access mode'}), which a canary beside them could not share`,
        'Leave spec.strategy out, so that its own pods change (Rolling), or use a claim that several pods may mount (ReadWriteMany).',
      ),
    ),
);

/** By which a plan accepts it of a claim that its volume is relabelled. */
export const CLAIM_KIND = 'PersistentVolumeClaim';

/**
 * A canary with another SELinux level takes a volume that it shares away from the pods that serve, before it gets a
 * single request; an undo does not give it back. Only for a target that gives another level.
 */
export const volumeIsRelabelled: Rule = ofDivided(({ claims }) =>
  claims.filter(canBeShared).map(({ name }) => ({
    code: 'VolumeRelabelled',
    field: 'spec.traffic.accept',
    message: `the target gives the pods another SELinux level: the canary would relabel the volume of claim ${name} under the pods that serve, which lose access to it`,
    remedy: `Set seLinuxOptions.level of the pods to the level that the volume has, use storage that does not relabel (seLinuxChangePolicy: MountOption), or accept it by spec.traffic.accept: [{kind: ${CLAIM_KIND}, name: '${name}'}].`,
  })),
);

/** Requests to a Service are divided between a workload and its canary; no other pods may stand behind it. */
export const serviceIsShared: Rule = ofDivided(({ services }) =>
  services
    .filter(({ others }) => others.length > 0)
    .map(({ name, others }) =>
      violation(
        'SharedService',
        `Service ${name} also leads to ${others.join(', ')}, whose share of the requests the canary would take`,
        `Let Service ${name} select the pods of this workload only, for the time of the migration.`,
      ),
    ),
);

/** A partition says that its user rolls a change out in stages; the migration moves the pods by the same field. */
export const partitionIsInUse: Rule = ({ kind, name, partition }) =>
  partition === 0
    ? []
    : [
        violation(
          'PartitionInUse',
          `${kind} ${name} has the partition ${partition}: a change of its template is rolled out in stages, and a migration moves its pods by that field`,
          `Finish the rollout, then set its partition to 0: kubectl patch statefulset ${name} --type merge -p '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}'.`,
        ),
      ];

/** For how long a run must be there after its end to be judged, in seconds. */
const JUDGED_S = 60;
/** The change by which a field no longer takes them away, and no more is changed. */
const keptBy = (field: string): object =>
  field === 'ttlSecondsAfterFinished'
    ? { spec: { jobTemplate: { spec: { [field]: JUDGED_S } } } }
    : { spec: { [field]: 1 } };

/** The next run of a CronJob is judged by its Job and its pods, which have to be there when it has ended. */
export const runsAreNotKept: Rule = ({ kind, name, runsGoneBy }) =>
  runsGoneBy.map((field) =>
    violation(
      'RunsNotKept',
      `runs of ${kind} ${name} are removed as soon as they have ended (${field}), so that nothing shows how they ended`,
      `Let them be kept for the time of the migration: kubectl patch cronjob ${name} --type merge -p '${JSON.stringify(keptBy(field.split(':')[0] ?? ''))}'.`,
    ),
  );

const runSchema = z.looseObject({
  spec: z.looseObject({
    failedJobsHistoryLimit: z.int().nullish(),
    successfulJobsHistoryLimit: z.int().nullish(),
    jobTemplate: z
      .looseObject({ spec: z.looseObject({ ttlSecondsAfterFinished: z.int().nullish() }).nullish() })
      .nullish(),
  }),
});

/** What takes the runs of a CronJob away before anybody can look at them, as `field: value`; empty for any other object. */
export function runsGoneBy(object: { kind: string }): string[] {
  const { data } = runSchema.safeParse(object);
  if (object.kind !== 'CronJob' || !data) return [];
  const { failedJobsHistoryLimit, successfulJobsHistoryLimit, jobTemplate } = data.spec;
  const ttl = jobTemplate?.spec?.ttlSecondsAfterFinished;
  return [
    ...(failedJobsHistoryLimit === 0 ? ['failedJobsHistoryLimit: 0'] : []),
    ...(successfulJobsHistoryLimit === 0 ? ['successfulJobsHistoryLimit: 0'] : []),
    ...(typeof ttl === 'number' && ttl < JUDGED_S ? [`ttlSecondsAfterFinished: ${ttl}`] : []),
  ];
}

const cannotBeToldApart: Rule = ofDivided(({ matchLabels, services }) => {
  const chosen = chooseLabel({ matchLabels, services });
  return 'violations' in chosen && services.length > 0 ? chosen.violations : [];
});

const RULES: readonly Rule[] = [
  isPaused,
  isScaledToZero,
  isOwned,
  volumeCannotBeShared,
  partitionIsInUse,
  runsAreNotKept,
  serviceIsShared,
  nobodyIsServed,
  cannotBeToldApart,
];

/** Every reason among a workload's own objects for which a plan cannot move it. */
export const unmovable = (workload: MovedWorkload): Violation[] => RULES.flatMap((rule) => rule(workload));
