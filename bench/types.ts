import { z } from 'zod';

/** One measured number. */
export const benchResultSchema = z
  .object({
    name: z.string().min(1).describe('What was measured, such as scc-decision.'),
    metric: z.string().min(1).describe('Which figure of it, such as mean or p99.'),
    value: z.number(),
    unit: z.string().min(1),
    reference: z.number().optional().describe('The figure it is held against, in the same unit.'),
    ratio: z.number().optional().describe('value / reference'),
  })
  .readonly();
export type BenchResult = z.infer<typeof benchResultSchema>;

/** The default export of a module `bench/NAME.bench.ts`. */
export interface Bench {
  readonly name: string;
  run(): Promise<BenchResult[]>;
}
