import { z } from 'zod';
import { watchErrorOf } from './errors.js';
import type { WatchEvent } from './kube-client.js';
import { objectSchema } from './object.js';

const watchLineSchema = z.object({
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']),
  object: z.unknown(),
});

/** The event in one line of a watch; `what` names the watch in errors. @throws KubeError when it tells an error */
export function watchEventOf(line: string, what: string): Exclude<WatchEvent, { type: 'OPEN' }> {
  const { type, object } = watchLineSchema.parse(JSON.parse(line));
  if (type === 'ERROR') throw watchErrorOf(object, what);
  const parsed = objectSchema.parse(object);
  return type === 'BOOKMARK'
    ? { type, resourceVersion: parsed.metadata.resourceVersion ?? '' }
    : { type, object: parsed };
}
