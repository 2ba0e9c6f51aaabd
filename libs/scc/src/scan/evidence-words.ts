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
    case 'image not read':
      return `${one.container}: its image ${one.image} was not read: ${one.reason}`;
  }
}
