import { z } from 'zod';
import { durationSchema } from './formats.js';
import { STRATEGIES } from './strategies.js';

/** `spec.strategy` of a plan. */
export const strategySchema = z.object({
  type: z
    .enum(STRATEGIES)
    .optional()
    .describe(
      'Canary: a copy of a Deployment takes its requests over. Rolling: one pod of a Deployment changes first, then the rest at its own pace. Ordered: the pods of a StatefulSet change one by one, the highest ordinal first. PerNode: the pods of a DaemonSet change node by node. NextRun: the template of a CronJob changes, and its next run is watched. Chosen by the kind when absent, and of a Deployment by its Services and claims; a workload without pods changes as a CronJob does.',
    ),
  trialRun: z
    .boolean()
    .optional()
    .describe(
      'Of a CronJob: run it once now under the target, before its own template changes. That is a run more than its schedule has.',
    ),
  waitForRun: durationSchema
    .optional()
    .describe(
      'Of a CronJob: how long its next run is waited for, from the change of its template to the end of that run. Of a workload without pods: how long its first ones are. 24h when absent.',
    ),
});

export const chosenStrategySchema = z.object({
  type: z.enum(STRATEGIES),
  reason: z.string().describe('Why it is this one.'),
});
