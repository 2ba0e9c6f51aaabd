import { commonConfig } from '@scc/runtime';
import { z } from 'zod';

/** The watcher's environment. */
export const configSchema = z.object({
  ...commonConfig,
  TEMPORAL_ADDRESS: z.string().default('127.0.0.1:7233').describe('host:port of the Temporal frontend'),
  TEMPORAL_NAMESPACE: z.string().default('scc'),
  TEMPORAL_TLS_CA_FILE: z.string().optional().describe('a PEM file; set, the connection uses TLS'),
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
export const environment = process.env;
