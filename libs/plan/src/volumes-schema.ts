import { z } from 'zod';
import { dns1123 } from './formats.js';

/** What a plan lets be done to data that belongs to another user than the migrated pods'. */
export const volumesSchema = z.object({
  census: z
    .boolean()
    .default(false)
    .describe(
      'Whether Jobs look, beside the pods and under the old SCC, at who owns the files of volumes that the migrated pods might not be able to use, and let their group use them where that is enough; owners stay.',
    ),
  ownerChange: z
    .enum(['WhileStopped'])
    .optional()
    .describe(
      'Lets a StatefulSet, or a Deployment whose own pods move, be stopped, which is an outage, so that Jobs give the files of its claims to the new user, where nothing less helps: under the old SCC, as root. An undo stops it again and gives them back.',
    ),
  snapshot: z
    .object({
      className: dns1123.optional().describe('The VolumeSnapshotClass; that of the storage unless given.'),
    })
    .optional()
    .describe(
      'Takes a VolumeSnapshot of the claims of each pod of a StatefulSet right before that pod moves, and keeps it.',
    ),
});
