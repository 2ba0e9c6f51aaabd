import { withDeadline } from '@scc/runtime';
import type { Logger } from 'pino';
import type { PartStates } from './parts.js';

/** Asks a part something harmless; rejects when it does not answer as it should. */
export type Probe = () => Promise<unknown>;
/** By the name that health shows. */
export type Probes = Readonly<Record<string, Probe>>;

const ASK_MS = 2000;

/**
 * Asks every part once and keeps what it found. Only the log tells more than that there was no answer: health is read
 * by everybody.
 */
export async function askParts(probes: Probes, states: PartStates, logger: Logger): Promise<void> {
  await Promise.all(
    Object.entries(probes).map(async ([part, probe]) => {
      const before = states.get(part)?.status;
      try {
        await withDeadline(() => probe(), { timeoutMs: ASK_MS });
        states.see(part, 'up');
        if (before === 'down') logger.info({ part }, 'dependency answers again');
      } catch (error) {
        states.see(part, 'down', 'it does not answer as it should');
        if (before !== 'down') logger.warn({ part, err: error }, 'dependency down');
      }
    }),
  );
}
