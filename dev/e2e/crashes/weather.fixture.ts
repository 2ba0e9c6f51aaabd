import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { NODE, type Stack, type StackOptions } from '../../src/index.js';

/** Two workers that reach the API server through a proxy, which answers some of their writes badly when it is told to. */

const PORT = 16_443;

export interface BadWeather {
  /** Resolves once it is so. @returns how many writes were answered badly until now */
  set: (state: 'on' | 'off') => Promise<number>;
}

/** A stack whose workers wait for their proxy. */
export const BEHIND_WEATHER: StackOptions = {
  parts: { worker: false },
  replicas: { worker: 2 },
  env: { worker: { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(PORT) } },
};

/** Starts the proxy and the workers. */
export async function startBehindWeather(stack: Stack): Promise<BadWeather> {
  const program = path.join(import.meta.dirname, 'weather.process.ts');
  const args = ['--no-warnings', program, String(PORT), path.join(stack.stateDir, 'tls')];
  const { stdin, stdout } = stack.spawn(NODE, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  if (!stdin || !stdout) throw new Error('the proxy is not connected');
  const lines = createInterface({ input: stdout });
  await once(lines, 'line');
  await stack.part('worker').start();
  return {
    set: async (state) => {
      const said = once(lines, 'line');
      stdin.write(`${state}\n`);
      const [line] = (await said) as [string];
      return Number(line.split(' ')[1]);
    },
  };
}
