import { phaseSchema } from '@scc/plan';
import { z } from 'zod';

/** Emergency stops: of all migrations, or of those of one namespace. */

const time = z.iso.datetime();
const stopReason = z.string().min(10).max(1000);
export const stopRequestSchema = z.object({
  namespace: z.string().min(1).max(63).nullable().describe('Whose migrations are stopped; null for all of them.'),
  takeBack: z.boolean().default(false).describe('Undo what has begun, instead of holding it where it is.'),
  reason: stopReason,
});
export const stopLiftSchema = z.object({ reason: stopReason });
export const emergencyStopSchema = z.object({
  id: z.string(),
  namespace: z.string().nullable(),
  takeBack: z.boolean(),
  reason: z.string(),
  by: z.string(),
  at: time,
  liftedBy: z.string().nullable(),
  liftedAt: time.nullable(),
  liftReason: z.string().nullable(),
});
export const stopAnswerSchema = emergencyStopSchema.extend({
  migrations: z.array(
    z.object({
      uid: z.string(),
      namespace: z.string(),
      name: z.string(),
      phase: phaseSchema,
      did: z
        .enum(['held', 'takenBack', 'undoing', 'notBegun'])
        .describe(
          'held: stays where it is. takenBack: is undone. undoing: was on its way back before. notBegun: touched nothing yet, and does not begin.',
        ),
    }),
  ),
  unreached: z
    .array(
      z.object({
        uid: z.string(),
        namespace: z.string(),
        name: z.string(),
        workflowId: z.string(),
        reason: z.string(),
      }),
    )
    .describe(
      'Begun migrations whose workflow does not run, or of which Temporal did not say so. No step of theirs is allowed either.',
    ),
});

export type StopRequest = z.infer<typeof stopRequestSchema>;
export type EmergencyStop = z.infer<typeof emergencyStopSchema>;
export type StopAnswer = z.infer<typeof stopAnswerSchema>;
