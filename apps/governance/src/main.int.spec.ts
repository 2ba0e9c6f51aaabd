import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { getPriority, setPriority, tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { problemSchema } from '@scc/governance-api';
import { waitFor } from '@scc/runtime';
import pg from 'pg';
import { createAuthority } from '@scc/testing/authority';
import { freePort } from '@scc/testing/ports';
import { type PostgresServer, startPostgres } from '@scc/testing/postgres';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const MAIN = path.join(ROOT, 'apps/governance/dist/main.js');
const PASSWORD = 'a-password-that-no-log-shows';

let folder: string;
let server: PostgresServer;
let ca: string;
const started: ChildProcess[] = [];
beforeAll(async () => {
  await promisify(execFile)(process.execPath, [path.join(ROOT, 'scripts/build.ts')], { cwd: ROOT });
  folder = await mkdtemp(path.join(tmpdir(), 'scc-governance-'));
  server = await startPostgres();
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  for (const statement of [
    'create role scc_owner nologin',
    `create role scc_migrator login password '${PASSWORD}' in role scc_owner`,
    `create role scc_app login password '${PASSWORD}'`,
    'create database scc owner scc_owner',
  ])
    await admin.query(statement);
  await admin.end();
  const authority = await createAuthority('test');
  const { key, certificate } = await authority.issue('localhost', { dns: ['localhost'], ip: ['127.0.0.1'] });
  ca = authority.certificate;
  const { privateKey } = generateKeyPairSync('ed25519');
  const kubeconfig = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'away' },
    clusters: [{ name: 'away', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'away', user: { token: 'a-token-that-no-log-shows' } }],
    contexts: [{ name: 'away', context: { cluster: 'away', user: 'away' } }],
  };
  const files = {
    'ca.crt': ca,
    'tls.crt': certificate,
    'tls.key': key,
    'audit.key': privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    kubeconfig: JSON.stringify(kubeconfig),
  };
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(folder, name), content);
}, 60_000);
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const databaseUrl = (role: string): string => {
  const url = new URL(server.url);
  [url.username, url.password, url.pathname] = [role, PASSWORD, '/scc'];
  return url.href;
};

/** The real process; what it logs is kept. */
async function start(over: Record<string, string> = {}) {
  const [api, health, webhook] = await Promise.all([freePort(), freePort(), freePort()]);
  const child: ChildProcess = spawn(process.execPath, [MAIN], {
    env: {
      DATABASE_URL: databaseUrl('scc_app'),
      DATABASE_OWNER_URL: databaseUrl('scc_migrator'),
      API_PORT: String(api),
      WEBHOOK_PORT: String(webhook),
      HEALTH_PORT: String(health),
      TLS_DIR: folder,
      AUDIT_KEY_FILE: path.join(folder, 'audit.key'),
      AUDIT_ORIGIN: 'scc.poc/test',
      TOKEN_AUDIENCE: 'test',
      KUBECONFIG: path.join(folder, 'kubeconfig'),
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      DRAIN_MS: '300',
      ...over,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  const output: string[] = [];
  child.stdout?.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  return {
    child,
    exited,
    log: () => output.join(''),
    ready: async () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${output.join('')}`);
      const response = await fetch(`http://127.0.0.1:${health}/readyz`).catch(() => null);
      return response && { status: response.status, text: await response.text() };
    },
    live: async () => (await fetch(`http://127.0.0.1:${health}/livez`)).status,
    metrics: async () => (await fetch(`http://127.0.0.1:${health}/metrics`)).text(),
    get: (route: string, headers: Record<string, string> = {}) =>
      new Promise<{ status: number; body: string }>((resolve, reject) => {
        request({ host: '127.0.0.1', port: api, path: route, ca, headers }, (response) => {
          let body = '';
          response.on('data', (chunk: Buffer) => (body += chunk.toString()));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
        })
          .on('error', reject)
          .end();
      }),
  };
}

const patience = { timeoutMs: 120_000, everyMs: 100 };
// A process of low priority starts slowly beside other suites.
jest.setTimeout(150_000);

describe('the process', () => {
  it('keeps a priority below its own, which an ordinary user could not raise again', async () => {
    const governance = await start();
    const pid = governance.child.pid ?? 0;
    setPriority(pid, 15);
    const serves = async () => (await governance.get('/v1/health').catch(() => null))?.status === 200;
    await waitFor(serves, { ...patience, what: 'the API' });
    expect(getPriority(pid)).toBe(15);
  });

  it('waits for its database, serves, lives through its crash, and stops when it is told', async () => {
    await server.crash();
    const governance = await start();
    // Its cluster is away as well: of what it waits for, that alone keeps it from being ready.
    await waitFor(async () => (await governance.ready())?.text.includes('not listed yet'), {
      ...patience,
      what: 'a process whose readiness is that of admission',
    });
    expect(await governance.live()).toBe(200);
    expect(governance.log()).toContain('database not ready, trying again');
    const waiting = await governance.get('/v1/pods?limit=1');
    expect({ ...waiting, body: problemSchema.parse(JSON.parse(waiting.body)) }).toMatchObject({
      status: 503,
      body: { detail: 'it waits for the migrations; nothing was changed', instance: '/v1/pods', status: 503 },
    });
    await server.start();
    const health = await waitFor(
      async () => {
        const answer = await governance.get('/v1/health').catch(() => null);
        return answer?.status === 200 && answer;
      },
      { ...patience, what: 'the API over TLS' },
    );
    expect(JSON.parse(health.body)).toMatchObject({
      status: 'degraded',
      components: {
        database: { status: 'up' },
        kubernetes: { status: 'down', reason: 'it does not answer as it should' },
        temporal: { status: 'down' },
      },
    });
    // The cluster is away: no caller is let in, and none is taken for a stranger.
    expect(await governance.get('/v1/pods', { authorization: 'Bearer secret-of-a-caller' })).toMatchObject({
      status: 503,
    });
    await waitFor(async () => (await governance.metrics()).includes('scc_governance_database_up 1'), {
      ...patience,
      what: 'the metrics',
    });
    await server.crash();
    await waitFor(async () => (await governance.get('/v1/health')).body.includes('"status":"error"'), {
      ...patience,
      what: 'health that says that the database is away',
    });
    expect(governance.child.exitCode).toBeNull();
    await server.start();
    await waitFor(async () => (await governance.get('/v1/health')).body.includes('"status":"up"'), {
      ...patience,
      what: 'health that says that it is back',
    });
    governance.child.kill('SIGTERM');
    await waitFor(async () => (await governance.ready())?.status === 503, {
      ...patience,
      what: 'readiness to go first',
    });
    expect(await governance.get('/v1/health')).toMatchObject({ status: 200 });
    expect(await governance.exited).toBe(0);
    for (const secret of [PASSWORD, 'secret-of-a-caller', 'a-token-that-no-log-shows', 'PRIVATE KEY'])
      expect(governance.log()).not.toContain(secret);
  }, 120_000);

  it('starts all the same when its connection is lost while it brings its default policies', async () => {
    const url = new URL(server.url);
    url.pathname = '/scc';
    const admin = new pg.Client({ connectionString: url.href });
    await admin.connect();
    try {
      // What the installation of the policies waits for.
      await admin.query('select pg_advisory_lock(44)');
      const governance = await start();
      const waits = `from pg_locks where locktype = 'advisory' and objid = 44 and not granted`;
      await waitFor(async () => (await admin.query(`select pid ${waits}`)).rows.length > 0, {
        ...patience,
        what: 'a start that waits in its transaction',
      });
      await admin.query(`select pg_terminate_backend(pid) ${waits}`);
      await admin.query('select pg_advisory_unlock(44)');
      await waitFor(async () => (await governance.get('/v1/health').catch(() => null))?.status === 200, {
        ...patience,
        what: 'the API',
      });
      expect(governance.child.exitCode).toBeNull();
      expect(governance.log()).toMatch(/the default policies.*trying again/);
    } finally {
      await admin.end();
    }
  });

  it('is not ready with a database that refuses it, so that a rollout stops there', async () => {
    const governance = await start({ DATABASE_OWNER_URL: databaseUrl('scc_stranger') });
    await waitFor(async () => (await governance.ready())?.text.includes('waiting for the migrations'), {
      ...patience,
      what: 'a process that waits',
    });
    expect(governance.log()).toMatch(/scc_stranger\\" does not exist/);
    governance.child.kill('SIGTERM');
    expect(await governance.exited).toBe(0);
  }, 60_000);

  it('names every variable that is missing and ends', async () => {
    const governance = await start({ DATABASE_URL: '', TLS_DIR: '', API_PORT: 'many' });
    expect(await governance.exited).not.toBe(0);
    for (const name of ['DATABASE_URL', 'TLS_DIR', 'API_PORT']) expect(governance.log()).toContain(name);
  }, 60_000);

  it('ends when the schema cannot be brought to what it needs', async () => {
    const owner = new pg.Client({ connectionString: databaseUrl('scc_migrator') });
    await owner.connect();
    await owner.query(
      `set role scc_owner; update schema_migration set checksum = 'edited' where name = '020-audit.sql'`,
    );
    await owner.end();
    const governance = await start();
    expect(await governance.exited).toBe(1);
    expect(governance.log()).toContain('020-audit.sql has changed since the database ran it');
  }, 60_000);
});
