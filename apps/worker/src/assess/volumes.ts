import { isDeepStrictEqual } from 'node:util';
import type { KubeClient } from '@scc/kube';
import { movesPodByPod } from '@scc/plan';
import type { Pod } from '@scc/scc';
import { z } from 'zod';
import { isAccepted } from './ways.js';
import { hasComputedPath } from '../cluster/census.js';
import { replacesAllAtOnce } from '../cluster/rolling.js';
import { reviewBeside } from './beside.js';
import { CLAIM, dataOfAnother, groupByHand, outsideByHand, ownerByHand } from './data-by-hand.js';
import {
  decideVolumes,
  isAllRoot,
  isSameUser,
  named,
  ownerOnlyAmong,
  type ReviewedVolumes,
  type VolumeDecision,
  type VolumeUser,
} from './data-decision.js';
import { HOST_PATH, hostPathsOf, othersWarning } from './host-paths.js';
import { mountsOf } from './mounts.js';
import { reviewOwners } from './owners.js';
import { type ClaimOfPods, type DataVolume, readVolume } from './storage.js';
import { isUndivided, type AssessedWorkload, type Facts } from './facts.js';

/** Whether the migrated pods, and a canary beside pods that serve, can use the data that was written under another user. */

const volumesSchema = z
  .array(
    z.looseObject({
      name: z.string(),
      persistentVolumeClaim: z.looseObject({ claimName: z.string() }).nullish(),
    }),
  )
  .nullish();

/** The paths at which containers mount a volume of the pod. */
const pathsOf = (pod: Pod, volume: string | undefined): string[] => [
  ...new Set(mountsOf(pod, volume).map(({ mountPath }) => mountPath)),
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

/** The image decides about the user, now and then, and stays. */
const keepsImageUser = (running: Pod | undefined, migrated: Pod): boolean => {
  const [before, after] = [volumeUserOf(running), volumeUserOf(migrated)];
  const imagesOf = (pod: Pod): unknown[] => pod.spec.containers.map(({ image }) => image);
  return (
    running !== undefined &&
    before.fsGroup === after.fsGroup &&
    isDeepStrictEqual(before.uids, after.uids) &&
    isDeepStrictEqual(imagesOf(running), imagesOf(migrated))
  );
};

/** The obstacles that the data of a workload makes, and what should be known of it; a DaemonSet's is also its nodes'. */
export async function reviewVolumes(
  kube: Pick<KubeClient, 'get' | 'list'>,
  facts: Facts,
  { workload, running, migrated }: { workload: AssessedWorkload; running: Pod | undefined; migrated: Pod },
): Promise<ReviewedVolumes> {
  const { ref, spec } = facts;
  if (workload.daemon && keepsImageUser(running, migrated)) return { violations: [], warnings: [] };
  const isAsked =
    (kind: string) =>
    ({ name }: { name: string }): boolean =>
      !isAccepted(spec.traffic.accept, { kind, name }, ref.namespace);
  const asked = claimsOf(workload, migrated).filter(isAsked(CLAIM));
  const ofNodes = workload.daemon ? hostPathsOf(migrated) : { data: [], ofOthers: [] };
  const volumes = [
    ...(await Promise.all(asked.map((claim) => readVolume(kube, ref.namespace, claim)))),
    ...ofNodes.data.filter(isAsked(HOST_PATH)),
  ];
  const reviewed = await reviewData(kube, facts, { workload, running, migrated, volumes });
  const [before, after] = [volumeUserOf(running), volumeUserOf(migrated)];
  const others = isSameUser(before, after) || isAllRoot(after) ? [] : ofNodes.ofOthers;
  return { ...reviewed, warnings: [...reviewed.warnings, ...othersWarning(others)] };
}

async function reviewData(
  kube: Pick<KubeClient, 'get' | 'list'>,
  facts: Facts,
  {
    workload,
    running,
    migrated,
    volumes,
  }: { workload: AssessedWorkload; running: Pod | undefined; migrated: Pod; volumes: readonly DataVolume[] },
): Promise<ReviewedVolumes> {
  const { spec } = facts;
  const policy = migrated.spec.securityContext?.['fsGroupChangePolicy'];
  const after = volumeUserOf(migrated);
  const before = volumeUserOf(running);
  const images = migrated.spec.containers.flatMap(({ image }) => (typeof image === 'string' ? [image] : []));
  const decision = decideVolumes({
    ...{ volumes, images, before },
    after: { ...after, changePolicy: typeof policy === 'string' ? policy : null },
  });
  const looked: Looked = { volumes, after, spec, workload, isKnown: running !== undefined, migrated };
  const byCensus = censusOf(decision, looked);
  if (byCensus) return besideOf(byCensus, decision, { ...looked, before });
  // The least first: only what nothing else helps is worth an outage.
  if (spec.volumes?.ownerChange && isRefused(decision)) {
    const ownerOnly = ownerOnlyAmong(images);
    const { reason } = decision;
    return reviewOwners(kube, { facts, workload, volumes, before, after, migrated, ownerOnly, reason });
  }
  return besideOf(reviewedBy(decision, looked), decision, { ...looked, before });
}

/** A canary, or the first of several pods that share a claim, uses the data beside pods that serve. */
function besideOf(
  reviewed: ReviewedVolumes,
  decision: VolumeDecision,
  looked: Looked & { before: VolumeUser },
): ReviewedVolumes {
  const { workload, volumes, spec } = looked;
  const isCanary = !isUndivided(workload);
  const shared = new Set(workload.claims.map(({ name }) => name));
  const beside = isCanary || isSharing(workload) ? volumes.filter(({ name }) => shared.has(name)) : [];
  if (beside.length === 0) return reviewed;
  return reviewBeside(reviewed, decision, {
    ...{ ...looked, volumes: beside, first: isCanary ? 'a canary' : 'the first pod that moves' },
    isCensus: spec.volumes?.census === true && impossible(looked) === null,
  });
}

/** Whether pods that have moved run beside those that have not. */
const isSharing = ({ strategy, deployment, object }: AssessedWorkload): boolean =>
  movesPodByPod(strategy.type) && deployment.spec.replicas > 1 && !replacesAllAtOnce(object);

const isRefused = (decision: VolumeDecision): boolean => decision.do === 'Group' || decision.do === 'Refuse';

function reviewedBy(decision: VolumeDecision, looked: Looked): ReviewedVolumes {
  const { volumes, spec } = looked;
  switch (decision.do) {
    case 'Nothing':
      return { violations: [], warnings: [] };
    case 'FsGroup':
      return { violations: [], warnings: [decision.reason], ...changePolicyOf(decision, spec) };
    case 'Group': {
      const does = onlyLooks(looked) ? 'look whether they can use it' : 'do it';
      const offered =
        impossible(looked) === null ? `Have a Job ${does} (spec.volumes.census: true), or do it by hand. ` : '';
      const byHand = `${offered}${groupByHand(volumes, decision.group)}`;
      return { violations: [dataOfAnother(decision.reason, volumes, byHand)], warnings: [] };
    }
    case 'Refuse':
      return { violations: [dataOfAnother(decision.reason, volumes, otherwiseByHand(looked))], warnings: [] };
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

/** Where no group can be given by the pods themselves: of a DaemonSet nobody stops all pods. */
const otherwiseByHand = ({ volumes, after, workload }: Looked): string =>
  workload.daemon ? outsideByHand(volumes, after) : ownerByHand(volumes, after);

/** A folder of a node may hold what others wrote: a Job gives nothing of it to anybody. */
const onlyLooks = ({ volumes }: Looked): boolean => volumes.some(({ isOfNode }) => isOfNode);

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
  const { volumes, after, workload } = looked;
  const why = impossible(looked);
  if (why !== null) {
    const byHand = decision.do === 'Group' ? groupByHand(volumes, decision.group) : otherwiseByHand(looked);
    return { violations: [dataOfAnother(`${decision.reason}; ${why}`, volumes, byHand)], warnings: [] };
  }
  const group = onlyLooks(looked) ? null : groupFor(decision);
  const then =
    group === null
      ? 'and ends the migration where the migrated pods could not use them'
      : `and lets group ${group} use them where it cannot, which leaves their owner and is not taken back by an undo`;
  const [uid = null, ...others] = new Set(after.uids);
  return {
    violations: [],
    warnings: [
      `${decision.reason}: ${isUndivided(workload) ? 'before a pod moves, a Job beside each' : 'before a canary starts, a Job beside a pod'} looks at the files of ${named(volumes)}, ${then}`,
    ],
    census: {
      volumes: volumes.filter(({ isOfNode }) => !isOfNode).map(({ name }) => name),
      ...(onlyLooks(looked) ? { hostPaths: volumes.filter(({ isOfNode }) => isOfNode).map(({ name }) => name) } : {}),
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
