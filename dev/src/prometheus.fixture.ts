import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { waitFor } from '@scc/runtime';
import { freePort } from '@scc/testing/ports';
import { stringify } from 'yaml';
import { findBinaries } from './binaries/find.js';

/** A real Prometheus that scrapes twice a second. */
export async function startPrometheus(
  folder: string,
  config: object,
): Promise<{ address: string; stop: () => Promise<void> }> {
  const global = { scrape_interval: '500ms', scrape_timeout: '500ms', evaluation_interval: '500ms' };
  await writeFile(path.join(folder, 'prometheus.yaml'), stringify({ global, ...config }));
  const { binaries } = await findBinaries(() => undefined);
  const address = `http://127.0.0.1:${await freePort()}`;
  const args = [
    `--config.file=${path.join(folder, 'prometheus.yaml')}`,
    `--storage.tsdb.path=${path.join(folder, 'data')}`,
    `--web.listen-address=${address.slice('http://'.length)}`,
    '--log.level=error',
  ];
  const prometheus = spawn(binaries['prometheus'] ?? 'prometheus', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const stop = async (): Promise<void> => {
    const ended = once(prometheus, 'exit');
    prometheus.kill();
    await ended;
  };
  const isReady = () =>
    fetch(`${address}/-/ready`, { signal: AbortSignal.timeout(5000) }).then(
      ({ ok }) => ok,
      () => false,
    );
  await waitFor(isReady, { timeoutMs: 60_000, everyMs: 50, what: 'Prometheus to be ready' });
  return { address, stop };
}
