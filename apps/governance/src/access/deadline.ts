import type { Logger } from 'pino';
import { Refusal } from '../refusal/refusal.js';

const ASK_MS = 5000;

/**
 * Asks somebody outside the process, for a bounded time.
 * @throws Refusal `unavailable` when there is no answer. Not knowing is never a yes.
 */
export async function askInTime<T>(what: string, ask: () => Promise<T>, log: Logger): Promise<T> {
  const deadline = Promise.withResolvers<never>();
  const timer = setTimeout(() => deadline.reject(new Error(`no answer within ${ASK_MS} ms`)), ASK_MS);
  try {
    return await Promise.race([ask(), deadline.promise]);
  } catch (error) {
    // Only the message: an error of a client may carry the request, and that holds the token.
    log.warn({ what, reason: error instanceof Error ? error.message : 'unknown' }, 'access check failed');
    throw new Refusal('unavailable', `${what} cannot be checked now; try again later`);
  } finally {
    clearTimeout(timer);
  }
}
