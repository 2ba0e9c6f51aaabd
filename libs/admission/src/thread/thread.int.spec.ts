import { type ChildProcess, execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { aPod, podReview } from '../testing/admission.fixture.js';
import { issueLeaf, type Issued, makeAuthority } from '@scc/tls';

const ROOT = path.resolve(import.meta.dirname, '../../../..');
const FIXTURE = path.join(ROOT, 'libs/admission/dist/thread/blocked.fixture.js');

beforeAll(async () => {
  await promisify(execFile)(process.execPath, [path.join(ROOT, 'scripts/build.ts')], { cwd: ROOT });
}, 60_000);

let folder: string;
let authority: Issued;
let child: ChildProcess | undefined;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'scc-thread-'));
  const life = { now: new Date(), lifeMs: 60 * 60_000 };
  authority = await makeAuthority('test', life);
  const leaf = await issueLeaf(authority, { ...life, names: ['localhost'] });
  const kubeconfig = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'away' },
    clusters: [{ name: 'away', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'away', user: { token: 'token' } }],
    contexts: [{ name: 'away', context: { cluster: 'away', user: 'away' } }],
  };
  const files = { 'ca.crt': authority.certificate, 'tls.crt': leaf.certificate, 'tls.key': leaf.key };
  for (const [name, content] of Object.entries({ ...files, kubeconfig: JSON.stringify(kubeconfig) }))
    await writeFile(path.join(folder, name), content);
});
afterEach(async () => {
  child?.kill('SIGKILL');
  child = undefined;
  await rm(folder, { recursive: true });
});

const startedSchema = z.object({
  port: z.int(),
  ready: z.string().nullable(),
  alive: z.string().nullable(),
  metrics: z.string(),
});

async function start(tlsDir: string): Promise<{ child: ChildProcess; first: unknown }> {
  child = fork(FIXTURE, [tlsDir, path.join(folder, 'kubeconfig')], { execArgv: [] });
  const [first] = (await once(child, 'message')) as [unknown];
  return { child, first };
}

const post = (port: number): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const agent = new Agent({ ca: authority.certificate });
    const options = { host: '127.0.0.1', servername: 'localhost', port, path: '/mutate/pods', method: 'POST', agent };
    const outgoing = request({ ...options, headers: { 'content-type': 'application/json' } }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode));
    });
    outgoing.once('error', reject);
    outgoing.end(JSON.stringify(podReview(aPod())));
  });

describe('the admission thread', () => {
  it('answers reviews while the rest of the process stands still, and ends when it is told', async () => {
    const { child: host, first } = await start(folder);
    const { port, ready, alive, metrics } = startedSchema.parse(first);
    expect(ready).toMatch(/not listed yet/);
    expect(alive).toBeNull();
    expect(metrics).toContain('scc_webhook_reviews_total');
    expect(metrics).toContain('scc_webhook_pod_hints_dropped_total 0');
    const told: unknown[] = [];
    host.on('message', (message) => told.push(message));
    host.send('block');
    await once(host, 'message');
    expect(await post(port)).toBe(200);
    expect(told).toEqual(['blocked']);
    await once(host, 'message');
    host.send('stop');
    expect(await once(host, 'exit')).toEqual([0, null]);
  }, 30_000);

  it('says for which reason it could not start', async () => {
    const { first } = await start(path.join(folder, 'nowhere'));
    expect(first).toEqual({ refused: expect.stringMatching(/ENOENT.*nowhere/) });
  }, 30_000);
});
