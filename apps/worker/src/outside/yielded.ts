import { jsonOf } from '@scc/runtime';
import { z } from 'zod';
import type { Yielded } from './counter-queries.js';

/** What a query of Prometheus yields, and the one number that a gate takes out of it. */

const sampleSchema = z.tuple([z.number(), z.string()]);
const seriesSchema = z.array(
  z.object({
    metric: z.record(z.string(), z.string()).default({}),
    value: sampleSchema.optional(),
    values: z.array(sampleSchema).default([]),
  }),
);
const scalarSchema = z
  .object({ resultType: z.literal('scalar'), result: sampleSchema })
  .transform(({ result }): Yielded[] => [{ metric: {}, value: result, values: [] }]);
const vectorSchema = z
  .object({ resultType: z.string(), result: seriesSchema })
  .transform(({ result }): Yielded[] => result);
const answerSchema = z.object({ status: z.literal('success'), data: z.union([scalarSchema, vectorSchema]) });

/** The series of an answer; a number without labels is one of them. Undefined when it is no answer of Prometheus. */
export const yieldedIn = (text: string): Yielded[] | undefined => answerSchema.safeParse(jsonOf(text)).data?.data;

/** A number as Prometheus writes it; NaN for what is none. */
export function numberOf(text: string | undefined): number {
  if (text === undefined || text.trim() === '') return NaN;
  return Number(text.replace(/Inf$/, 'Infinity'));
}

/** The only number of an answer, or why there is none. A number may be infinite, which only the gate's bounds can judge. */
export function singleOf(result: readonly Yielded[]): { value: number } | { noData: string } {
  if (result.length > 1) return { noData: `the query yields ${result.length} series instead of one number` };
  const value = numberOf(result[0]?.value?.[1]);
  return Number.isNaN(value) ? { noData: 'the query yields no number' } : { value };
}
