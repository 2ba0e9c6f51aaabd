import type { Violation } from '@scc/plan';
import type { VolumeUser } from './data-decision.js';
import { HOST_PATH } from './host-paths.js';
import type { DataVolume } from './storage.js';

/** The ways by hand to data that another user can use, as refusals write them out. */

export const CLAIM = 'PersistentVolumeClaim';

const pathsIn = (volumes: readonly DataVolume[]): string =>
  volumes.flatMap(({ paths, name }) => (paths.length > 0 ? paths : [`the path of ${name}`])).join(' ');

/** Lets a group use the files, and leaves their owner: the old pods go on as if nothing had been. */
export const groupByHand = (volumes: readonly DataVolume[], group: number): string =>
  `Let group ${group} use the files as well, which leaves their owner and disturbs no pod: in each pod that runs now, kubectl exec POD -- sh -c 'chgrp -R ${group} ${pathsIn(volumes)} && chmod -R g+rwX ${pathsIn(volumes)}' (an NFS server that squashes root refuses that: do it there)`;

/** The same where the pods that run cannot do it, and nobody stops them: by root, from outside. */
export const outsideByHand = (volumes: readonly DataVolume[], { fsGroup }: VolumeUser): string => {
  const keep = 'Keep the user: set its runAsUser in the template, and choose an SCC that lets it';
  if (fsGroup === null) return `${keep}, or give the pods an fsGroup that may use the files (podSecurity.patch)`;
  const paths = pathsIn(volumes);
  const where = volumes.some(({ isOfNode }) => isOfNode)
    ? `, a folder of a node on each node (${volumes.flatMap(({ isOfNode, storage }) => (isOfNode ? storage : [])).join(', ')})`
    : '';
  return `${keep}; or let group ${fsGroup} use the files as well, which leaves their owner and disturbs no pod: as root, in a pod that mounts them at the same paths${where}, chgrp -R ${fsGroup} ${paths} && chmod -R g+rwX ${paths}`;
};

export const ownerByHand = (volumes: readonly DataVolume[], { uids, fsGroup }: VolumeUser): string => {
  const uid = uids.find((one) => one !== null) ?? 'USER';
  const paths = pathsIn(volumes);
  return `Keep the user (set its runAsUser in the template and choose nonroot-v2), or give the files to the new user while the pods are stopped: scale to 0; in a pod that mounts the claim as root, note the owners (find ${paths} -exec stat -c '%u:%g %n' {} + >owners) and keep that list outside of it, then chown -R ${uid}${fsGroup === null ? '' : `:${fsGroup}`} ${paths}, and scale up once a plan waits for the first pods; to go back, scale to 0 and give the owners back (while read -r owner file; do chown -h "$owner" "$file"; done <owners). Of a StatefulSet, or of a Deployment whose own pods move, a plan does that itself with spec.volumes.ownerChange: WhileStopped`;
};

export const dataOfAnother = (reason: string, volumes: readonly DataVolume[], byHand: string): Violation => ({
  code: 'DataOfAnotherUser',
  field: 'spec.targetSCC',
  message: `the migrated pods could not use their data: ${reason}`,
  remedy: `${byHand}; then accept it by spec.traffic.accept: [${volumes.map(({ name, isOfNode }) => `{kind: ${isOfNode ? HOST_PATH : CLAIM}, name: ${name}}`).join(', ')}].`,
});
