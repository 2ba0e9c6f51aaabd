import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { ahead, NODE, scriptOf } from '../paths.js';
import {
  loadOptionsSchema,
  reportSchema,
  type Command,
  type Interval,
  type LoadOptions,
  type LoadSummary,
  type Report,
} from './protocol.js';

export interface Load {
  /** Ends the current window and begins one of this name; the first is called `start`. */
  beginWindow: (label: string) => Promise<void>;
  summary: () => Promise<LoadSummary>;
  /** Waits for the answers under way and ends the process. A request without an answer has failed. */
  stop: () => Promise<LoadSummary>;
}

interface Spawner {
  spawn: (command: string, args: readonly string[], options?: SpawnOptions) => ChildProcess;
}

type Asked =
  Extract<Command, { id: number }> extends infer C ? (C extends { id: number } ? Omit<C, 'id'> : never) : never;

/** Starts an open-loop load inside a stack's network, in a process of its own. */
export async function startLoad(
  stack: Spawner,
  options: LoadOptions,
  onInterval: (interval: Interval) => void = () => undefined,
): Promise<Load> {
  const { command, args } = ahead(NODE, [scriptOf('load/main')]);
  const child = stack.spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const pending = new Map<number, { resolve: (report: Report) => void; reject: (error: Error) => void }>();
  let nextId = 1;
  const started = Promise.withResolvers<undefined>();
  child.on('message', (raw) => {
    const report = reportSchema.parse(raw);
    if (report.kind === 'interval') onInterval(report);
    else if (report.kind === 'started') started.resolve(undefined);
    else {
      pending.get(report.id)?.resolve(report);
      pending.delete(report.id);
    }
  });
  child.once('exit', (code, signal) => {
    const error = new Error(`the load generator has ended (${signal ?? code ?? ''})`);
    started.reject(error);
    for (const { reject } of pending.values()) reject(error);
  });
  child.once('error', (error) => started.reject(error));
  const ask = (command: Asked): Promise<Report> => {
    const id = nextId++;
    return new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject });
      child.send({ ...command, id });
    });
  };
  const summary = async (what: 'summary' | 'stop'): Promise<LoadSummary> => {
    const report = await ask({ do: what });
    if (report.kind !== 'summary') throw new Error(`the load generator answered ${report.kind}`);
    return report.summary;
  };
  child.send({ do: 'start', options: loadOptionsSchema.parse(options) });
  await started.promise;
  return {
    beginWindow: async (label) => {
      await ask({ do: 'window', label });
    },
    summary: () => summary('summary'),
    stop: () => summary('stop'),
  };
}
