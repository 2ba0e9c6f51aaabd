import { DefaultLogger } from '@temporalio/worker';
import type { Logger } from '@scc/runtime';

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** Temporal's own records, as lines of the process's log. */
export const temporalLogger = (log: Logger): DefaultLogger =>
  new DefaultLogger('INFO', ({ level, message, meta }) => {
    const { sdkComponent: component, ...fields } = meta ?? {};
    log[LEVELS[level]]({ ...fields, ...(component ? { component } : {}) }, message);
  });
