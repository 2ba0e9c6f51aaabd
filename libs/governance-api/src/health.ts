import { z } from 'zod';

/** One part that governance needs; some say more, such as how much waits. */
const partHealthSchema = z.looseObject({
  status: z.enum(['up', 'degraded', 'down']),
  since: z.iso.datetime().describe('Since when it is so, as far as this process knows.'),
  reason: z.string().optional().describe('Why it is not up.'),
});

/** How the parts of the service are. */
export const healthSchema = z.object({
  status: z
    .enum(['ok', 'degraded', 'error'])
    .describe('error: the database is away. degraded: another part is not as it should be.'),
  components: z
    .record(z.string(), partHealthSchema)
    .describe('database, kubernetes (the API server), temporal, outbox (messages to workflows), audit (the sealer).'),
});
export type Health = z.infer<typeof healthSchema>;
