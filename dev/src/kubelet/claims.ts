import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { isForbidden, isNotFound } from '@scc/kube';
import { z } from 'zod';
import type { ClusterApi } from '../cluster/api.js';
import { STORAGE_DRIVER } from '../cluster/storage.js';
import { MissingReference } from './references.js';

/** Where the folder of a PersistentVolume is. */
export const folderOfVolume = (stateDir: string, volume: string): string => path.join(stateDir, 'storage', volume);

/** A claim that is mounted into a pod. */
export interface MountedClaim {
  folder: string;
  readOnly: boolean;
  /** Whether the driver lets the node give the files to the pod's fsGroup. */
  givesToGroup: boolean;
}

/** Who mounts: the pod, and the node on which it is. */
interface Mounter {
  namespace: string;
  uid: string;
  node: string;
}

const claimSchema = z.looseObject({ spec: z.looseObject({ volumeName: z.string().optional() }) });
const volumeSchema = z.looseObject({
  spec: z.looseObject({
    accessModes: z.array(z.string()),
    csi: z.looseObject({ driver: z.string(), fsType: z.string().default('') }).optional(),
  }),
});
const driverSchema = z.looseObject({
  spec: z.looseObject({ fsGroupPolicy: z.string().default('ReadWriteOnceWithFSType') }),
});

/** Which pods have which volumes, over all nodes of the stack: an access mode is a promise between nodes. */
export class Claims {
  readonly #stateDir: string;
  /** By volume, then by the pod's uid: the node on which it is mounted. */
  readonly #mounts = new Map<string, Map<string, string>>();

  constructor(stateDir: string) {
    this.#stateDir = stateDir;
  }

  /**
   * Mounts a claim for a pod, as its access mode allows.
   * @throws MissingReference while it is not bound, or while another node or pod has it
   */
  async mount(api: Pick<ClusterApi, 'get'>, name: string, by: Mounter, asReadOnly: boolean): Promise<MountedClaim> {
    const claim = await read(api, `/api/v1/namespaces/${by.namespace}/persistentvolumeclaims/${name}`, claimSchema);
    const { volumeName } = claim.spec;
    if (volumeName === undefined) throw new MissingReference(`claim ${name} is not bound to a volume yet`);
    const { accessModes, csi } = (await read(api, `/api/v1/persistentvolumes/${volumeName}`, volumeSchema)).spec;
    if (csi?.driver !== STORAGE_DRIVER)
      throw new Error(`volume ${volumeName}: the nodes of the local stack mount those of ${STORAGE_DRIVER} alone`);
    const driver = await read(api, `/apis/storage.k8s.io/v1/csidrivers/${csi.driver}`, driverSchema);
    this.#take(volumeName, accessModes, by);
    const folder = folderOfVolume(this.#stateDir, volumeName);
    await mkdir(folder, { recursive: true });
    const isWritten = accessModes.some((mode) => mode !== 'ReadOnlyMany');
    return {
      folder,
      readOnly: asReadOnly || !isWritten,
      givesToGroup: givesToGroup(driver.spec.fsGroupPolicy, accessModes, csi.fsType),
    };
  }

  /** The pod is gone, and others may have its volumes. */
  unmount(uid: string): void {
    for (const mounts of this.#mounts.values()) mounts.delete(uid);
  }

  #take(volume: string, modes: readonly string[], { uid, node }: Mounter): void {
    const mounts = this.#mounts.get(volume) ?? new Map<string, string>();
    this.#mounts.set(volume, mounts);
    const others = [...mounts].filter(([other]) => other !== uid);
    if (modes.includes('ReadWriteOncePod') && others.length > 0)
      throw new MissingReference(`volume ${volume} is ReadWriteOncePod, and another pod has it`);
    const elsewhere = others.find(([, at]) => at !== node);
    if (elsewhere && !modes.some((mode) => mode.endsWith('Many')))
      throw new MissingReference(`Multi-Attach error for volume ${volume}: it is in use on ${elsewhere[1]}`);
    mounts.set(uid, node);
  }
}

/** Whether a node applies fsGroup to a volume of a CSI driver, by the driver's fsGroupPolicy. */
const givesToGroup = (policy: string, modes: readonly string[], fsType: string): boolean =>
  policy === 'File' ||
  (policy === 'ReadWriteOnceWithFSType' && fsType !== '' && modes.every((mode) => mode.startsWith('ReadWriteOnce')));

async function read<T>(api: Pick<ClusterApi, 'get'>, place: string, schema: z.ZodType<T>): Promise<T> {
  try {
    return schema.parse(await api.get(place));
  } catch (error) {
    // The authorizer of nodes learns of a claim and of its volume a moment after the node does.
    if (isNotFound(error) || isForbidden(error)) throw new MissingReference(`${place} cannot be read yet`);
    throw error;
  }
}
