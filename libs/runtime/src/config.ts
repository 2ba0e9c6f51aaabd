import { z } from 'zod';

/** The environment does not describe a runnable process: every bad variable is named at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Parses a process's configuration from its environment. Empty variables count as absent.
 * @throws ConfigError that names each variable, the reason, and what it should hold.
 */
export function loadConfig<Schema extends z.ZodObject>(
  schema: Schema,
  env: Record<string, string | undefined> = process.env,
): z.infer<Schema> {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = schema.safeParse(present);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => {
    const variable = issue.path.join('.');
    const field: unknown = schema.shape[variable];
    const wanted = field instanceof z.ZodType ? field.description : undefined;
    return `  ${variable}: ${issue.message}${wanted ? ` - set it to ${wanted}` : ''}`;
  });
  throw new ConfigError(`Invalid environment:\n${lines.join('\n')}`);
}

/** The variables that every process knows; spread into a process's own schema. */
export const commonConfig = {
  KUBECONFIG: z.string().optional().describe('the path of a kubeconfig; absent inside a cluster'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('the least severe records that are logged'),
  HEALTH_HOST: z.string().default('127.0.0.1').describe('the address that /livez, /readyz and /metrics listen on'),
  HEALTH_PORT: z.coerce.number().int().min(0).max(65535).default(0).describe('a port for /livez, /readyz and /metrics'),
};
