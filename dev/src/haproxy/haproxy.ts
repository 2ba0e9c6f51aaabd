import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import path from 'node:path';
import { waitFor } from '@scc/runtime';

/** How long a reload may take to begin, in milliseconds. */
const TELL_AGAIN_MS = 2000;
/** How often a master is told to end, and after how many times it is killed; its workers end with it. */
const END_AGAIN_MS = 200;
const KILL_AFTER = 25;

/** A running HAProxy: one master and its workers, of which old ones end when their connections do. */
export class Haproxy {
  #master: ChildProcess | null = null;
  readonly #ending = new AbortController();
  readonly #file: string;
  readonly statsSocket: string;

  /**
   * @param folder of its configuration and its socket
   * @param output where its messages go
   */
  constructor(
    private readonly binary: string,
    folder: string,
    private readonly output: 'inherit' | 'ignore' = 'inherit',
  ) {
    this.#file = path.join(folder, 'haproxy.cfg');
    this.statsSocket = path.join(folder, 'haproxy.sock');
  }

  /** Runs this configuration from now on, without losing a connection. Returns when it does. @throws once it is stopped */
  async run(configuration: string): Promise<void> {
    const { signal } = this.#ending;
    await writeFile(this.#file, configuration);
    const before = await this.#worker();
    signal.throwIfAborted();
    if (this.#master) this.#master.kill('SIGUSR2');
    else this.#master = this.#start();
    let toldMs = performance.now();
    const isNew = async (): Promise<boolean> => {
      const now = await this.#worker();
      if (now !== null && now !== before) return true;
      // A master that is still busy with the last reload does not hear the signal.
      if (performance.now() - toldMs < TELL_AGAIN_MS) return false;
      toldMs = performance.now();
      this.#master?.kill('SIGUSR2');
      return false;
    };
    await waitFor(isNew, { timeoutMs: 20_000, everyMs: 20, what: 'HAProxy to take over its configuration', signal });
  }

  /** An answer on its socket. @throws Error when it does not run */
  async ask(command: string): Promise<string> {
    const socket = connect(this.statsSocket);
    await once(socket, 'connect');
    socket.end(`${command}\n`);
    return text(socket);
  }

  /**
   * Ends it for good: returns once no worker holds its output any more. A master that is busy with a reload hears no
   * signal and is told until it has ended; one that dies of the signal before it hears any leaves workers behind that
   * end a little later.
   */
  async stop(): Promise<void> {
    this.#ending.abort();
    const master = this.#master;
    if (master?.exitCode !== null || master.signalCode !== null) return;
    const ended = once(master, 'close');
    let told = 0;
    const tell = (): boolean => master.kill(told++ < KILL_AFTER ? 'SIGTERM' : 'SIGKILL');
    tell();
    const telling = setInterval(tell, END_AGAIN_MS);
    await ended;
    clearInterval(telling);
  }

  #start(): ChildProcess {
    // It goes with the process that started it. The workers inherit its output: it is closed when the last one has ended.
    const words = ['--pdeathsig', 'KILL', this.binary, '-W', '-f', this.#file];
    const master = spawn('setpriv', words, { stdio: ['ignore', 'pipe', this.output] });
    master.stdout.resume();
    return master;
  }

  /** The process that answers on the socket now; null when none does. */
  async #worker(): Promise<string | null> {
    const info = await this.ask('show info').catch(() => '');
    return /^Pid: (\d+)$/m.exec(info)?.[1] ?? null;
  }
}
