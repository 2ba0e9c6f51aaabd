import type { SideFigures } from '@scc/plan';
import { type AnswerTally, type bucketsOf, quantileOf } from './tally.js';

/** What the callers of one side met in a span of time, of which a second is the least. */
export const sideFigures = (
  tally: AnswerTally | null,
  latency: ReturnType<typeof bucketsOf>,
  spanMs: number,
): SideFigures => ({
  perSecond: tally && (tally.requests * 1000) / Math.max(1000, spanMs),
  successRate: tally && tally.tries > 0 ? 100 * (1 - tally.failedTries / tally.tries) : null,
  p99Ms: quantileOf(latency, 0.99),
});
