import { readlinkSync, rmSync } from 'node:fs';
import { messageOf } from '@scc/runtime';
import { bootStack } from './boot.js';
import { requestSchema, type Message, type Request } from '../supervisor/protocol.js';
import type { Running } from '../supervisor/running.js';

let running: Running | undefined;
let stopping = false;

const tell = (message: Message): void => {
  if (process.connected) process.send?.(message);
};

async function handle(request: Request): Promise<string | undefined> {
  switch (request.do) {
    case 'boot':
      await bootStack(request.boot, tell, (early) => (running = early));
      return undefined;
    case 'start':
      await part(request.part).start();
      return undefined;
    case 'stop':
      await part(request.part).stop();
      return undefined;
    case 'kill':
      await part(request.part).kill();
      return undefined;
    case 'signal':
      part(request.part).signal(request.signal);
      return undefined;
    case 'state':
      return part(request.part).state;
    case 'shutdown':
      return undefined;
  }
}

function part(name: string): ReturnType<Running['part']> {
  if (!running) throw new Error('the stack is not up');
  return running.part(name);
}

/** The first process of the namespaces: when it ends, the kernel ends everything else in them. */
async function end(): Promise<never> {
  if (!stopping) {
    stopping = true;
    await running?.stop();
    if (running) rmSync(running.stateDir, { recursive: true, force: true, maxRetries: 5 });
  }
  process.exit(0);
}

process.on('message', (raw) => {
  const request = requestSchema.parse(raw);
  void (async () => {
    try {
      const result = await handle(request);
      tell({ kind: 'done', id: request.id, ...(typeof result === 'string' ? { result } : {}) });
    } catch (error) {
      tell({ kind: 'failed', id: request.id, message: messageOf(error) });
    }
    if (request.do === 'shutdown') await end();
  })();
});
process.on('disconnect', () => void end());
process.on('SIGTERM', () => void end());
process.on('SIGINT', () => undefined);
// The mounted /proc is that of the outside, and shows the number that this process has there.
tell({ kind: 'hello', pid: Number(readlinkSync('/proc/self')) });
