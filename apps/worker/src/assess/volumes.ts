import type { KubeClient } from '@scc/kube';
import type { Violation } from '@scc/plan';
import type { Pod, TemplatePatch } from '@scc/scc';
import { z } from 'zod';
import { isAccepted } from './ways.js';
import type { CensusTask, OwnersTask } from '@scc/migration/contract';
import { hasComputedPath } from '../cluster/census.js';
import { reviewOwners } from './owners.js';
import { type ClaimOfPods, type DataVolume, readVolume } from './storage.js';
import { isUndivided, type AssessedWorkload, type Facts } from './facts.js';

/** Whether the migrated pods of a StatefulSet or of a CronJob can use the data that its pods have written under another user. */

/** By whom the pods read and write. */
export interface VolumeUser {
  /** Of each container; null where the image decides. */
  uids: (number | null)[];
  fsGroup: number | null;
}

/** What is to be done with the data, the least first. */
export type VolumeDecision =
  | { do: 'Nothing'; reason: string }
  /** The node gives the files to the pods' group; `changePolicy` is set in the template where its user set none. */
  | { do: 'FsGroup'; reason: string; changePolicy: 'OnRootMismatch' | null }
  /** By hand, while the old pods run: the files are let to a group as well, and keep their owner. */
  | { do: 'Group'; reason: string; group: number }
  /**
   * No step leaves the owner in place, as far as is known. The files themselves may show another thing where there is
   * `look`: they may be as the new user needs them, or pods whose user nobody knows may let the group use them.
   */
  | { do: 'Refuse'; reason: string; look?: { group: number | null } };

interface Question {
  volumes: readonly DataVolume[];
  images: readonly string[];
  before: VolumeUser;
  after: VolumeUser & { changePolicy: string | null };
}

/** Databases that refuse a data folder which anybody but its owner may use; a group is of no help to them. */
const OWNER_ONLY =
  /(^|[/_-])(postgres|postgresql|postgis|pgvector|timescaledb|citus|spilo|greenplum|enterprisedb|crunchy-postgres|cloudnative-pg)([-_/:@]|$)/;

const isSameUser = (before: VolumeUser, after: VolumeUser): boolean =>
  before.fsGroup === after.fsGroup &&
  before.uids.every((uid, index) => uid !== null && uid === after.uids[index]) &&
  before.uids.length === after.uids.length;

const named = (volumes: readonly DataVolume[]): string =>
  volumes.map(({ name, storage }) => `${name} (${storage})`).join(', ');

/** Whether the old pods may give any file to a group. */
const isRoot = ({ uids }: VolumeUser): boolean => uids.includes(0);

/** The storage gives no file to the group: only pods that are root, or may be, can. */
function whereIgnored(ignored: readonly DataVolume[], before: VolumeUser, group: number): VolumeDecision {
  const reason = `the storage of ${named(ignored)} gives no file to the pods' group, and the user changes`;
  if (isRoot(before)) return { do: 'Group', reason, group };
  return { do: 'Refuse', reason, look: { group: before.uids.includes(null) ? group : null } };
}

/**
 * Nothing to do, the pods' fsGroup does it, their group by hand, or refused: never more is done to data than can be
 * taken back.
 */
export function decideVolumes({ volumes, images, before, after }: Question): VolumeDecision {
  if (volumes.length === 0) return { do: 'Nothing', reason: 'it keeps no data on a claim' };
  if (after.uids.length > 0 && after.uids.every((uid) => uid === 0))
    return { do: 'Nothing', reason: 'its pods run as root, which may use files of any owner' };
  if (isSameUser(before, after)) return { do: 'Nothing', reason: 'its pods keep their user and their group' };
  const ownerOnly = images.find((image) => OWNER_ONLY.test(image));
  if (ownerOnly !== undefined)
    return { do: 'Refuse', reason: `${ownerOnly} takes a data folder of its own user alone, and the user changes` };
  const unknown = volumes.filter(({ fsGroup }) => fsGroup === 'Unknown');
  if (unknown.length)
    return {
      do: 'Refuse',
      reason: `it is not known whether the storage of ${named(unknown)} gives files to the pods' group, and the user changes`,
    };
  if (after.fsGroup === null)
    return {
      do: 'Refuse',
      reason: `the user changes and the pods have no fsGroup by which they could use ${named(volumes)}`,
    };
  const ignored = volumes.filter(({ fsGroup }) => fsGroup === 'Ignored');
  if (ignored.length > 0) return whereIgnored(ignored, before, after.fsGroup);
  const walk = after.changePolicy === 'Always' ? 'at each start, as fsGroupChangePolicy says' : 'once';
  return {
    do: 'FsGroup',
    reason: `the files of ${named(volumes)} are given to group ${after.fsGroup} when they are mounted, ${walk}: that takes long where they are many`,
    changePolicy: after.changePolicy === null ? 'OnRootMismatch' : null,
  };
}

const mountsSchema = z.looseObject({
  volumeMounts: z.array(z.looseObject({ name: z.string(), mountPath: z.string() })).nullish(),
});
const volumesSchema = z
  .array(
    z.looseObject({
      name: z.string(),
      persistentVolumeClaim: z.looseObject({ claimName: z.string() }).nullish(),
    }),
  )
  .nullish();

/** The paths at which containers mount a volume of the pod. */
const pathsOf = ({ spec }: Pod, volume: string | undefined): string[] => [
  ...new Set(
    spec.containers.flatMap((container) =>
      (mountsSchema.parse(container).volumeMounts ?? [])
        .filter(({ name }) => name === volume)
        .map(({ mountPath }) => mountPath),
    ),
  ),
];

/** The claims that keep data: those of the first pod stand for those of the others. */
function claimsOf({ object, ordered, claims }: AssessedWorkload, pod: Pod): ClaimOfPods[] {
  const first = `${object.metadata.name ?? ''}-${ordered?.ordinals.start ?? 0}`;
  const volumes = volumesSchema.parse(pod.spec.volumes) ?? [];
  const volumeOf = (claim: string): string | undefined =>
    volumes.find(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === claim)?.name;
  return [
    ...(ordered?.volumeClaimTemplates ?? []).map(({ metadata: { name } }) => ({
      ...{ name, claim: `${name}-${first}` },
      paths: pathsOf(pod, name),
    })),
    ...claims.map(({ name }) => ({ name, claim: name, paths: pathsOf(pod, volumeOf(name)) })),
  ];
}

const statusSchema = z.looseObject({
  status: z
    .looseObject({
      containerStatuses: z
        .array(
          z.looseObject({
            name: z.string(),
            user: z.looseObject({ linux: z.looseObject({ uid: z.number() }).optional() }).optional(),
          }),
        )
        .default([]),
    })
    .prefault({}),
});

/** By whom a pod reads and writes, as far as the API shows it. */
export function volumeUserOf(pod: Pod | undefined): VolumeUser {
  if (!pod) return { uids: [null], fsGroup: null };
  const seen = statusSchema.parse(pod).status.containerStatuses;
  const { securityContext, containers } = pod.spec;
  return {
    uids: containers.map(
      ({ name, securityContext: own }) =>
        own?.runAsUser ?? securityContext?.runAsUser ?? seen.find((one) => one.name === name)?.user?.linux?.uid ?? null,
    ),
    fsGroup: securityContext?.fsGroup ?? null,
  };
}

/** What the data of a workload asks for. */
export interface ReviewedVolumes {
  violations: Violation[];
  warnings: string[];
  /** A further change of the template. */
  patch?: TemplatePatch;
  /** What is found out before the pods move. */
  census?: CensusTask;
  /** What changes its owner while the pods are stopped. */
  owners?: OwnersTask;
}

/** The obstacles that the data of a workload makes whose own pods change, and what should be known of it. */
export async function reviewVolumes(
  kube: Pick<KubeClient, 'get' | 'list'>,
  facts: Facts,
  { workload, running, migrated }: { workload: AssessedWorkload; running: Pod | undefined; migrated: Pod },
): Promise<ReviewedVolumes> {
  const { ref, spec } = facts;
  const isAlone = isUndivided(workload) && workload.daemon === null;
  if (!isAlone) return { violations: [], warnings: [] };
  const asked = claimsOf(workload, migrated).filter(
    ({ name }) => !isAccepted(spec.traffic.accept, { kind: CLAIM, name }, ref.namespace),
  );
  const volumes = await Promise.all(asked.map((claim) => readVolume(kube, ref.namespace, claim)));
  const policy = migrated.spec.securityContext?.['fsGroupChangePolicy'];
  const after = volumeUserOf(migrated);
  const before = volumeUserOf(running);
  const images = migrated.spec.containers.flatMap(({ image }) => (typeof image === 'string' ? [image] : []));
  const decision = decideVolumes({
    ...{ volumes, images, before },
    after: { ...after, changePolicy: typeof policy === 'string' ? policy : null },
  });
  const looked = censusOf(decision, { volumes, after, spec, workload, isKnown: running !== undefined, migrated });
  if (looked) return looked;
  // The least first: only what nothing else helps is worth an outage.
  if (spec.volumes?.ownerChange && isRefused(decision)) {
    const ownerOnly = images.find((image) => OWNER_ONLY.test(image));
    const { reason } = decision;
    return reviewOwners(kube, { facts, workload, volumes, before, after, migrated, ownerOnly, reason });
  }
  return reviewedBy(decision, { volumes, after, spec });
}

const isRefused = (decision: VolumeDecision): boolean => decision.do === 'Group' || decision.do === 'Refuse';

function reviewedBy(
  decision: VolumeDecision,
  { volumes, after, spec }: Pick<Looked, 'volumes' | 'after' | 'spec'>,
): ReviewedVolumes {
  switch (decision.do) {
    case 'Nothing':
      return { violations: [], warnings: [] };
    case 'FsGroup':
      return { violations: [], warnings: [decision.reason], ...changePolicyOf(decision, spec) };
    case 'Group':
      return {
        violations: [dataOfAnother(decision.reason, volumes, groupByHand(volumes, decision.group))],
        warnings: [],
      };
    case 'Refuse':
      return { violations: [dataOfAnother(decision.reason, volumes, ownerByHand(volumes, after))], warnings: [] };
  }
}

interface Looked {
  volumes: readonly DataVolume[];
  after: VolumeUser;
  spec: Facts['spec'];
  workload: AssessedWorkload;
  /** Whether a pod shows the SCC and the user that there are now. */
  isKnown: boolean;
  migrated: Pod;
}

/** Whether the files may be better than what is known of their storage, and a plan wants them looked at. */
const isToBeLookedAt = (decision: VolumeDecision, { spec, isKnown }: Looked): boolean =>
  isKnown &&
  spec.volumes?.census === true &&
  (decision.do === 'Group' || (decision.do === 'Refuse' && decision.look !== undefined));

/** Why no Job can look at the files; null where one can. */
function impossible({ volumes, workload, migrated }: Looked): string | null {
  const alone = volumes.filter(({ isOfOnePod }) => isOfOnePod).map(({ name }) => name);
  if (alone.length > 0 && workload.object.kind !== 'CronJob')
    return `no census is possible: while its pod runs no Job can mount ${alone.join(', ')} (ReadWriteOncePod)`;
  return hasComputedPath(migrated.spec)
    ? 'no census is possible: a path in the volume is only known to its container (subPathExpr)'
    : null;
}

/** Who may be let use the files by pods that are root, or may be. */
const groupFor = (decision: VolumeDecision): number | null =>
  decision.do === 'Group' ? decision.group : decision.do === 'Refuse' ? (decision.look?.group ?? null) : null;

/** Where a plan wants a census and it may help: the files decide, and not what is known of their storage. */
function censusOf(decision: VolumeDecision, looked: Looked): ReviewedVolumes | null {
  if (!isToBeLookedAt(decision, looked)) return null;
  const { volumes, after } = looked;
  const why = impossible(looked);
  if (why !== null) {
    const byHand = decision.do === 'Group' ? groupByHand(volumes, decision.group) : ownerByHand(volumes, after);
    return { violations: [dataOfAnother(`${decision.reason}; ${why}`, volumes, byHand)], warnings: [] };
  }
  const group = groupFor(decision);
  const then =
    group === null
      ? 'and ends the migration where the migrated pods could not use them'
      : `and lets group ${group} use them where it cannot, which leaves their owner and is not taken back by an undo`;
  const [uid = null, ...others] = new Set(after.uids);
  return {
    violations: [],
    warnings: [
      `${decision.reason}: before a pod moves, a Job beside each looks at the files of ${named(volumes)}, ${then}`,
    ],
    census: {
      volumes: volumes.map(({ name }) => name),
      uid: others.length === 0 ? uid : null,
      groups: after.fsGroup === null ? [] : [after.fsGroup],
      group,
    },
  };
}

/** In a plan that lets the template be changed: the files are walked once, and not at each start. */
const changePolicyOf = (
  { changePolicy }: { changePolicy: string | null },
  { podSecurity: { mode } }: Facts['spec'],
): Pick<ReviewedVolumes, 'patch'> =>
  changePolicy === null || mode === 'Require'
    ? {}
    : { patch: { spec: { securityContext: { fsGroupChangePolicy: changePolicy } } } };

const CLAIM = 'PersistentVolumeClaim';

const pathsIn = (volumes: readonly DataVolume[]): string =>
  volumes.flatMap(({ paths, name }) => (paths.length > 0 ? paths : [`the path of ${name}`])).join(' ');

/** Lets a group use the files, and leaves their owner: the old pods go on as if nothing had been. */
const groupByHand = (volumes: readonly DataVolume[], group: number): string =>
  `Let group ${group} use the files as well, which leaves their owner and disturbs no pod: in each pod that runs now, kubectl exec POD -- sh -c 'chgrp -R ${group} ${pathsIn(volumes)} && chmod -R g+rwX ${pathsIn(volumes)}' (an NFS server that squashes root refuses that: do it there)`;

const ownerByHand = (volumes: readonly DataVolume[], { uids, fsGroup }: VolumeUser): string => {
  const uid = uids.find((one) => one !== null) ?? 'USER';
  const paths = pathsIn(volumes);
  return `Keep the user (set its runAsUser in the template and choose nonroot-v2), or give the files to the new user while the pods are stopped: scale to 0; in a pod that mounts the claim as root, note the owners (find ${paths} -exec stat -c '%u:%g %n' {} + >owners) and keep that list outside of it, then chown -R ${uid}${fsGroup === null ? '' : `:${fsGroup}`} ${paths}, and scale up once a plan waits for the first pods; to go back, scale to 0 and give the owners back (while read -r owner file; do chown -h "$owner" "$file"; done <owners). Of a StatefulSet, or of a Deployment whose own pods move, a plan does that itself with spec.volumes.ownerChange: WhileStopped`;
};

const dataOfAnother = (reason: string, volumes: readonly DataVolume[], byHand: string): Violation => ({
  code: 'DataOfAnotherUser',
  field: 'spec.targetSCC',
  message: `the migrated pods could not use their data: ${reason}`,
  remedy: `${byHand}; then accept it by spec.traffic.accept: [${volumes.map(({ name }) => `{kind: ${CLAIM}, name: ${name}}`).join(', ')}].`,
});
