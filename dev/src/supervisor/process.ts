import { spawn, type ChildProcess } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '@scc/runtime';

/** One process of the stack: how it starts, when it counts as ready, how it stops. */
export interface PartDefinition {
  name: string;
  command: string;
  args: string[];
  env?: Record<string, string>;
  cwd?: string;
  /** Pods and proxies: what requests pass through. */
  dataPath?: true;
  /** Asked every 50 ms until it holds; a rejection means "not yet". */
  ready: () => Promise<boolean>;
  stopSignal?: NodeJS.Signals;
  /** How long the process may take to stop before it is killed, in milliseconds. */
  stopTimeoutMs?: number;
}

export type ProcessState = 'stopped' | 'starting' | 'ready' | 'failed';

/** A part by its name, whether it is one process or the pods of a Deployment. */
export interface NamedPart {
  readonly name: string;
  readonly state: ProcessState;
  /** Starts it and waits until it is ready. @throws PartError */
  start: () => Promise<void>;
  /** SIGTERM, then SIGKILL after its grace; it stays down until it is started. */
  stop: () => Promise<void>;
  /** SIGKILL; it stays down until it is started. */
  kill: () => Promise<void>;
  signal: (signal: NodeJS.Signals) => void;
}

/** A part did not become ready; the message ends with the last lines of its log. */
export class PartError extends Error {
  override readonly name = 'PartError';
}

const LOG_TAIL_BYTES = 2000;
/** A start takes seconds; on a machine that is busy with other things it may take this long. */
export const READY_TIMEOUT_MS = 60_000;

/** Runs one process at a time for a definition, with a log that every run appends to. */
export class Part implements NamedPart {
  readonly name: string;
  readonly logFile: string;
  #definition: PartDefinition;
  #state: ProcessState = 'stopped';
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #onExit: (name: string, detail: string) => void;

  constructor(definition: PartDefinition, logFile: string, onExit: (name: string, detail: string) => void) {
    this.name = definition.name;
    this.logFile = logFile;
    this.#definition = definition;
    this.#onExit = onExit;
  }

  get state(): ProcessState {
    return this.#state;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * Starts the process and waits until it is ready. Does nothing when it runs already.
   * @throws PartError when it ends before or does not get ready in time.
   */
  async start(): Promise<void> {
    if (this.#child) return;
    const { command, args, env, cwd, ready } = this.#definition;
    this.#state = 'starting';
    const log = await open(this.logFile, 'a');
    const child = spawn(command, args, {
      stdio: ['ignore', log.fd, log.fd],
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], TZ: 'UTC', ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.#child = child;
    let ended: string | undefined;
    this.#exited = new Promise((resolve) => {
      const end = (detail: string): void => {
        ended = detail;
        const expected = this.#state === 'stopped';
        this.#child = undefined;
        this.#state = expected ? 'stopped' : 'failed';
        if (!expected) this.#onExit(this.name, detail);
        resolve();
      };
      child.once('error', (error) => end(error.message));
      child.once('exit', (code, signal) => end(signal ? `killed by ${signal}` : `exit code ${code}`));
    });
    await log.close();
    const deadline = performance.now() + READY_TIMEOUT_MS;
    let reason = 'it answered no';
    const holds = (): Promise<boolean> =>
      ready().catch((error: unknown) => {
        reason = messageOf(error);
        return false;
      });
    while (!(await holds())) {
      if (ended !== undefined)
        throw new PartError(`${this.name} ended before it was ready (${ended})\n${await this.tail()}`);
      if (performance.now() > deadline)
        throw new PartError(
          `${this.name} was not ready within ${READY_TIMEOUT_MS} ms (${reason})\n${await this.tail()}`,
        );
      await delay(50);
    }
    if (ended === undefined) this.#state = 'ready';
  }

  /** Asks the process to stop, and kills it when it does not in time. */
  async stop(): Promise<void> {
    const { stopSignal = 'SIGTERM', stopTimeoutMs = 10_000 } = this.#definition;
    const child = this.#child;
    if (!child) return;
    this.#state = 'stopped';
    child.kill(stopSignal);
    const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Ends the process with SIGKILL, as a crash would, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#state = 'stopped';
    this.#child?.kill('SIGKILL');
    await this.#exited;
  }

  /** Sends a signal, for instance SIGSTOP to stage a process that hangs. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  tail(): Promise<string> {
    return tailOf(this.logFile);
  }
}

/** The last lines of a log. */
export async function tailOf(logFile: string): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '');
  return text.slice(-LOG_TAIL_BYTES);
}
