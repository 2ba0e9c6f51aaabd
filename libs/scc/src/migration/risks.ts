import type { Pod } from '../model/pod.js';
import { volumeType } from '../rules/volumes.js';
import {
  type Change,
  compared,
  hasNamedUser,
  imageUid,
  names,
  type Pair,
  type Risk,
  risk,
  type RiskRule,
} from './risk.js';
import type { WorkloadContext } from './facts.js';
import { adds, newlyDropsAll } from './capabilities.js';
import { WITHDRAWALS } from './withdrawals.js';

const imageRunsAsRoot: RiskRule = ({ pairs, target, facts }) => {
  if (target.runAsUser.type !== 'MustRunAsNonRoot') return [];
  const unset = pairs.filter(({ after, uidAfter }) => after.securityContext?.runAsUser == null && !uidAfter);
  if (unset.length === 0) return [];
  const proven = unset.some(({ name }) => imageUid(facts, name) === 0 || hasNamedUser(facts, name));
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

const filesOwnedByAnotherUser: RiskRule = ({ pairs }) => {
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

const volumeOwnedByAnotherUser: RiskRule = ({ pairs, after }) => {
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

const recursiveChown: RiskRule = ({ before, after }) => {
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

const seLinuxRelabel: RiskRule = ({ before, after, pairs }) => {
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

const canOpenPorts = ({ spec }: Pod): boolean =>
  (spec.securityContext?.sysctls ?? []).some(
    ({ name, ...rest }) => name === 'net.ipv4.ip_unprivileged_port_start' && Number(rest['value']) <= 80,
  );

/** Ports below 1024 that the template names, else those that its image says it listens on. */
function lowPorts({ name, after }: Pair, { imagePorts }: WorkloadContext): { low: boolean; ofImage: boolean } {
  const named = after.ports ?? [];
  const ports = named.length > 0 ? named.map(({ containerPort }) => containerPort ?? 1024) : (imagePorts?.[name] ?? []);
  return { low: ports.some((port) => port < 1024), ofImage: named.length === 0 };
}

const privilegedPort: RiskRule = ({ pairs, after, facts }) => {
  const low = pairs.filter(
    (pair) =>
      lowPorts(pair, facts).low &&
      pair.uidAfter !== 0 &&
      (pair.uidBefore === 0 || pair.uidBefore === undefined) &&
      !adds(pair.after, 'NET_BIND_SERVICE'),
  );
  if (low.length === 0 || canOpenPorts(after)) return [];
  const ofImage = low.every((pair) => lowPorts(pair, facts).ofImage);
  return risk(names(low), {
    name: 'privileged-port',
    cause: `the container ${ofImage ? 'says in its image that it listens' : 'listens'} below port 1024 and is no longer root`,
    symptom: 'bind: permission denied',
    check: 'read net.ipv4.ip_unprivileged_port_start in the container runtime',
    remedy: 'set the sysctl net.ipv4.ip_unprivileged_port_start to 0, which is safe, or listen on a higher port',
  });
};

const fileCapabilities: RiskRule = ({ pairs }) => {
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

const readOnlyRoot: RiskRule = ({ pairs }) => {
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

const RULES: readonly RiskRule[] = [
  imageRunsAsRoot,
  filesOwnedByAnotherUser,
  volumeOwnedByAnotherUser,
  recursiveChown,
  seLinuxRelabel,
  privilegedPort,
  fileCapabilities,
  readOnlyRoot,
  ...WITHDRAWALS,
];

/** Risks of moving a workload to an SCC that admits its pods. */
export function migrationRisks(change: Change): Risk[] {
  const both = compared(change);
  return RULES.flatMap((rule) => rule(both));
}
