import { messageOf, withDeadline } from '@scc/runtime';
import type { Logger } from 'pino';
import { Refusal } from '../refusal/refusal.js';

const ASK_MS = 5000;

/**
 * Asks another service, for a bounded time.
 * @throws Refusal `unavailable` when there is no answer. Not knowing is never a yes.
 */
export async function askInTime<T>(what: string, ask: () => Promise<T>, log: Logger): Promise<T> {
  try {
    return await withDeadline(ask, { timeoutMs: ASK_MS });
  } catch (error) {
    // Only the message: an error of a client may carry the request, and that holds the token.
    log.warn({ what, reason: messageOf(error) }, 'access check failed');
    throw new Refusal('unavailable', `${what} cannot be checked now; try again later`);
  }
}
