import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { messageOf } from './values.js';

/** A call took longer than it may; its thread was ended. */
export class DeadlineExceeded extends Error {
  override readonly name = 'DeadlineExceeded';

  constructor(
    call: string,
    readonly deadlineMs: number,
  ) {
    super(`${call} took longer than ${deadlineMs} ms`);
  }
}

export interface ThreadOptions {
  /** Names the threads in stack traces and debuggers. */
  name: string;
  /** The module whose functions are called; it and all that it imports by a relative path run in the thread. */
  module: URL;
  /** The time of one call, in milliseconds from when a thread begins with it. */
  deadlineMs: number;
  /** Threads that work at the same time; more calls wait in line. */
  size?: number;
  /** Behind what others wait for, or behind all else; `low` unless given. */
  priority?: keyof typeof PRIORITIES;
  /** The memory of one thread, in MiB; a call that needs more fails. */
  maxHeapMiB?: number;
}

interface Call {
  name: string;
  args: unknown[];
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

type Answer = { ready: true } | { value: unknown } | { error: string };

/** On Linux, priorities are those of threads; elsewhere they would be those of the process. */
const PRIORITIES = { low: constants.priority.PRIORITY_BELOW_NORMAL, lowest: constants.priority.PRIORITY_LOW };

/** Runs in the thread. Text, so that it is the same for sources and for what was built from them. */
const INSIDE = `
const { getPriority, setPriority } = await import('node:os');
if (process.platform === 'linux') setPriority(Math.max(getPriority(), workerData.priority));
import { parentPort, workerData } from 'node:worker_threads';
if (workerData.module.endsWith('.ts')) {
  const { registerHooks } = await import('node:module');
  registerHooks({
    resolve(specifier, context, next) {
      const isSource = context.parentURL?.endsWith('.ts') && /^\\.\\.?\\/.*\\.js$/.test(specifier);
      return next(isSource ? specifier.replace(/\\.js$/, '.ts') : specifier, context);
    },
  });
}
const functions = await import(workerData.module);
parentPort.on('message', async ({ name, args }) => {
  try {
    parentPort.postMessage({ value: await functions[name](...args) });
  } catch (error) {
    parentPort.postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
});
parentPort.postMessage({ ready: true });
`;
const INSIDE_URL = new URL(`data:text/javascript,${encodeURIComponent(INSIDE)}`);

/** Sources are run as they are where nothing was built, as in tests. */
function moduleUrl(module: URL): string {
  if (existsSync(fileURLToPath(module))) return module.href;
  return module.href.replace(/\.js$/, '.ts');
}

/**
 * Calls functions of a module in threads of their own, each within a deadline: a call that runs on is ended together
 * with its thread, and neither the caller's thread nor other calls wait for it. The threads go behind that of the caller
 * for the processor. Arguments and results are plain data.
 */
export class DeadlineThreads<M> {
  readonly #options: ThreadOptions;
  readonly #waiting: Call[] = [];
  readonly #idle: Worker[] = [];
  readonly #all = new Set<Worker>();

  constructor(options: ThreadOptions) {
    this.#options = options;
  }

  /** @throws DeadlineExceeded; Error with the message of what the function threw, or of why the thread ended */
  call<K extends keyof M & string>(
    name: K,
    ...args: M[K] extends (...args: infer A) => unknown ? A : never
  ): Promise<M[K] extends (...args: never[]) => infer R ? Awaited<R> : never> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ name, args, resolve: resolve as (value: unknown) => void, reject });
      this.#next();
    });
  }

  /** Ends the threads; calls under way fail. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map((worker) => worker.terminate()));
  }

  #next(): void {
    if (this.#waiting.length === 0) return;
    const idle = this.#idle.pop();
    if (!idle && this.#all.size >= (this.#options.size ?? 1)) return;
    const call = this.#waiting.shift();
    if (!call) return;
    this.#run(idle ?? this.#start(), call, idle !== undefined);
  }

  #start(): Worker {
    const { name, module, priority = 'low', maxHeapMiB = 256 } = this.#options;
    const worker = new Worker(INSIDE_URL, {
      name,
      workerData: { module: moduleUrl(module), priority: PRIORITIES[priority] },
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMiB },
    });
    this.#all.add(worker);
    worker.on('error', () => undefined);
    worker.once('exit', () => {
      this.#all.delete(worker);
      const at = this.#idle.indexOf(worker);
      if (at >= 0) this.#idle.splice(at, 1);
      this.#next();
    });
    return worker;
  }

  #run(worker: Worker, call: Call, isReady: boolean): void {
    const { deadlineMs } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const settle = (): void => {
      clearTimeout(timer);
      worker.off('message', onMessage).off('error', onEnd).off('exit', onEnd);
    };
    const begin = (): void => {
      // The deadline counts from here: starting a thread is not the call's fault.
      timer = setTimeout(() => {
        settle();
        call.reject(new DeadlineExceeded(call.name, deadlineMs));
        void worker.terminate();
      }, deadlineMs);
      try {
        worker.postMessage({ name: call.name, args: call.args });
      } catch (error) {
        settle();
        call.reject(error instanceof Error ? error : new Error(String(error)));
        this.#free(worker);
      }
    };
    const onMessage = (answer: Answer): void => {
      if ('ready' in answer) {
        begin();
        return;
      }
      settle();
      if ('error' in answer) call.reject(new Error(answer.error));
      else call.resolve(answer.value);
      this.#free(worker);
    };
    const onEnd = (cause: unknown): void => {
      settle();
      const reason = cause instanceof Error ? messageOf(cause) : `the thread ended with code ${String(cause)}`;
      call.reject(new Error(`${call.name} failed: ${reason}`));
    };
    worker.ref();
    worker.on('message', onMessage).on('error', onEnd).on('exit', onEnd);
    if (isReady) begin();
  }

  #free(worker: Worker): void {
    worker.unref();
    this.#idle.push(worker);
    this.#next();
  }
}
