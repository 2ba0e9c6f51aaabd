import type { SecurityContextConstraints } from './scc.js';

/** Every volume type that an SCC can list, except the wildcard `*` and `none`. */
export const VOLUME_TYPES: readonly string[] = [
  'awsElasticBlockStore',
  'azureDisk',
  'azureFile',
  'cephFS',
  'cinder',
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'gitRepo',
  'glusterfs',
  'hostPath',
  'image',
  'iscsi',
  'nfs',
  'persistentVolumeClaim',
  'photonPersistentDisk',
  'portworxVolume',
  'projected',
  'quobyte',
  'rbd',
  'scaleIO',
  'secret',
  'storageos',
  'vsphere',
];

/** The flag wins over the list: it adds `hostPath` when true, and takes it out (also of `*`) when false. */
function defaultVolumes(volumes: readonly string[] | null | undefined, allowHostDir: boolean): string[] {
  const listed = new Set(volumes ?? ['*']);
  if (allowHostDir) {
    if (!listed.has('*')) listed.add('hostPath');
  } else {
    if (listed.size === 0) listed.add('none');
    if (listed.delete('*')) for (const type of VOLUME_TYPES) listed.add(type);
    listed.delete('hostPath');
  }
  return [...listed].sort();
}

const typeOrAny = (type: string | null | undefined): string => (type === '' ? 'RunAsAny' : (type ?? 'RunAsAny'));

/**
 * The defaults that OpenShift fills in when an SCC is stored. Plain Kubernetes does not, so every SCC passes through
 * here before it is used; a second pass decides nothing else.
 */
export function defaultSCC(scc: SecurityContextConstraints): SecurityContextConstraints {
  return {
    ...scc,
    users: scc.users ?? [],
    groups: scc.groups ?? [],
    allowPrivilegeEscalation: scc.allowPrivilegeEscalation ?? true,
    userNamespaceLevel: scc.userNamespaceLevel ?? 'AllowHostLevel',
    fsGroup: { ...scc.fsGroup, type: typeOrAny(scc.fsGroup?.type) },
    supplementalGroups: { ...scc.supplementalGroups, type: typeOrAny(scc.supplementalGroups?.type) },
    volumes: defaultVolumes(scc.volumes, scc.allowHostDirVolumePlugin === true),
  };
}
