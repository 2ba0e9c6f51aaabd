import { bothSidesSchema } from '@scc/plan';
import { z } from 'zod';

/** A sample of a gate as it is shown. */
export const shownSampleSchema = z.object({
  gate: z.string(),
  verdict: z.string(),
  value: z.number().nullable(),
  detail: z.string(),
  weight: z.int(),
  at: z.iso.datetime(),
  sides: bothSidesSchema
    .nullable()
    .describe('On the first sample of a hold: what the callers of both sides met over it.'),
});
