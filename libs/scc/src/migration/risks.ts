import type { CompiledSCC } from '../model/compile.js';
import { type Container, type Pod, type PodTemplate } from '../model/pod.js';
import { volumeType } from '../rules/volumes.js';
import type { Edit } from './edits.js';
import { podOf, type WorkloadFacts } from './facts.js';

export type RiskName =
  | 'image-runs-as-root'
  | 'files-owned-by-another-user'
  | 'volume-owned-by-another-user'
  | 'recursive-chown'
  | 'selinux-relabel'
  | 'privileged-port'
  | 'file-capabilities'
  | 'capabilities-withdrawn'
  | 'seccomp-newly-applied'
  | 'seccomp-removed'
  | 'read-only-root-filesystem'
  | 'host-resources-withdrawn';

/** Something that may fail after an SCC admitted the pod, because the template does not show it. */
export interface Risk {
  readonly name: RiskName;
  /** Names of the containers concerned; empty when it concerns the whole pod. */
  readonly containers: readonly string[];
  readonly cause: string;
  /** How it shows when it happens. */
  readonly symptom: string;
  /** How to find out beforehand. */
  readonly check: string;
  readonly remedy: string;
  /** False when the known facts prove it; true when nobody can know from them. */
  readonly uncertain: boolean;
}

export interface Change {
  /** The template before any edit. */
  readonly template: PodTemplate;
  readonly edits: readonly Edit[];
  /** The pod as the target leaves it. */
  readonly after: Pod;
  readonly target: CompiledSCC;
  readonly facts: WorkloadFacts;
}

interface Pair {
  readonly name: string;
  readonly before: Container | undefined;
  readonly after: Container;
  readonly uidBefore: number | undefined;
  readonly uidAfter: number | undefined;
}

interface Compared extends Change {
  readonly before: Pod;
  readonly pairs: readonly Pair[];
}

const uidOf = (pod: Pod, container: Container | undefined): number | undefined =>
  container?.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser ?? undefined;

/** A numeric USER of an image; a name can be any id. */
function imageUid({ imageUsers }: WorkloadFacts, name: string): number | undefined {
  const user = imageUsers?.[name];
  if (user === '') return 0;
  const [uid = ''] = (user ?? '').split(':');
  return /^\d+$/.test(uid) ? Number(uid) : undefined;
}

function compared(change: Change): Compared {
  const before = change.facts.runningPod ?? podOf(change.template, change.facts);
  const all = (pod: Pod) => [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const byName = new Map(all(before).map((container) => [container.name, container]));
  const pairs = all(change.after).map((after) => {
    const previous = byName.get(after.name);
    const fromImage = imageUid(change.facts, after.name);
    return {
      name: after.name,
      before: previous,
      after,
      uidBefore: uidOf(before, previous) ?? fromImage,
      uidAfter: uidOf(change.after, after) ?? fromImage,
    };
  });
  return { ...change, before, pairs };
}

type Rule = (change: Compared) => readonly Risk[];
const names = (pairs: readonly Pair[]): string[] => pairs.map(({ name }) => name);
const risk = (
  containers: readonly string[],
  found: Omit<Risk, 'containers' | 'uncertain'> & { uncertain?: boolean },
): readonly Risk[] => [{ uncertain: true, ...found, containers }];

const imageRunsAsRoot: Rule = ({ pairs, target, facts }) => {
  if (target.runAsUser.type !== 'MustRunAsNonRoot') return [];
  const unset = pairs.filter(({ after, uidAfter }) => after.securityContext?.runAsUser == null && !uidAfter);
  if (unset.length === 0) return [];
  const proven = unset.some(({ name }) => imageUid(facts, name) === 0);
  return risk(names(unset), {
    name: 'image-runs-as-root',
    cause: 'the image runs as root or as a named user, and the SCC only demands "not root"',
    symptom: 'CreateContainerConfigError: image will run as root, or has a non-numeric user',
    check: 'read USER in the image configuration',
    remedy: 'set a numeric runAsUser, or choose an SCC that assigns one, such as restricted-v2',
    uncertain: !proven,
  });
};

const changesUser = ({ uidBefore, uidAfter }: Pair): boolean => uidAfter !== undefined && uidBefore !== uidAfter;

const filesOwnedByAnotherUser: Rule = ({ pairs }) => {
  const changed = pairs.filter(changesUser);
  if (changed.length === 0) return [];
  return risk(names(changed), {
    name: 'files-owned-by-another-user',
    cause: 'the container runs under another user id than the image expects',
    symptom: 'EACCES at start, when the process writes to directories of the image',
    check: 'list the directories that the process writes to and who owns them',
    remedy: 'give them to group 0 with the rights of the owner in the image, mount emptyDir over them, or set fsGroup',
  });
};

const CLAIM_TYPES = new Set(['persistentVolumeClaim', 'ephemeral', 'csi']);
const keepsData = ({ spec }: Pod): boolean =>
  (spec.volumes ?? []).some((volume) => CLAIM_TYPES.has(volumeType(volume) ?? ''));

const volumeOwnedByAnotherUser: Rule = ({ pairs, after }) => {
  const changed = keepsData(after) ? pairs.filter(changesUser) : [];
  if (changed.length === 0) return [];
  return risk(names(changed), {
    name: 'volume-owned-by-another-user',
    cause: 'data on the volumes belongs to the old user id',
    symptom: 'EACCES on the volume; databases refuse a directory of another owner',
    check: 'compare the owner of the data with the new user id',
    remedy: 'set fsGroup, change the owner while the old SCC is still granted, or keep the id under nonroot-v2',
  });
};

const recursiveChown: Rule = ({ before, after }) => {
  const [old, now] = [before, after].map(({ spec }) => spec.securityContext?.fsGroup ?? undefined);
  if (now === undefined || now === old || !keepsData(after)) return [];
  if (after.spec.securityContext?.['fsGroupChangePolicy'] === 'OnRootMismatch') return [];
  return risk([], {
    name: 'recursive-chown',
    cause: `fsGroup becomes ${now}: every file of the volumes is given to that group at mount`,
    symptom: 'slow start with many files; no effect on NFS and hostPath',
    check: 'count the files of the volumes and read the storage class',
    remedy: 'set fsGroupChangePolicy: OnRootMismatch; use supplementalGroups for NFS',
  });
};

const seLinuxRelabel: Rule = ({ before, after, pairs }) => {
  const levels = [before, after].map(({ spec }) => spec.securityContext?.seLinuxOptions?.level ?? undefined);
  if (levels[0] === levels[1] || !keepsData(after)) return [];
  return risk(names(pairs), {
    name: 'selinux-relabel',
    cause: `the SELinux level changes from ${levels[0] ?? 'none'} to ${levels[1] ?? 'none'}`,
    symptom: 'relabelling takes time; pods with another level lose access to shared volumes',
    check: 'find other workloads that mount the same claims',
    remedy: 'set seLinuxChangePolicy, and move workloads that share a volume together',
  });
};

const dropsAll = ({ securityContext }: Container): boolean =>
  securityContext?.capabilities?.drop?.includes('ALL') ?? false;
const adds = ({ securityContext }: Container, name: string): boolean =>
  securityContext?.capabilities?.add?.includes(name) ?? false;
const newlyDropsAll = ({ before, after }: Pair): boolean => dropsAll(after) && !(before && dropsAll(before));

const canOpenPorts = ({ spec }: Pod): boolean =>
  (spec.securityContext?.sysctls ?? []).some(
    ({ name, ...rest }) => name === 'net.ipv4.ip_unprivileged_port_start' && Number(rest['value']) <= 80,
  );

const privilegedPort: Rule = ({ pairs, after }) => {
  const low = pairs.filter(
    (pair) =>
      (pair.after.ports ?? []).some(({ containerPort }) => (containerPort ?? 1024) < 1024) &&
      pair.uidAfter !== 0 &&
      (pair.uidBefore === 0 || pair.uidBefore === undefined) &&
      !adds(pair.after, 'NET_BIND_SERVICE'),
  );
  if (low.length === 0 || canOpenPorts(after)) return [];
  return risk(names(low), {
    name: 'privileged-port',
    cause: 'the container listens below port 1024 and is no longer root',
    symptom: 'bind: permission denied',
    check: 'read net.ipv4.ip_unprivileged_port_start in the container runtime',
    remedy: 'set the sysctl net.ipv4.ip_unprivileged_port_start to 0, which is safe, or listen on a higher port',
  });
};

const fileCapabilities: Rule = ({ pairs }) => {
  const dropping = pairs.filter(newlyDropsAll);
  if (dropping.length === 0) return [];
  return risk(names(dropping), {
    name: 'file-capabilities',
    cause: 'a binary with file capabilities (setcap) cannot be executed once they are all dropped',
    symptom: 'exec: operation not permitted',
    check: 'run getcap on the binaries of the image',
    remedy: 'add NET_BIND_SERVICE, which restricted-v2 allows, or use an image without file capabilities',
  });
};

const capabilitiesWithdrawn: Rule = ({ pairs }) => {
  const dropping = pairs.filter(newlyDropsAll);
  if (dropping.length === 0) return [];
  return risk(names(dropping), {
    name: 'capabilities-withdrawn',
    cause: 'SETUID, SETGID, CHOWN, KILL, FOWNER, NET_RAW and SYS_CHROOT are no longer available',
    symptom: 'EPERM from su, gosu, sudo, ping or chown at run time',
    check: 'search the entry point for them, and watch for denials during mirroring',
    remedy: 'change the image, or allow single capabilities by an SCC of your own',
  });
};

const hasProfile = (pod: Pod, container: Container | undefined): boolean =>
  (container?.securityContext?.seccompProfile ?? pod.spec.securityContext?.seccompProfile ?? undefined) !== undefined;

const seccompNewlyApplied: Rule = ({ pairs, before, after }) => {
  const changed = pairs.filter((pair) => hasProfile(after, pair.after) && !hasProfile(before, pair.before));
  if (changed.length === 0) return [];
  return risk(names(changed), {
    name: 'seccomp-newly-applied',
    cause: "the runtime's seccomp profile filters system calls from now on",
    symptom: 'EPERM on rare system calls',
    check: 'run the workload under the profile in audit mode, or watch for denials during mirroring',
    remedy: 'a profile of your own, with an SCC that allows it',
  });
};

const seccompRemoved: Rule = ({ edits }) => {
  const removed = edits.some(({ field, change }) => change === 'remove' && /seccomp/i.test(field));
  if (!removed) return [];
  return risk([], {
    name: 'seccomp-removed',
    cause: 'the target does not accept a seccomp profile, so the template has to give it up',
    symptom: 'none: the pod runs with less protection',
    check: 'compare with the requirements of your platform',
    remedy: 'an SCC of your own with seccompProfiles',
    uncertain: false,
  });
};

const readOnlyRoot: Rule = ({ pairs }) => {
  const changed = pairs.filter(
    ({ before, after }) =>
      after.securityContext?.readOnlyRootFilesystem === true &&
      before?.securityContext?.readOnlyRootFilesystem !== true,
  );
  if (changed.length === 0) return [];
  return risk(names(changed), {
    name: 'read-only-root-filesystem',
    cause: 'the root filesystem becomes read-only',
    symptom: 'EROFS when the process writes outside its volumes',
    check: 'list the files that the process writes to',
    remedy: 'mount emptyDir where it writes',
  });
};

const hostResourcesWithdrawn: Rule = ({ edits }) => {
  const removed = edits.filter(({ field }) => /host(Network|PID|IPC|Port)$/.test(field)).map(({ field }) => field);
  if (removed.length === 0) return [];
  return risk([], {
    name: 'host-resources-withdrawn',
    cause: `the patch removes ${removed.join(', ')}`,
    symptom: 'clients that use the address of the node find nobody; processes of the node are out of sight',
    check: 'find who connects to the node addresses and ports',
    remedy: 'a Service, or stay with the present SCC',
    uncertain: false,
  });
};

const RULES: readonly Rule[] = [
  imageRunsAsRoot,
  filesOwnedByAnotherUser,
  volumeOwnedByAnotherUser,
  recursiveChown,
  seLinuxRelabel,
  privilegedPort,
  fileCapabilities,
  capabilitiesWithdrawn,
  seccompNewlyApplied,
  seccompRemoved,
  readOnlyRoot,
  hostResourcesWithdrawn,
];

/** What may break when a workload moves to an SCC, although the SCC admits its pods. */
export function migrationRisks(change: Change): Risk[] {
  const both = compared(change);
  return RULES.flatMap((rule) => rule(both));
}
