import type { RiskName, ViolationRule } from '@scc/scc';
import type { CodeText } from './text.js';

/** The rules of an SCC; `plan lint` names them as `Blocked.RULE`. */
export const SCC_RULES: Record<ViolationRule, CodeText> = {
  usability: {
    cause: 'the SCC has no strategy for a field, so it admits no pod',
    remedy: 'repair the SCC, or choose another one',
  },
  namespace: {
    cause: 'the namespace has no ids from which the SCC could choose',
    remedy: 'wait until the namespace has its annotation openshift.io/sa.scc.uid-range, or choose another SCC',
  },
  runAsUser: {
    cause: 'a container asks for a user id that the SCC does not accept',
    remedy: 'leave runAsUser out or set one of the range that the message names',
  },
  seLinuxContext: {
    cause: 'the pod asks for SELinux options that the SCC does not accept',
    remedy: 'leave seLinuxOptions out',
  },
  fsGroup: {
    cause: 'the pod asks for an fsGroup that the SCC does not accept',
    remedy: 'leave fsGroup out or set one of the range that the message names',
  },
  supplementalGroups: {
    cause: 'the pod asks for groups that the SCC does not accept',
    remedy: 'leave supplementalGroups out or set some of the range that the message names',
  },
  capabilities: {
    cause: 'a container adds a capability that the SCC does not permit, or does not drop one that must go',
    remedy: 'change capabilities.add and capabilities.drop as the message says',
  },
  privileged: {
    cause: 'a container asks to run privileged',
    remedy: 'leave privileged out: ask for the capability that the program really uses',
  },
  allowPrivilegeEscalation: {
    cause: 'a container may gain more privileges than its parent',
    remedy: 'set allowPrivilegeEscalation to false',
  },
  readOnlyRootFilesystem: {
    cause: 'the SCC requires a root filesystem that cannot be written',
    remedy: 'set readOnlyRootFilesystem to true and mount volumes where the program writes',
  },
  seccomp: {
    cause: 'the pod asks for a seccomp profile that the SCC does not accept',
    remedy: 'set seccompProfile.type to RuntimeDefault or leave it out',
  },
  sysctls: { cause: 'the pod sets a sysctl that the SCC forbids', remedy: 'leave the sysctl out' },
  volumes: {
    cause: 'the pod mounts a kind of volume that the SCC does not permit',
    remedy: 'use another kind of volume, or choose an SCC that permits it',
  },
  host: {
    cause: 'the pod uses the network, the processes or the IPC of the node',
    remedy: 'leave hostNetwork, hostPID and hostIPC out, or choose an SCC that permits them',
  },
  hostPorts: {
    cause: 'a container uses a port of the node',
    remedy: 'leave hostPort out and let clients call a Service',
  },
  userNamespace: {
    cause: 'the SCC requires a user namespace of its own for the pod',
    remedy: 'set hostUsers to false',
  },
  mutation: {
    cause: 'the SCC would have to change a field of a pod that exists, and fields of pods are fixed',
    remedy: 'set the field in the template',
  },
};

/** What may fail although an SCC admits the pod, as `recommend`, `scan` and warnings name it. */
export const RISK_TEXTS: Record<RiskName, CodeText> = {
  'image-runs-as-root': {
    cause: 'the image expects user 0, and the target chooses another user id',
    remedy: 'let the image work with any user id of group 0, or keep an SCC that lets it choose its user',
  },
  'files-owned-by-another-user': {
    cause: 'files in the image belong to a user that the process no longer is',
    remedy: 'give the files in the image to group 0 with the rights of their owner',
  },
  'volume-owned-by-another-user': {
    cause: 'files on a volume belong to a user that the process no longer is',
    remedy: 'set an fsGroup, or give the files to the new user while the pods are stopped',
  },
  'recursive-chown': {
    cause: 'a new fsGroup makes the kubelet change the group of every file at the start of a pod',
    remedy: 'set fsGroupChangePolicy: OnRootMismatch',
  },
  'selinux-relabel': {
    cause: 'a new SELinux level relabels the volumes of the pod',
    remedy: 'set seLinuxOptions.level to that of the volume',
  },
  'privileged-port': {
    cause: 'the process listens below port 1024 and loses the right to',
    remedy: 'let it listen above 1024; the port of the Service can stay',
  },
  'file-capabilities': {
    cause: 'a program in the image has file capabilities that no longer take effect',
    remedy: 'remove them from the image, or choose an SCC that permits the escalation',
  },
  'capabilities-withdrawn': {
    cause: 'the target takes away capabilities that the container had',
    remedy: 'find out whether the program uses them, and ask for those that the target permits',
  },
  'seccomp-newly-applied': {
    cause: 'the pod gets a seccomp profile that it did not have',
    remedy: 'try the program under RuntimeDefault: it must not use the system calls that it forbids',
  },
  'seccomp-removed': {
    cause: 'the pod loses the seccomp profile that it had',
    remedy: 'set seccompProfile in the template where the target permits it',
  },
  'seccomp-changed': {
    cause: 'the pod gets another seccomp profile than it had',
    remedy: 'try the program under the new profile',
  },
  'read-only-root-filesystem': {
    cause: 'the root filesystem can no longer be written',
    remedy: 'mount an emptyDir where the program writes',
  },
  'privileged-withdrawn': {
    cause: 'a privileged container is no longer privileged',
    remedy: 'find out which devices, mounts and capabilities the program uses',
  },
  'sysctls-withdrawn': {
    cause: 'the pod loses sysctls that it had set',
    remedy: 'set them on the node, or do without',
  },
  'groups-withdrawn': {
    cause: 'the process loses groups that it had',
    remedy: 'find out which files it opened by them',
  },
  'selinux-options-withdrawn': {
    cause: 'the pod loses SELinux options that it had',
    remedy: 'find out what the policy of the old options allowed it',
  },
  'host-resources-withdrawn': {
    cause: 'the pod loses the network, processes, ports or files of the node',
    remedy: 'let it use Services and volumes instead',
  },
};
