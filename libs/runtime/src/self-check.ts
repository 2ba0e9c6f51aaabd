import { z } from 'zod';

/** One thing that is not as it should be, and what to do about it. */
export const faultSchema = z.object({
  part: z.string().describe('What it is about, such as temporal.'),
  fault: z.string(),
  remedy: z.string(),
});
export type CheckFault = z.infer<typeof faultSchema>;

/** The answer of a process that was asked whether it reaches everything that it needs. */
export const selfCheckSchema = z.object({
  at: z.iso.datetime().describe('By the clock of the process.'),
  faults: z.array(faultSchema),
});
export type SelfCheck = z.infer<typeof selfCheckSchema>;
