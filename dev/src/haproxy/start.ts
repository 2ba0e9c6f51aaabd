import { type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { ahead, NODE, scriptOf } from '../paths.js';
import { findHaproxy } from './find.js';

interface RouterStack {
  stateDir: string;
  kubeconfig: { inside: string };
  spawn: (command: string, args: readonly string[], options?: SpawnOptions) => ChildProcess;
}

export interface Router {
  stop: () => Promise<void>;
}

/** Starts the router of OpenShift's Routes inside a stack's network; null where the machine has no HAProxy. */
export async function startRouter(stack: RouterStack): Promise<Router | null> {
  const binary = findHaproxy();
  if (binary === null) return null;
  const folder = path.join(stack.stateDir, 'router');
  await mkdir(folder, { recursive: true });
  const { command, args } = ahead(NODE, [scriptOf('haproxy/main')]);
  const child = stack.spawn(command, args, {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: {
      ...process.env,
      ROUTER_KUBECONFIG: stack.kubeconfig.inside,
      ROUTER_BINARY: binary,
      ROUTER_STATE_DIR: folder,
    },
  });
  const ended = once(child, 'exit').then(() => {
    throw new Error('the router has ended before it served');
  });
  await Promise.race([once(child, 'message'), ended]);
  ended.catch(() => undefined);
  return {
    stop: async () => {
      // The stack may have ended it before, by a signal.
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}
