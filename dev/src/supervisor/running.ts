import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { behind } from '../paths.js';
import { Part, type NamedPart, type PartDefinition } from './process.js';
import type { Relay } from './relay.js';

/** Reverse order of dependency: who writes goes before whom it writes to. */
const STOP_ORDER = [
  ['load', 'watcher', 'worker'],
  ['governance', 'kubelet', 'envoy-gateway', 'envoy-client', 'prometheus', 'kube-scheduler', 'kube-controller-manager'],
  ['istiod', 'kube-apiserver', 'temporal', 'postgres'],
  ['etcd'],
];

/** The parts of one stack. */
export class Running {
  readonly stateDir: string;
  readonly relays: Relay[] = [];
  /** Ended after every part. */
  readonly stops: (() => void)[] = [];
  #parts = new Map<string, NamedPart>();
  #onExit: (name: string, detail: string) => void;
  #stopped = false;

  readonly #background: boolean;

  /** @param options.background lets all but the data path run behind everybody else */
  constructor(
    stateDir: string,
    onExit: (name: string, detail: string) => void,
    { background }: { background: boolean },
  ) {
    this.stateDir = stateDir;
    this.#background = background;
    this.#onExit = onExit;
    mkdirSync(path.join(stateDir, 'logs'), { recursive: true });
  }

  /** Adds a part without starting it. */
  add(definition: PartDefinition): Part {
    const { command, args, dataPath } = definition;
    const placed = this.#background && !dataPath ? { ...definition, ...behind(command, args) } : definition;
    const part = new Part(placed, this.logOf(definition.name), this.#onExit);
    this.#parts.set(definition.name, part);
    return part;
  }

  /** Adds a part that is more than one process. */
  addPart(part: NamedPart): void {
    if (this.#stopped) throw new Error('the stack is stopping');
    this.#parts.set(part.name, part);
  }

  logOf(name: string): string {
    return path.join(this.stateDir, 'logs', `${name}.log`);
  }

  /** Tells that something ended that should not have. */
  exited(name: string, detail: string): void {
    if (!this.#stopped) this.#onExit(name, detail);
  }

  async start(definition: PartDefinition): Promise<void> {
    if (this.#stopped) throw new Error('the stack is stopping');
    await this.add(definition).start();
  }

  /** @throws Error when the stack has no such part. */
  part(name: string): NamedPart {
    const part = this.#parts.get(name);
    if (!part) throw new Error(`no part ${name}; there are ${[...this.#parts.keys()].join(', ')}`);
    return part;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const relay of this.relays) relay.close();
    for (const names of STOP_ORDER) await Promise.all(names.flatMap((name) => this.#parts.get(name)?.stop() ?? []));
    await Promise.all([...this.#parts.values()].map((part) => part.stop()));
    for (const stop of this.stops) stop();
  }
}
