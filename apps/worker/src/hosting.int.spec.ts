import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { NativeConnection } from '@temporalio/worker';
import { Runtime, Worker } from '@temporalio/worker';
import { createLogger, loadConfig, waitFor } from '@scc/runtime';
import { TemporalLink, temporalConfig } from '@scc/runtime/temporal';
import { createAuthority } from '@scc/testing/authority';
import { startTemporal, type TemporalServer } from '@scc/testing/temporal';
import { startTlsFrontend, type TlsFrontend } from '@scc/testing/tls-frontend';
import { z } from 'zod';
import { Hosting } from './hosting.js';
import { createInstruments } from './metrics.js';
import { sdkFigures, type SdkFigures } from './sdk-figures.js';

const NAME = 'temporal.scc-system.svc';
const READY_MS = 30_000;
let figures: SdkFigures;
let folder: string;
let temporal: TemporalServer;
let frontend: TlsFrontend;
beforeAll(async () => {
  figures = await sdkFigures();
  Runtime.install({ shutdownSignals: [], telemetryOptions: figures.telemetry });
  folder = await mkdtemp(path.join(tmpdir(), 'scc-hosting-'));
  temporal = await startTemporal();
  const authority = await createAuthority('ours');
  frontend = await startTlsFrontend(temporal.address, authority, NAME);
  const { certificate, key } = await authority.issue('worker', { dns: [], ip: [], usage: 'client' });
  await writeFile(path.join(folder, 'ca.crt'), authority.certificate);
  await writeFile(path.join(folder, 'client.crt'), certificate);
  await writeFile(path.join(folder, 'client.key'), key);
}, 60_000);
afterAll(async () => {
  await frontend.stop();
  await temporal.stop();
  await rm(folder, { recursive: true, force: true });
});

function hosting(env: Record<string, string>): Hosting {
  return new Hosting({
    link: new TemporalLink(loadConfig(z.object(temporalConfig), env)),
    log: createLogger('test', 'silent'),
    make: (connection: NativeConnection) =>
      Worker.create({
        connection,
        namespace: temporal.namespace,
        taskQueue: 'test',
        activities: { nothing: () => Promise.resolve() },
        shutdownGraceTime: 0,
      }),
  });
}

describe('a worker', () => {
  it('reaches Temporal through TLS with a certificate of its own, waits until it may, and says why', async () => {
    const wanted = { TEMPORAL_ADDRESS: frontend.address, TEMPORAL_TLS_SERVER_NAME: NAME };
    const host = hosting({
      ...wanted,
      TEMPORAL_TLS_CA_FILE: path.join(folder, 'ca.crt'),
      TEMPORAL_TLS_CERT_FILE: path.join(folder, 'now.crt'),
      TEMPORAL_TLS_KEY_FILE: path.join(folder, 'client.key'),
    });
    const running = host.run();
    await waitFor(() => host.unready()?.includes('now.crt cannot be read'), { timeoutMs: READY_MS, what: 'a reason' });
    const link = new TemporalLink(
      loadConfig(z.object(temporalConfig), {
        ...wanted,
        TEMPORAL_TLS_CA_FILE: path.join(folder, 'ca.crt'),
        TEMPORAL_TLS_CERT_FILE: path.join(folder, 'client.crt'),
        TEMPORAL_TLS_KEY_FILE: path.join(folder, 'client.key'),
      }),
    );
    await writeFile(path.join(folder, 'now.crt'), (await link.options()).tls?.clientCertPair?.crt ?? '');
    await waitFor(() => host.unready() === null, { timeoutMs: READY_MS, what: 'the worker to be ready' });
    const { exposition } = createInstruments(figures.read);
    await waitFor(
      async () => /^temporal_num_pollers\{[^}]*task_queue="test"[^}]*\} [1-9]/m.test((await exposition()).body),
      {
        timeoutMs: READY_MS,
        what: "the pollers among the worker's figures",
      },
    );
    expect((await exposition()).body).toMatch(/^# TYPE scc_activities_total counter$/m);
    host.stop();
    expect(host.unready()).toBe('stopping');
    await running;
  }, 90_000);

  it('whose Temporal is away waits, and stops when it is told to', async () => {
    const host = hosting({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
    const running = host.run();
    await waitFor(() => host.unready()?.includes('127.0.0.1:1 does not answer'), {
      timeoutMs: READY_MS,
      what: 'a reason',
    });
    host.stop();
    await running;
  }, 60_000);
});
