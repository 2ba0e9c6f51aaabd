import { z } from 'zod';

const tally = z.object({ weight: z.number(), failures: z.number() });
const count = z.number().nullable();

/**
 * What an assessment is made from, as it is stored. Everything that is not known is null; the factors follow from these
 * and the model alone, so that every assessment can be made again.
 */
export const signalsSchema = z.object({
  privilege: z.object({
    loss: count,
    lossIfDeclared: count,
    /** How uncertain the loss is because pods do not say what they use. */
    spread: z.number(),
    /** Rights that are lost and used, and rights that are lost without anybody knowing whether they are used. */
    used: z.array(z.string()),
    undeclared: z.array(z.string()),
    exposure: z.number(),
    /** Rights that are gained, the weightiest first. */
    gained: z.array(z.string()),
    /** SCCs whose content is unknown. */
    unknown: z.array(z.string()),
    /** What was seen of the needs of its containers, with how much was seen. */
    evidence: z.array(z.string()).default([]),
  }),
  blast: z.object({
    pods: count,
    requestsPerSecond: count,
    dependents: count,
    /** The largest part of the traffic that moves at once. */
    largestStep: z.number(),
  }),
  criticality: z.object({ value: count, from: z.string() }),
  history: z.object({ all: tally, pair: tally, namespace: tally, workload: tally }).nullable(),
  timing: z.object({
    /** Traffic expected while it runs, as a part of the week's 95th percentile. */
    traffic: count,
    changesLastDay: count,
    /** From the expected end to the next freeze or the end of a window. */
    hoursToSpare: count,
  }),
});
export type Signals = z.infer<typeof signalsSchema>;

/** Larger numbers are mistakes, not facts. */
const LARGEST = 1e9;

/** A number that can be a fact: NaN, infinite, negative and absurd ones are not known. */
export const known = (value: number | null | undefined): number | null =>
  typeof value === 'number' && value >= 0 && value <= LARGEST ? value : null;
