import { parseArgs } from 'node:util';
import { z } from 'zod';
import { SAMPLE_ROUTERS } from '../samples.js';
import { SCENARIOS } from './scenarios.js';

const optionsSchema = z.object({
  json: z.string().optional(),
  only: z.coerce
    .number()
    .refine((id) => SCENARIOS.some((scenario) => scenario.id === id), {
      error: `--only takes one of ${SCENARIOS.map(({ id }) => id).join(', ')}`,
    })
    .optional(),
  rate: z.coerce.number().min(50, { error: '--rate takes at least 50 requests a second' }).max(5000).default(320),
  seconds: z.coerce.number().min(1, { error: '--seconds takes at least 1' }).max(3600).default(8),
  router: z.enum(SAMPLE_ROUTERS).optional(),
  keep: z.boolean().default(false),
  record: z.string().optional(),
});
export type DemoOptions = z.infer<typeof optionsSchema>;

export const USAGE = `npm run demo -- [options]
  --only N        play one scenario: ${SCENARIOS.map(({ id, title }) => `\n                  ${id}  ${title}`).join('')}
  --router NAME   whose routes lead to the shop: istio (VirtualServices), gateway-api (HTTPRoutes) or route (Routes of
                  OpenShift by a real HAProxy, whose counters the gates then read); the latter two know no retries:
                  without scenario 2
  --rate N        requests a second over all services (320)
  --seconds N     how long the load is measured before the plan, and at least from the plan on (8)
  --json FILE     write the results as data
  --record DIR    write the history of each workflow, for replay
  --keep          leave the stack up at the end and print its addresses`;

/** @throws Error in one line that names the option. */
export function parseOptions(args: readonly string[]): DemoOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'string' },
      only: { type: 'string' },
      router: { type: 'string' },
      rate: { type: 'string' },
      seconds: { type: 'string' },
      record: { type: 'string' },
      keep: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) return 'help';
  const parsed = optionsSchema.safeParse(values);
  if (parsed.success) return parsed.data;
  throw new Error(parsed.error.issues.map(({ path, message }) => `--${path.join('.')}: ${message}`).join('; '));
}
