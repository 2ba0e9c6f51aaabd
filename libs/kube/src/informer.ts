import { backoffMs, messageOf, pause, type Backoff, type Logger } from '@scc/runtime';
import { isGone } from './errors.js';
import type { KubeClient, Selection, WatchEvent } from './kube-client.js';
import { keyOf, type KindRef, type KubeObject } from './object.js';
import { type StoreChange, ObjectStore } from './store.js';

/** Times in milliseconds. */
export interface InformerTiming {
  /** A watch that says nothing for so long is taken for dead; the server sends a bookmark about every minute. */
  quietMs: number;
  /** Everything is listed again after so long, regardless of the watch. */
  relistMs: number;
  backoff: Backoff;
  /** A watch that lived for so long was no failure, however it ended. */
  healthyMs: number;
}

const TIMING: InformerTiming = {
  quietMs: 150_000,
  relistMs: 10 * 60_000,
  backoff: { firstMs: 100, lastMs: 10_000 },
  healthyMs: 10_000,
};
const WATCH_SECONDS = 5 * 60;

export interface InformerOptions extends Selection {
  client: KubeClient;
  kind: KindRef;
  /**
   * Called for each change after `list` and `get` know it, one after the other. A change that was missed while no watch
   * was open comes as the difference between two lists; an object that was recreated under its old name comes with the
   * old one as `previous`.
   */
  onChange: (key: string, current: KubeObject | undefined, previous: KubeObject | undefined) => void;
  logger?: Pick<Logger, 'warn' | 'error' | 'debug'>;
  timing?: Partial<InformerTiming>;
}

/** Makes an informer of a kind: `createInformer` with a client bound, or a fake. */
export type MakeInformer = (
  kind: KindRef,
  onChange: (key: string, current: unknown, previous: unknown) => void,
) => {
  start: () => unknown;
  stop: () => unknown;
  synced: Promise<void>;
  list: () => unknown[];
  /** Milliseconds since the API server last said anything. */
  lastContactMs: () => number;
};

export interface InformerHealth {
  synced: boolean;
  /** Milliseconds since the API server last said anything, a bookmark included; since the start before it ever did. */
  lastContactMs: number;
  /** Milliseconds since a list or a watch was last tried. */
  lastAttemptMs: number;
  lists: number;
  watches: number;
  lastError: string | null;
}

export interface Informer {
  start: () => void;
  /** Resolves when nothing is under way any more; `onChange` is not called after it was called. */
  stop: () => Promise<void>;
  /** Resolves when the first list was taken over. @throws Error when it is stopped before. */
  synced: Promise<void>;
  list: () => KubeObject[];
  /** @param key `namespace/name`, or `name` of what is not namespaced */
  get: (key: string) => KubeObject | undefined;
  lastContactMs: () => number;
  health: () => InformerHealth;
}

/** Nothing was heard for too long. */
class QuietError extends Error {
  override readonly name = 'QuietError';
}

class ListWatch implements Informer {
  readonly synced: Promise<void>;
  readonly #options: InformerOptions;
  readonly #timing: InformerTiming;
  readonly #store = new ObjectStore();
  readonly #stopping = new AbortController();
  readonly #sync = Promise.withResolvers<undefined>();
  #running: Promise<void> | undefined;
  /** Where the watch goes on; undefined: only a list can tell. */
  #resourceVersion: string | undefined;
  #isSynced = false;
  #listedAt = 0;
  #contactAt = performance.now();
  #attemptAt = performance.now();
  #lists = 0;
  #watches = 0;
  #lastError: string | null = null;

  constructor(options: InformerOptions) {
    this.#options = options;
    this.#timing = { ...TIMING, ...options.timing };
    this.synced = this.#sync.promise;
    // Avoids an unhandled rejection when nothing awaits `synced`.
    this.synced.catch(() => undefined);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('the informer is stopped'));
    this.#sync.reject(new Error(`the informer of ${this.#options.kind.kind} was stopped before it was synced`));
    await this.#running;
  }

  list(): KubeObject[] {
    return this.#store.list();
  }

  get(key: string): KubeObject | undefined {
    return this.#store.get(key);
  }

  lastContactMs(): number {
    return performance.now() - this.#contactAt;
  }

  health(): InformerHealth {
    return {
      synced: this.#isSynced,
      lastContactMs: this.lastContactMs(),
      lastAttemptMs: performance.now() - this.#attemptAt,
      lists: this.#lists,
      watches: this.#watches,
      lastError: this.#lastError,
    };
  }

  /** One round after the other, so that there is never more than one restart under way. */
  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    let failures = 0;
    while (!signal.aborted) {
      const startedAt = performance.now();
      const error = await this.#round();
      failures = performance.now() - startedAt >= this.#timing.healthyMs ? 0 : failures + 1;
      const retryMs = backoffMs(failures, this.#timing.backoff);
      this.#note(error, retryMs);
      await pause(retryMs, signal);
    }
  }

  /** Lists where that is due, then watches until the watch ends; resolves to the reason when that is a failure. */
  async #round(): Promise<unknown> {
    this.#attemptAt = performance.now();
    try {
      if (this.#resourceVersion === undefined || this.#relistInMs() <= 0) await this.#relist();
      await this.#watch(this.#resourceVersion ?? '');
      return undefined;
    } catch (error) {
      // After silence and after "too old", what was missed can only be found by a list.
      if (isGone(error) || error instanceof QuietError) this.#resourceVersion = undefined;
      return error;
    }
  }

  async #relist(): Promise<void> {
    const { client, kind } = this.#options;
    const { items, resourceVersion } = await client.list(kind, { ...this.#selection(), signal: this.#stopping.signal });
    this.#lists += 1;
    this.#listedAt = this.#contactAt = performance.now();
    for (const change of this.#store.replace(items.map(lean))) this.#tell(change);
    this.#resourceVersion = resourceVersion;
    this.#isSynced = true;
    this.#sync.resolve(undefined);
  }

  async #watch(resourceVersion: string): Promise<void> {
    const { client, kind } = this.#options;
    const { quietMs } = this.#timing;
    const ending = new AbortController();
    const quiet = setTimeout(() => ending.abort(new QuietError(`nothing was heard for ${quietMs} ms`)), quietMs);
    const seconds = Math.min(WATCH_SECONDS * (1 + Math.random()), Math.max(1, this.#relistInMs() / 1000));
    try {
      this.#watches += 1;
      const events = client.watch(kind, {
        ...this.#selection(),
        resourceVersion,
        timeoutSeconds: Math.ceil(seconds),
        signal: AbortSignal.any([this.#stopping.signal, ending.signal]),
      });
      for await (const event of events) {
        if (this.#stopping.signal.aborted) return;
        quiet.refresh();
        this.#take(event);
      }
    } finally {
      clearTimeout(quiet);
    }
  }

  #take(event: WatchEvent): void {
    this.#contactAt = performance.now();
    switch (event.type) {
      case 'OPEN':
        return;
      case 'BOOKMARK':
        this.#resourceVersion = event.resourceVersion;
        return;
      case 'ADDED':
      case 'MODIFIED':
        this.#tell(this.#store.set(lean(event.object)));
        break;
      case 'DELETED':
        this.#tell(this.#store.delete(keyOf(event.object)));
        break;
    }
    this.#resourceVersion = event.object.metadata.resourceVersion;
  }

  #tell(change: StoreChange | undefined): void {
    if (!change) return;
    try {
      this.#options.onChange(change.key, change.current, change.previous);
    } catch (error) {
      this.#options.logger?.error({ err: error, key: change.key }, 'a change could not be handled');
    }
  }

  #note(error: unknown, retryMs: number): void {
    if (error === undefined || this.#stopping.signal.aborted) return;
    this.#lastError = messageOf(error);
    const fields = { kind: this.#options.kind.kind, err: error, retryMs: Math.round(retryMs) };
    this.#options.logger?.warn(fields, 'watching failed and is tried again');
  }

  #relistInMs(): number {
    return this.#listedAt + this.#timing.relistMs - performance.now();
  }

  #selection(): Selection {
    const { namespace, labelSelector, fieldSelector } = this.#options;
    return {
      ...(namespace === undefined ? {} : { namespace }),
      ...(labelSelector === undefined ? {} : { labelSelector }),
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
    };
  }
}

/** `managedFields` is often half of an object, and readers do not need it. */
function lean(object: KubeObject): KubeObject {
  const metadata = { ...object.metadata };
  delete metadata.managedFields;
  return { ...object, metadata };
}

/**
 * Keeps a copy of all objects of a kind, without their managed fields, and tells of every change, in spite of what
 * happens to the API server meanwhile.
 */
export const createInformer = (options: InformerOptions): Informer => new ListWatch(options);
