import { pino, type Logger } from 'pino';

/** Fields that may carry a credential, wherever a caller puts them. */
const SECRETS = ['token', 'password', 'authorization', 'secret', 'privateKey'];
const redact = SECRETS.flatMap((field) => [field, `*.${field}`, `headers.${field}`]);

/** A logger that writes one JSON line per record on standard output and hides credentials. */
export function createLogger(name: string, level = 'info'): Logger {
  return pino({
    name,
    level,
    redact,
    base: { name },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}

export type { Logger } from 'pino';
