import { NativeConnection, type Worker } from '@temporalio/worker';
import { backoffMs, messageOf, pause, type Logger } from '@scc/runtime';
import type { TemporalLink } from '@scc/runtime/temporal';

const BACKOFF = { firstMs: 500, lastMs: 15_000 };
const LOOK_MS = 15_000;

export interface HostingOptions {
  link: TemporalLink;
  /** A worker on this connection. */
  make: (connection: NativeConnection) => Promise<Worker>;
  log: Logger;
}

/**
 * Runs the worker for as long as the process lives: waits for Temporal and says why, and connects again when
 * certificates were exchanged.
 */
export class Hosting {
  readonly #options: HostingOptions;
  readonly #stopping = new AbortController();
  #worker: Worker | undefined;
  #reason: string | null = 'starting';

  constructor(options: HostingOptions) {
    this.#options = options;
  }

  /** Why no work can be taken now, or null. */
  unready(): string | null {
    if (this.#stopping.signal.aborted) return 'stopping';
    const state = this.#worker?.getState();
    if (state === undefined) return this.#reason;
    return state === 'RUNNING' ? null : `the worker is ${state}`;
  }

  /** Resolves after `stop`, when what was under way has ended. */
  async run(): Promise<void> {
    const { signal } = this.#stopping;
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.#connected();
        failures = 0;
      } catch (error) {
        failures += 1;
        this.#failed(messageOf(error));
      }
      await pause(backoffMs(failures, BACKOFF), signal);
    }
  }

  stop(): void {
    this.#stopping.abort();
    this.#shutDown();
  }

  /** A reason is logged once, however often it is met. */
  #failed(reason: string): void {
    if (this.#reason !== reason) this.#options.log.warn({ reason }, 'the worker waits for Temporal');
    this.#reason = reason;
  }

  async #connected(): Promise<void> {
    const { link, make, log } = this.#options;
    await link.check();
    const { key, ...options } = await link.options();
    const connection = await NativeConnection.connect(options);
    try {
      this.#worker = await make(connection);
      const running = this.#worker.run();
      const ended = new AbortController();
      const following = this.#follow(connection, key, ended.signal);
      log.info({ temporal: link.address, namespace: link.namespace }, 'worker started');
      if (this.#stopping.signal.aborted) this.#shutDown();
      await running.finally(() => ended.abort());
      await following;
    } finally {
      this.#worker = undefined;
      await connection.close();
    }
  }

  /** Sends an API key that was exchanged, and ends a worker whose certificates were, so that the next connects with them. */
  async #follow(connection: NativeConnection, key: string, ended: AbortSignal): Promise<void> {
    const { link, log } = this.#options;
    for (;;) {
      await pause(LOOK_MS, ended);
      if (ended.aborted) return;
      try {
        const now = await link.options();
        if (now.apiKey !== undefined) await connection.setApiKey(now.apiKey);
        if (now.key === key) continue;
        log.info({ temporal: link.address }, 'certificates for Temporal changed, connecting again');
        this.#shutDown();
        return;
      } catch (error) {
        log.warn({ reason: messageOf(error) }, 'certificates for Temporal cannot be read');
      }
    }
  }

  #shutDown(): void {
    if (this.#worker?.getState() === 'RUNNING') this.#worker.shutdown();
  }
}
