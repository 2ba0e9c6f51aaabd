import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { SEARCH_ATTRIBUTES } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { Connection } from '@temporalio/client';
import { freePort } from './ports.js';

/** Where the local stack keeps or is told its Temporal (dev/src/binaries). */
const cache = process.env['SCC_DEV_CACHE'] ?? path.join(homedir(), '.cache', 'stateful-scc-orchestrator', 'bin');
/** The server, which is a client as well. */
export const TEMPORAL_BINARY = process.env['SCC_DEV_TEMPORAL'] ?? path.join(cache, 'temporal-1.5.1');

export interface TemporalServer {
  address: string;
  namespace: string;
  stop: () => Promise<void>;
}

export interface TemporalServerOptions {
  /** Events after which the server suggests another run; 4096 by its own default. */
  suggestContinueAsNewAt?: number;
}

/** Starts a real Temporal server on a free loopback port, with the search attributes of the product. */
export async function startTemporal({ suggestContinueAsNewAt }: TemporalServerOptions = {}): Promise<TemporalServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'scc-temporal-'));
  const port = await freePort();
  const namespace = 'scc';
  const attributes = Object.values(SEARCH_ATTRIBUTES).flatMap((name) => ['--search-attribute', `${name}=Keyword`]);
  const limits = suggestContinueAsNewAt
    ? ['--dynamic-config-value', `limit.historyCount.suggestContinueAsNew=${suggestContinueAsNewAt}`]
    : [];
  const server = spawn(
    TEMPORAL_BINARY,
    [
      'server',
      'start-dev',
      '--headless',
      '--ip',
      '127.0.0.1',
      '--port',
      String(port),
      '--namespace',
      namespace,
      ...attributes,
      ...limits,
    ],
    { cwd: folder, stdio: 'ignore', env: { ...process.env, HOME: folder } },
  );
  const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    server.kill('SIGTERM');
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  const address = `127.0.0.1:${port}`;
  try {
    await waitFor(
      async () => {
        const connection = await Connection.connect({ address, connectTimeout: 1000 });
        await connection.workflowService.describeNamespace({ namespace });
        await connection.close();
        return true;
      },
      { timeoutMs: 30_000, everyMs: 100, what: `Temporal at ${address}` },
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { address, namespace, stop };
}
