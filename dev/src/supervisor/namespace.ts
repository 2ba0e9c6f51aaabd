import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { NODE, scriptOf } from '../paths.js';
import { messageSchema, type Message, type Request } from './protocol.js';

const isRoot = (): boolean => process.getuid?.() === 0;

/**
 * A network and a process namespace of its own. The kernel ends every process in it when its first one ends. An
 * ordinary user gets a user namespace as well, and keeps its uid there, because PostgreSQL refuses to run as root.
 */
const unshareArguments = (): string[] => [
  ...['--net', '--pid', '--fork', '--kill-child=SIGKILL'],
  ...(isRoot() ? [] : ['--user', '--map-current-user', '--keep-caps']),
];

type Outgoing = Request extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never;

/** The supervisor inside the namespace, as seen from outside. */
export class Inside {
  /** The namespace's first process, by its number outside. */
  readonly pid: number;
  readonly gone: Promise<void>;
  #child: ChildProcess;
  #pending = new Map<number, { resolve: (result: string | undefined) => void; reject: (error: Error) => void }>();
  #nextId = 1;

  private constructor(child: ChildProcess, pid: number, onMessage: (message: Message) => void) {
    this.#child = child;
    this.pid = pid;
    this.gone = new Promise((resolve) => {
      child.once('exit', () => {
        for (const { reject } of this.#pending.values()) reject(new Error('the stack has ended'));
        this.#pending.clear();
        resolve();
      });
    });
    child.on('message', (raw) => {
      const message = messageSchema.parse(raw);
      if (message.kind === 'done') this.#settle(message.id)?.resolve(message.result);
      else if (message.kind === 'failed') this.#settle(message.id)?.reject(new Error(message.message));
      else onMessage(message);
    });
  }

  /** Makes the namespaces and starts the supervisor in them. It ends by itself when this process does. */
  static async create(onMessage: (message: Message) => void): Promise<Inside> {
    // Its own session: Ctrl-C in a terminal reaches only the outside, which then stops the parts in order.
    const child = spawn('unshare', [...unshareArguments(), NODE, scriptOf('boot/main')], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      detached: true,
    });
    const pid = await new Promise<number>((resolve, reject) => {
      child.once('error', (error) => reject(new Error(`cannot run unshare (package util-linux): ${error.message}`)));
      child.once('exit', (code) =>
        reject(
          new Error(
            `no namespace for the stack (unshare ended with ${code}); an ordinary user needs a kernel that allows user namespaces (sysctl user.max_user_namespaces)`,
          ),
        ),
      );
      child.once('message', (raw) => {
        const message = messageSchema.parse(raw);
        if (message.kind === 'hello') resolve(message.pid);
      });
    });
    return new Inside(child, pid, onMessage);
  }

  ask(request: Outgoing): Promise<string | undefined> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#child.send({ ...request, id }, (error) => {
        if (error) this.#settle(id)?.reject(error);
      });
    });
  }

  /** A command as it runs in the stack's network. It ends with the process that called, however that ends. */
  entering(command: string): [string, ...string[]] {
    const enter = ['--target', String(this.pid), '--net', ...(isRoot() ? [] : ['--user', '--preserve-credentials'])];
    return ['nsenter', ...enter, 'setpriv', '--pdeathsig', 'KILL', command];
  }

  /** Runs a command in the stack's network. */
  spawn(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const [program, ...before] = this.entering(command);
    return spawn(program, [...before, ...args], options);
  }

  #settle(id: number): { resolve: (result: string | undefined) => void; reject: (error: Error) => void } | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }
}
