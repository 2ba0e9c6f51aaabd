import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { z } from 'zod';
import { HEAP } from './collected-heap.js';
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

const heapSchema = z.object({ heap: z.number() });

/** Bytes of the server's heap after a full collection, of all its threads. */
export async function collectedHeapIn({ child }: BenchServer): Promise<number> {
  const answer = once(child, 'message');
  child.send(HEAP);
  const [said] = (await answer) as [unknown];
  return heapSchema.parse(said).heap;
}

export function stop({ child, agent }: BenchServer): void {
  agent.destroy();
  child.kill();
}
