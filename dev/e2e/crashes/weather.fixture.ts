import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { NODE, type Stack, type StackOptions } from '../../src/index.js';
import { STORMY, type Stormy } from './cells.js';

/** Two workers, a watcher and a governance, each of which reaches the API server through a proxy of its own. */

const FIRST_PORT = 16_443;
const portOf = (process: Stormy): string => String(FIRST_PORT + STORMY.indexOf(process));
const through = (process: Stormy) => ({
  KUBERNETES_SERVICE_HOST: '127.0.0.1',
  KUBERNETES_SERVICE_PORT: portOf(process),
});
const saidSchema = z.record(z.string(), z.int());

export interface BadWeather {
  /**
   * Resolves once a fifth of the writes of these processes, and of no other, are answered badly.
   * @returns how many of each process were answered so until now
   */
  set: (processes: readonly Stormy[]) => Promise<Record<string, number>>;
}

/** A stack whose processes wait for their proxies. */
export const BEHIND_WEATHER: StackOptions = {
  parts: { governance: false, worker: false, watcher: false },
  replicas: { worker: 2 },
  env: { governance: through('governance'), worker: through('worker'), watcher: through('watcher') },
};

/** Starts the proxies and the processes. */
export async function startBehindWeather(stack: Stack): Promise<BadWeather> {
  const program = path.join(import.meta.dirname, 'weather.process.ts');
  const places = STORMY.map((process) => `${process}=${portOf(process)}`);
  const args = ['--no-warnings', program, path.join(stack.stateDir, 'tls'), ...places];
  const { stdin, stdout } = stack.spawn(NODE, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  if (!stdin || !stdout) throw new Error('the proxy is not connected');
  const lines = createInterface({ input: stdout });
  await once(lines, 'line');
  for (const part of ['governance', 'worker', 'watcher']) await stack.part(part).start();
  return {
    set: async (processes) => {
      const said = once(lines, 'line');
      stdin.write(`${processes.join(' ')}\n`);
      const [line] = (await said) as [string];
      return saidSchema.parse(JSON.parse(line));
    },
  };
}
