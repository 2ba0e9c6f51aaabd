import { phaseSchema } from '@scc/plan';
import { z } from 'zod';

/** The result of one scenario: the shape of `--json FILE`. Milliseconds and seconds as their names say. */
export const scenarioResultSchema = z.object({
  id: z.int(),
  /** The phase in which the plan ended, or in which it was when the time was over. */
  outcome: phaseSchema,
  /** Every request of the scenario, from its first to its last, to all services. */
  requests: z.int(),
  failed: z.int(),
  /** Writes that the databases acknowledged, and those of them that no volume holds at the end. */
  writes: z.object({ acknowledged: z.int(), lost: z.int() }),
  /** Files in volumes that no longer begin with the bytes that they had before the plan. */
  damaged: z.array(z.string()),
  p50BeforeMs: z.number().nullable(),
  p99BeforeMs: z.number().nullable(),
  p99DuringMs: z.number().nullable(),
  /** From applying the plan until its last phase was seen. */
  seconds: z.number(),
  secondsByPhase: z.record(z.string(), z.number()),
  /** Pods of the workload at the end. */
  podsBySCC: z.record(z.string(), z.int()),
  /** Objects whose user-settable fields are not as they were before the plan. */
  differences: z.array(z.string()),
  /** Leftovers that should not be there any more: objects, pods, finalizers, running workflows. */
  leftovers: z.array(z.string()),
});
export type ScenarioResult = z.infer<typeof scenarioResultSchema>;

export const demoReportSchema = z.object({
  /** The steps of the start, each with the seconds from the command to its end: building, the parts, the product, the shop. */
  start: z.array(z.object({ step: z.string(), atSeconds: z.number() })),
  scenarios: z.array(scenarioResultSchema),
});
export type DemoReport = z.infer<typeof demoReportSchema>;
