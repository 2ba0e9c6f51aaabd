import { chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLogger, waitFor } from '@scc/runtime';
import { STORAGE_DRIVER } from '../cluster/storage.js';
import { Claims, folderOfVolume } from './claims.js';
import type { Execution } from './execution.js';
import { aPod } from './pod.fixture.js';
import { PodNames } from './pod-names.js';
import { ProcessPod } from './process.js';
import { programOf } from './program.js';

const isRoot = process.getuid?.() === 0;
const HOST = '127.0.0.1';
let stateDir: string;
let port: number;
let names: PodNames;
let started: { pod: ProcessPod; execution: Execution }[];

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port: found } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return found;
}

beforeEach(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'scc-database-'));
  await mkdir(path.join(stateDir, 'logs'));
  port = await freePort();
  names = new PodNames();
  started = [];
});
afterEach(async () => {
  for (const { pod, execution } of started) {
    execution.kill();
    await execution.ended;
    pod.stop();
  }
  await rm(stateDir, { recursive: true });
});

const api = {
  get: (url: string): Promise<unknown> =>
    Promise.resolve(
      url.includes('/persistentvolumeclaims/')
        ? { spec: { volumeName: 'pvc-1' } }
        : url.includes('/csidrivers/')
          ? { spec: { fsGroupPolicy: 'File' } }
          : { spec: { accessModes: ['ReadWriteOnce'], csi: { driver: STORAGE_DRIVER } } },
    ),
  create: (): Promise<unknown> => Promise.reject(new Error('no tokens here')),
  list: () => Promise.resolve({ items: [], resourceVersion: '1' }),
};
const journal = (): string => path.join(folderOfVolume(stateDir, 'pvc-1'), 'journal');
const log = (): Promise<string> => readFile(path.join(stateDir, 'logs', 'app.log'), 'utf8').catch(() => '');

async function run(name: string, securityContext: object = {}, env: Record<string, string> = {}): Promise<Execution> {
  const program = programOf('scc.poc/database:1');
  if (!program) throw new Error('there is no image database');
  const values = { PORT: String(port), POD_IP: HOST, DRAIN_SECONDS: '0', ...env };
  const { pod: object, container } = aPod(
    { securityContext, volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] },
    {
      image: 'scc.poc/database:1',
      env: Object.entries(values).map(([key, value]) => ({ name: key, value })),
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
    },
    { name, uid: `uid-${name}-${started.length}` },
  );
  const pod = new ProcessPod(object, {
    ...{ api, stateDir, names, claims: new Claims(stateDir), place: { ip: HOST, hostIp: HOST } },
    apiServer: { host: HOST, port: 6443 },
    logger: createLogger('database-test', 'silent'),
    ...(isRoot
      ? {}
      : {
          placed: (command: string, args: readonly string[]) => ({
            command: 'unshare',
            args: ['--user', '--map-current-user', '--keep-caps', command, ...args],
          }),
        }),
  });
  const runnable = pod.runnable(container, program);
  await runnable.prepare();
  const execution = await runnable.start();
  started.push({ pod, execution });
  return execution;
}

const ask = (place: string, write?: string): Promise<{ status: number; write: string }> =>
  new Promise((resolve) => {
    const outgoing = request(
      {
        ...{ host: HOST, port, path: place, agent: false, method: write === undefined ? 'GET' : 'POST' },
        headers: write === undefined ? {} : { 'x-write': write },
      },
      (response) => {
        response.resume();
        resolve({ status: response.statusCode ?? 0, write: String(response.headers['x-write'] ?? '') });
      },
    );
    outgoing.on('error', () => resolve({ status: 0, write: '' }));
    outgoing.end(write === undefined ? undefined : '{}');
  });
const answers = (place: string, status: number): Promise<unknown> =>
  waitFor(async () => (await ask(place)).status === status, { timeoutMs: 20_000, what: `${place} to say ${status}` });

describe('the image database', () => {
  it('keeps a write that it acknowledged when it is killed in the next moment', async () => {
    const execution = await run('sessions-0');
    await answers('/readyz', 200);
    expect(await ask('/', 'w-1')).toEqual({ status: 200, write: 'w-1' });
    execution.kill();
    expect(await readFile(journal(), 'utf8')).toBe('w-1\n');
    await execution.ended;
    await writeFile(journal(), 'w-1\ncut o');
    await run('sessions-0');
    await answers('/readyz', 200);
    await ask('/', 'w-2');
    expect((await readFile(journal(), 'utf8')).split('\n')).toEqual(['w-1', 'cut o', 'w-2', '']);
  });

  it('acknowledges no write without a name', async () => {
    await run('sessions-0');
    await answers('/readyz', 200);
    expect(await ask('/', '')).toMatchObject({ status: 400 });
  });

  it('is not ready before its peer below has answered, and gives up where that is not known', async () => {
    const lost = await run('sessions-1', {}, { PEERS: 'sessions' });
    expect(await lost.ended).toMatchObject({ exitCode: 1 });
    expect(await log()).toContain('the peer sessions-0.sessions is not known');
    names.add(aPod({ hostname: 'sessions-0', subdomain: 'sessions' }).pod, HOST);
    await run('sessions-1', {}, { PEERS: 'sessions' });
    await answers('/readyz', 200);
  });

  it('uses data of another owner through its fsGroup, unless it is told to refuse it', async () => {
    // A stack that an ordinary user started has one user for all, and no owner can be another.
    if (!isRoot) {
      await run('sessions-0', { runAsUser: 1000 }, { OWNER_ONLY: '0' });
      await answers('/readyz', 200);
      return;
    }
    await mkdir(folderOfVolume(stateDir, 'pvc-1'), { recursive: true });
    await writeFile(journal(), 'w-1\n', { mode: 0o600 });
    await chown(journal(), 0, 0);
    const stranger = await run('sessions-0', { runAsUser: 1000 });
    expect(await stranger.ended).toMatchObject({ exitCode: 1 });
    expect(await log()).toContain('open /data/journal: permission denied');
    const group = { runAsUser: 1000, fsGroup: 5000 };
    const refused = await run('sessions-0', group, { OWNER_ONLY: '0' });
    expect(await refused.ended).toMatchObject({ exitCode: 1 });
    expect(await log()).toContain('its owner is user 0, and this server runs as user 1000');
    await run('sessions-0', group, { OWNER_ONLY: '2' });
    await answers('/readyz', 200);
    expect(await ask('/', 'w-2')).toMatchObject({ status: 200 });
    expect(await readFile(journal(), 'utf8')).toBe('w-1\nw-2\n');
  });
});
