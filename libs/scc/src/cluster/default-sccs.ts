import type { SecurityContextConstraints } from '../model/scc.js';

const MUST_RUN_AS = { type: 'MustRunAs' } as const;
const RUN_AS_ANY = { type: 'RunAsAny' } as const;
const NON_ROOT = { type: 'MustRunAsNonRoot' } as const;
const NAMESPACE_RANGE = { type: 'MustRunAsRange' } as const;

const STANDARD_VOLUMES = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
];
const HOST_MOUNT_VOLUMES = [...STANDARD_VOLUMES, 'hostPath', 'nfs'].sort();
const LEGACY_DROP = ['KILL', 'MKNOD', 'SETUID', 'SETGID'];

/** The common part of the SCCs of OpenShift 4.11 and later: all capabilities dropped, the runtime's seccomp profile. */
const SECOND_GENERATION = {
  allowPrivilegeEscalation: false,
  requiredDropCapabilities: ['ALL'],
  allowedCapabilities: ['NET_BIND_SERVICE'],
  seccompProfiles: ['runtime/default'],
};

type Differences = Omit<Partial<SecurityContextConstraints>, 'metadata'>;

function standard(name: string, description: string, differences: Differences): SecurityContextConstraints {
  return {
    apiVersion: 'security.openshift.io/v1',
    kind: 'SecurityContextConstraints',
    metadata: { name, annotations: { 'kubernetes.io/description': description } },
    priority: null,
    users: [],
    groups: [],
    runAsUser: NAMESPACE_RANGE,
    seLinuxContext: MUST_RUN_AS,
    fsGroup: MUST_RUN_AS,
    supplementalGroups: RUN_AS_ANY,
    userNamespaceLevel: 'AllowHostLevel',
    allowPrivilegedContainer: false,
    allowPrivilegeEscalation: true,
    defaultAddCapabilities: null,
    requiredDropCapabilities: null,
    allowedCapabilities: null,
    allowHostDirVolumePlugin: false,
    allowHostNetwork: false,
    allowHostPorts: false,
    allowHostPID: false,
    allowHostIPC: false,
    readOnlyRootFilesystem: false,
    seccompProfiles: null,
    volumes: STANDARD_VOLUMES,
    ...differences,
  };
}

const idRange = (min: number, max: number) => ({ ...MUST_RUN_AS, ranges: [{ min, max }] });

const build = (): SecurityContextConstraints[] => [
  standard('anyuid', 'Any user and group; wins for every subject that may use it, by its priority.', {
    priority: 10,
    groups: ['system:cluster-admins'],
    runAsUser: RUN_AS_ANY,
    fsGroup: RUN_AS_ANY,
    requiredDropCapabilities: ['MKNOD'],
  }),
  standard('restricted-v2', 'A user id of the namespace, no capabilities, no privilege escalation.', SECOND_GENERATION),
  standard('restricted-v3', 'Like restricted-v2 inside a user namespace of the pod.', {
    ...SECOND_GENERATION,
    runAsUser: { ...NAMESPACE_RANGE, uidRangeMin: 1000, uidRangeMax: 65534 },
    fsGroup: idRange(1000, 65534),
    supplementalGroups: idRange(1000, 65534),
    userNamespaceLevel: 'RequirePodLevel',
  }),
  standard('restricted', 'A user id of the namespace; the default before OpenShift 4.11.', {
    requiredDropCapabilities: LEGACY_DROP,
  }),
  standard('nested-container', 'Containers inside the container, inside a user namespace of the pod.', {
    runAsUser: { ...NAMESPACE_RANGE, uidRangeMin: 0, uidRangeMax: 65534 },
    seLinuxContext: { ...MUST_RUN_AS, seLinuxOptions: { type: 'container_engine_t' } },
    fsGroup: idRange(0, 65534),
    supplementalGroups: idRange(0, 65534),
    userNamespaceLevel: 'RequirePodLevel',
    allowedCapabilities: ['SETUID', 'SETGID'],
    seccompProfiles: ['*'],
  }),
  standard('nonroot-v2', 'Any user but root, no capabilities, no privilege escalation.', {
    ...SECOND_GENERATION,
    runAsUser: NON_ROOT,
    fsGroup: RUN_AS_ANY,
  }),
  standard('nonroot', 'Any user but root.', {
    runAsUser: NON_ROOT,
    fsGroup: RUN_AS_ANY,
    requiredDropCapabilities: LEGACY_DROP,
  }),
  standard('hostmount-anyuid', 'Any user, with files of the node.', {
    users: ['system:serviceaccount:openshift-infra:pv-recycler-controller'],
    runAsUser: RUN_AS_ANY,
    fsGroup: RUN_AS_ANY,
    requiredDropCapabilities: ['MKNOD'],
    allowHostDirVolumePlugin: true,
    volumes: HOST_MOUNT_VOLUMES,
  }),
  standard('hostmount-anyuid-v2', 'Any user and SELinux context, with files of the node.', {
    runAsUser: RUN_AS_ANY,
    seLinuxContext: RUN_AS_ANY,
    fsGroup: RUN_AS_ANY,
    requiredDropCapabilities: ['MKNOD'],
    allowHostDirVolumePlugin: true,
    volumes: HOST_MOUNT_VOLUMES,
  }),
  standard('hostnetwork-v2', 'The network of the node, no capabilities, no privilege escalation.', {
    ...SECOND_GENERATION,
    supplementalGroups: MUST_RUN_AS,
    allowHostNetwork: true,
    allowHostPorts: true,
  }),
  standard('hostnetwork', 'The network of the node.', {
    supplementalGroups: MUST_RUN_AS,
    requiredDropCapabilities: LEGACY_DROP,
    allowHostNetwork: true,
    allowHostPorts: true,
  }),
  standard('hostaccess', 'All namespaces and files of the node, with a user id of the namespace.', {
    requiredDropCapabilities: LEGACY_DROP,
    allowHostDirVolumePlugin: true,
    allowHostNetwork: true,
    allowHostPorts: true,
    allowHostPID: true,
    allowHostIPC: true,
    volumes: [...STANDARD_VOLUMES, 'hostPath'].sort(),
  }),
  standard('privileged', 'Everything.', {
    users: ['system:admin', 'system:serviceaccount:openshift-infra:build-controller'],
    groups: ['system:cluster-admins', 'system:nodes', 'system:masters'],
    runAsUser: RUN_AS_ANY,
    seLinuxContext: RUN_AS_ANY,
    fsGroup: RUN_AS_ANY,
    allowPrivilegedContainer: true,
    allowedCapabilities: ['*'],
    allowHostDirVolumePlugin: true,
    allowHostNetwork: true,
    allowHostPorts: true,
    allowHostPID: true,
    allowHostIPC: true,
    seccompProfiles: ['*'],
    allowedUnsafeSysctls: ['*'],
    volumes: ['*'],
  }),
];

/** The 13 SCCs that every OpenShift 4.20+ cluster has, with their effective values. The caller owns the objects. */
export const defaultSCCs = (): SecurityContextConstraints[] => structuredClone(build());

/** Names without which OpenShift refuses every pod, for fear of judging by half a list. */
export const STANDARD_SCC_NAMES: readonly string[] = [
  'anyuid',
  'hostaccess',
  'hostmount-anyuid',
  'hostnetwork',
  'hostnetwork-v2',
  'nonroot',
  'nonroot-v2',
  'privileged',
  'restricted',
  'restricted-v2',
];
