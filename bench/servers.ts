import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type ReviewTarget, reviewTargetOf } from './reviews.js';

/** A server of webhook-server.ts in a process of its own. */
export interface BenchServer extends ReviewTarget {
  readonly child: ChildProcess;
}

/** As docs/WEBHOOK.md recommends: without a bound V8 lets a busy process grow before it collects. */
const MEMORY = ['--max-semi-space-size=4', '--max-old-space-size=128'];

export async function start(kind: 'webhook' | 'echo'): Promise<BenchServer> {
  const child = fork(new URL('./webhook-server.js', import.meta.url), [kind], { execArgv: MEMORY });
  const [{ port, ca }] = (await once(child, 'message')) as [{ port: number; ca: string }];
  return { child, ...reviewTargetOf(port, ca) };
}

export function stop({ child, agent }: BenchServer): void {
  agent.destroy();
  child.kill();
}
