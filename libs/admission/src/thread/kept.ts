import { backoffMs, messageOf, type Logger, pause } from '@scc/runtime';
import { Counter, Registry } from 'prom-client';
import { type AdmissionThread, startAdmissionThread, type AdmissionThreadOptions } from './host.js';

const BACKOFF = { firstMs: 500, lastMs: 30_000 };
/** A thread that served for so long had no failure in a row. */
const STEADY_MS = 60_000;

interface Options extends Omit<AdmissionThreadOptions, 'onEnd'> {
  readonly logger: Logger;
  /** How the thread is started; tests give one that ends. */
  readonly start?: (options: AdmissionThreadOptions) => Promise<AdmissionThread>;
  /** How the next start is waited for; tests decide when that is over. */
  readonly wait?: typeof pause;
}

/**
 * Keeps the admission webhook running in a thread: one that ended is started again, ever more slowly, while the rest of
 * the process goes on. Not ready meanwhile, so that reviews go to another replica.
 *
 * @throws the error for which the first thread could not start
 */
export async function keepAdmissionThread({
  logger,
  start = startAdmissionThread,
  wait = pause,
  ...options
}: Options): Promise<AdmissionThread> {
  const registry = new Registry();
  const restarts = new Counter({
    name: 'scc_webhook_thread_ends_total',
    help: 'How often the thread of the webhook ended by itself and had to be started again.',
    registers: [registry],
  });
  const stopping = new AbortController();
  let current: AdmissionThread | undefined;
  let objection = '';
  let failures = 0;
  let restarting: Promise<void> = Promise.resolve();

  const startOne = async (): Promise<AdmissionThread> => {
    const startedAt = performance.now();
    return start({
      ...options,
      onEnd: (error) => {
        current = undefined;
        if (performance.now() - startedAt > STEADY_MS) failures = 0;
        ended(error);
      },
    });
  };
  const ended = (error: unknown): void => {
    failures += 1;
    restarts.inc();
    objection = `the thread of admission ended and is started again: ${messageOf(error)}`;
    logger.error({ err: error, failures }, 'admission thread ended');
    restarting = again();
  };
  const again = async (): Promise<void> => {
    await wait(backoffMs(failures, BACKOFF), stopping.signal);
    if (stopping.signal.aborted) return;
    try {
      current = await startOne();
    } catch (error) {
      ended(error);
    }
  };

  current = await startOne();
  const { port } = current;
  return {
    get port() {
      return current?.port ?? port;
    },
    ready: async () => (current ? current.ready() : objection),
    // Restarting the process would help no more than starting the thread again does.
    alive: async () => (current ? current.alive() : null),
    metrics: async () => [await registry.metrics(), (await current?.metrics()) ?? ''].join('\n'),
    stop: async () => {
      stopping.abort();
      await restarting;
      await current?.stop();
    },
  };
}
