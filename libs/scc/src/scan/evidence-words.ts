import type { SeenNeed } from './report.js';

const SHORT = 19;

/** One thing that was seen of a workload's needs, with how much was seen, as a sentence without its end. */
export function evidenceSentence(one: SeenNeed): string {
  switch (one.source) {
    case 'running user':
      return `${one.container} ran as user ${one.uid} by its image, seen in ${one.seenIn} of ${one.pods} pods`;
    case 'image': {
      const ports = one.ports.length > 0 ? `, port ${one.ports.join(', ')}` : '';
      const volumes = one.volumes.length > 0 ? `, volume ${one.volumes.join(', ')}` : '';
      const user = one.user === '' ? 'root, for it names no user' : `user ${one.user}`;
      return `${one.container}: its image ${one.image} says ${user}${ports}${volumes} (${one.platform}, ${one.digest.slice(0, SHORT)} when it was read)`;
    }
    case 'profile': {
      const coverage = `${one.status || 'unknown'}, ${one.fromStart ? 'from its start on' : 'not from its start'}`;
      const checked = one.checked.length > 0 ? `${one.checked.join(', ')}; a check is not a need` : 'no capability';
      return `${one.container}: ${one.profile} of Kubescape (${coverage}) saw it checked for ${checked}`;
    }
    case 'image not read':
      return `${one.container}: its image ${one.image} was not read: ${one.reason}`;
  }
}
