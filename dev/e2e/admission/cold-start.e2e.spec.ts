import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { startStack, type Stack } from '../../src/index.js';
import { aPod, createNamespace, createPod, enforcedNamespace, podsIn, refusalOf } from '../../src/webhook.fixture.js';

let stack: Stack;
beforeAll(async () => {
  const parts = { mesh: false, temporal: false, prometheus: false, worker: false, watcher: false };
  stack = await startStack({ nodes: 1, parts });
  await createNamespace(stack, enforcedNamespace('database'));
}, 180_000);
afterAll(() => stack.stop(), 60_000);

const curl = (...args: string[]): Promise<string> =>
  stack.exec('curl', ['--silent', '--show-error', '--cacert', path.join(stack.stateDir, 'tls', 'ca.crt'), ...args]);
const health = (): Promise<string> => curl('--include', 'https://127.0.0.1:9443/v1/health');

describe('governance that starts in a cluster whose database is not there', () => {
  it('is ready for pods, such as those of the database, and says on its API what it waits for', async () => {
    await stack.part('governance').stop();
    await stack.part('postgres').kill();
    await stack.part('governance').start();
    expect(await curl('http://127.0.0.1:9101/readyz')).toBe('ok\n');
    expect(await health()).toMatch(/^HTTP\/1\.1 503 [^]*retry-after: \d[^]*it waits for the migrations/);
    await createPod(stack, aPod('database', 'postgres-0'));
    expect(await refusalOf(createPod(stack, aPod('database', 'root', 0)))).toMatch(/unable to validate against any/);
    const pods = await podsIn(stack, 'database');
    expect(pods.map(({ metadata }) => [metadata.name, metadata.annotations['openshift.io/scc']])).toEqual([
      ['postgres-0', 'restricted-v2'],
    ]);
    await stack.part('postgres').start();
    await waitFor(async () => (await health()).startsWith('HTTP/1.1 200'), {
      timeoutMs: 60_000,
      everyMs: 200,
      what: 'the API',
    });
    expect(await curl('http://127.0.0.1:9101/readyz')).toBe('ok\n');
  }, 120_000);
});
