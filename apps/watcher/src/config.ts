import { TASK_QUEUE } from '@scc/migration/contract';
import { commonConfig } from '@scc/runtime';
import { temporalConfig } from '@scc/runtime/temporal-config';
import { tracingConfig } from '@scc/runtime/tracing';
import { z } from 'zod';

/** The watcher's environment. */
export const watcherConfigSchema = z.object({
  ...commonConfig,
  ...temporalConfig,
  ...tracingConfig,
  TEMPORAL_TASK_QUEUE: z.string().default(TASK_QUEUE).describe('the task queue that the watcher and the worker share'),
  LEASE_NAMESPACE: z.string().default('scc-system').describe('the namespace of the leader election Lease'),
  LEASE_SECONDS: z.coerce
    .number()
    .int()
    .min(2)
    .max(300)
    .default(10)
    .describe('how long a replica that died keeps others from leading'),
  IDENTITY: z.string().min(1).describe('a name that no other replica has, such as the pod name'),
  RESYNC_SECONDS: z.coerce.number().int().min(1).default(30).describe('how often every unfinished plan is looked at'),
});
