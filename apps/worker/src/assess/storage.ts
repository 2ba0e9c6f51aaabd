import type { KubeClient, KubeObject } from '@scc/kube';
import { z } from 'zod';

/** What keeps the data of a workload, and whether it gives files to a group. */

/** A volume that keeps data from one pod to the next. */
export interface DataVolume {
  /** Of the claim, or of the template that the claims are made from. */
  name: string;
  /** Where the pods mount it; empty where no container does. */
  paths: readonly string[];
  /** The driver, or the kind of volume, by which it is mounted. */
  storage: string;
  /** Whether files are given to the pod's fsGroup when it is mounted. */
  fsGroup: 'Honoured' | 'Ignored' | 'Unknown';
  /** Whether no other pod can mount it beside the one that does. */
  isOfOnePod: boolean;
  /** A folder of each pod's node, which no claim stands for. */
  isOfNode?: true;
}

/** A claim, by the name that its pods know it by. */
export interface ClaimOfPods {
  name: string;
  claim: string;
  paths: string[];
}

/** Volumes of Kubernetes itself whose files its kubelet gives to the pods' group, and those whose files it does not. */
const HONOURED = [
  ...['local', 'awsElasticBlockStore', 'azureDisk', 'cinder', 'fc', 'gcePersistentDisk', 'iscsi', 'rbd'],
  ...['vsphereVolume', 'portworxVolume'],
];
const IGNORED = ['nfs', 'hostPath', 'cephfs', 'glusterfs', 'azureFile'];

const volumeSchema = z.looseObject({ spec: z.record(z.string(), z.unknown()) });
const csiSchema = z.looseObject({ driver: z.string() });
const modesSchema = z.array(z.string()).default([]);
const driverSchema = z.looseObject({
  spec: z.looseObject({ fsGroupPolicy: z.string().default('ReadWriteOnceWithFSType') }).prefault({}),
});

/** How the files of a PersistentVolume are mounted. */
export function storageOf(volume: KubeObject, driver: KubeObject | undefined): Pick<DataVolume, 'storage' | 'fsGroup'> {
  const { spec } = volumeSchema.parse(volume);
  const csi = csiSchema.safeParse(spec['csi']).data;
  if (csi) {
    const { fsGroupPolicy } = driverSchema.parse(driver ?? {}).spec;
    const isShared = modesSchema.parse(spec['accessModes']).some((mode) => mode.endsWith('Many'));
    const isIgnored = fsGroupPolicy === 'None' || (fsGroupPolicy !== 'File' && isShared);
    return { storage: csi.driver, fsGroup: isIgnored ? 'Ignored' : 'Honoured' };
  }
  const kind = [...HONOURED, ...IGNORED].find((one) => spec[one] !== undefined);
  if (kind === undefined) return { storage: 'an unknown kind of volume', fsGroup: 'Unknown' };
  return { storage: kind, fsGroup: HONOURED.includes(kind) ? 'Honoured' : 'Ignored' };
}

const claimSchema = z.looseObject({
  spec: z.looseObject({ volumeName: z.string().optional(), accessModes: modesSchema }),
});

/** A claim of the pods, with how its files are mounted. */
export async function readVolume(
  kube: Pick<KubeClient, 'get'>,
  namespace: string,
  { name, claim: claimName, paths }: ClaimOfPods,
): Promise<DataVolume> {
  const claim = await kube.get({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name: claimName });
  const { volumeName, accessModes = [] } = claim ? claimSchema.parse(claim).spec : {};
  const known = { name, paths, isOfOnePod: accessModes.includes('ReadWriteOncePod') };
  const unbound = { ...known, storage: `claim ${claimName} has no volume`, fsGroup: 'Unknown' } as const;
  if (volumeName === undefined) return unbound;
  const volume = await kube.get({ apiVersion: 'v1', kind: 'PersistentVolume', name: volumeName });
  if (!volume) return unbound;
  const csi = csiSchema.safeParse(volumeSchema.parse(volume).spec['csi']).data;
  const driver = csi && (await kube.get({ apiVersion: 'storage.k8s.io/v1', kind: 'CSIDriver', name: csi.driver }));
  return { ...known, ...storageOf(volume, driver) };
}
