import type { Pod } from '@scc/scc';
import { z } from 'zod';
import { mountsOf } from './mounts.js';
import type { DataVolume } from './storage.js';

/** Folders of the node that the pods of a DaemonSet mount: data of their own where they may write, else of others. */

/** By which a plan accepts one of them, by the name of its volume. */
export const HOST_PATH = 'HostPath';

const volumesSchema = z
  .array(
    z.looseObject({
      name: z.string(),
      hostPath: z.looseObject({ path: z.string(), type: z.string().nullish() }).nullish(),
    }),
  )
  .nullish();

/** What is no folder and no file: whose it is says nothing of data. */
const NO_DATA = ['Socket', 'CharDevice', 'BlockDevice'];

interface HostPaths {
  /** Those that the pods write to. */
  data: DataVolume[];
  /** Those that they only read or call, in words. */
  ofOthers: string[];
}

export function hostPathsOf(pod: Pod): HostPaths {
  const found: HostPaths = { data: [], ofOthers: [] };
  for (const { name, hostPath } of volumesSchema.parse(pod.spec.volumes) ?? []) {
    const mounts = mountsOf(pod, name);
    if (!hostPath || mounts.length === 0) continue;
    const isData = !NO_DATA.includes(hostPath.type ?? '') && mounts.some(({ readOnly }) => readOnly !== true);
    if (!isData) found.ofOthers.push(hostPath.path);
    else
      found.data.push({
        ...{ name, paths: [...new Set(mounts.map(({ mountPath }) => mountPath))] },
        ...{ storage: `hostPath ${hostPath.path}`, fsGroup: 'Ignored', isOfOnePod: false, isOfNode: true },
      });
  }
  return found;
}

/** What the node's own programs wrote is not given to anybody: it is said. */
export const othersWarning = (paths: readonly string[]): string[] =>
  paths.length === 0
    ? []
    : [
        `its pods read or call ${paths.join(', ')} of their node, and the user changes: whether the new one may is not looked at`,
      ];
