import type { Logger } from '../logger.js';
import { collectorOf, tracingConfig, type TracingConfig } from './config.js';
import type { Tracing } from './exporting.js';

/**
 * Starts tracing for this process (or thread) where a collector is named; the libraries for it are loaded only then.
 * @param service the name in traces unless OTEL_SERVICE_NAME says another
 * @returns null when nothing is traced
 * @throws Error when the file of the collector's authority cannot be read
 */
export async function startTracing(config: TracingConfig, service: string, log: Logger): Promise<Tracing | null> {
  const url = collectorOf(config);
  if (url === null) return null;
  const { startExporting } = await import('./exporting.js');
  return startExporting({ config, url, service, log });
}

/** What a thread needs to trace, and nothing else of the environment; null when nothing is traced. */
export const tracingOf = (config: TracingConfig): TracingConfig | null =>
  collectorOf(config) === null
    ? null
    : (Object.fromEntries(
        Object.keys(tracingConfig).map((name) => [name, config[name as keyof TracingConfig]]),
      ) as TracingConfig);

export type { Tracing } from './exporting.js';
export { tracingConfig, type TracingConfig } from './config.js';
