import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { freePort } from '@scc/testing/ports';
import { configurationOf, type RouterRoute } from './configuration.js';
import { findHaproxy, HAPROXY_MISSING } from './find.js';
import { Haproxy } from './haproxy.js';
import { metricsOf } from './metrics.js';

/** What OpenShift's router makes of Routes, asked of a real HAProxy by requests. */

const binary = findHaproxy();

interface Answer {
  status: number;
  from: string;
  cookie: string | undefined;
}

const servers: Server[] = [];
const address = async (service: string, index: number) => {
  const server = createServer((_request, response) => response.end(service));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { pod: `${service}-${index}`, address: '127.0.0.1', port: (server.address() as AddressInfo).port };
};

let folder: string;
let port: number;
let tlsPort: number;
let haproxy: Haproxy | null = null;
beforeAll(async () => {
  if (binary === null) return;
  folder = await mkdtemp(path.join(tmpdir(), 'scc-haproxy-'));
  [port, tlsPort] = [await freePort(), await freePort()];
  haproxy = new Haproxy(binary, folder, 'ignore');
});
afterAll(async () => {
  await haproxy?.stop();
  for (const server of servers) server.close();
  if (binary !== null) await rm(folder, { recursive: true, force: true });
});

const ask = (cookie?: string): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const headers = { host: 'ledger.example', ...(cookie === undefined ? {} : { cookie }) };
    // A connection that stays open would go on under the configuration that it was opened under.
    get({ host: '127.0.0.1', port, headers, agent: false }, (response) => {
      let from = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (from += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, from, cookie: response.headers['set-cookie']?.[0]?.split(';')[0] }),
      );
    }).on('error', reject);
  });

async function sharesOver(requests: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let sent = 0; sent < requests; sent += 4)
    for (const { from } of await Promise.all([ask(), ask(), ask(), ask()])) counts[from] = (counts[from] ?? 0) + 1;
  return counts;
}

type Sides = Record<string, { weight: number; pods: number }>;

async function route(sides: Sides, annotations: Record<string, string> = {}): Promise<RouterRoute> {
  const services = await Promise.all(
    Object.entries(sides).map(async ([name, { weight, pods }]) => ({
      name,
      weight,
      endpoints: await Promise.all(Array.from({ length: pods }, (_, index) => address(name, index))),
    })),
  );
  return { namespace: 'shop', name: 'ledger', host: 'ledger.example', isPassthrough: false, annotations, services };
}

const at = (from: RouterRoute, weights: Record<string, number>): RouterRoute => ({
  ...from,
  services: from.services.map((one) => ({ ...one, weight: weights[one.name] })),
});

/** A test that says so, and nothing more, where there is no HAProxy. */
const withHaproxy = (name: string, test: (serve: (one: RouterRoute) => Promise<Haproxy>) => Promise<void>): void => {
  const title = binary === null ? `${name}: ${HAPROXY_MISSING}` : name;
  it(title, async () => {
    const running = haproxy;
    if (running === null) {
      expect(binary).toBeNull();
      return;
    }
    await test(async (one) => {
      const listen = { http: `127.0.0.1:${port}`, tls: `127.0.0.1:${tlsPort}` };
      await running.run(configurationOf([one], { listen, statsSocket: running.statsSocket }));
      return running;
    });
  });
};

const WITHOUT_COOKIES = { 'haproxy.router.openshift.io/disable_cookies': 'true' };

describe('HAProxy under the configuration of the router', () => {
  withHaproxy('divides 90:10 of equal pods as 256:28', async (serve) => {
    await serve(await route({ stable: { weight: 90, pods: 2 }, canary: { weight: 10, pods: 2 } }, WITHOUT_COOKIES));
    // Of 1136 requests in turn, each full round is the same.
    const { canary = 0, stable = 0 } = await sharesOver(1136);
    expect(Math.abs(canary / (canary + stable) - 28 / 284)).toBeLessThan(0.01);
  });

  withHaproxy('gives a side of many pods more than its weight', async (serve) => {
    await serve(await route({ stable: { weight: 256, pods: 1 }, canary: { weight: 1, pods: 20 } }, WITHOUT_COOKIES));
    const { canary = 0, stable = 0 } = await sharesOver(1104);
    expect(Math.abs(canary / (canary + stable) - 20 / 276)).toBeLessThan(0.01);
  });

  withHaproxy('answers 503 to everybody where all weights are 0', async (serve) => {
    const one = await route({ stable: { weight: 0, pods: 1 }, canary: { weight: 0, pods: 1 } }, WITHOUT_COOKIES);
    await serve(one);
    await expect(ask()).resolves.toMatchObject({ status: 503 });
    await serve(at(one, { stable: 1, canary: 0 }));
    await expect(ask()).resolves.toMatchObject({ status: 200, from: 'stable' });
  });

  withHaproxy('keeps a client at a server of weight 0 by its cookie, and sends others elsewhere', async (serve) => {
    const one = await route({ stable: { weight: 100, pods: 1 }, canary: { weight: 0, pods: 1 } });
    await serve(one);
    const { cookie, from } = await ask();
    expect([from, cookie]).toEqual(['stable', expect.stringMatching(/^\w+=\w+$/)]);
    const running = await serve(at(one, { stable: 0, canary: 100 }));
    await expect(ask(cookie)).resolves.toMatchObject({ from: 'stable' });
    await expect(ask()).resolves.toMatchObject({ from: 'canary' });
    const metrics = metricsOf(await running.ask('show stat'));
    expect(metrics).toMatch(/haproxy_server_http_responses_total\{.*service="stable".*code="2xx"\} 1\n/);
  });

  withHaproxy('sends a client whose server is no longer configured to another one', async (serve) => {
    const one = await route({ stable: { weight: 0, pods: 1 }, canary: { weight: 100, pods: 1 } });
    await serve(one);
    const { cookie, from } = await ask();
    expect(from).toBe('canary');
    await serve({ ...at(one, { stable: 100 }), services: at(one, { stable: 100 }).services.slice(0, 1) });
    await expect(ask(cookie)).resolves.toMatchObject({ status: 200, from: 'stable' });
  });

  withHaproxy('takes Routes that pass connections through', async (serve) => {
    const one = await route({ stable: { weight: 10, pods: 1 }, canary: { weight: 0, pods: 1 } });
    const running = await serve({ ...one, isPassthrough: true });
    const stat = await running.ask('show stat');
    expect(stat).toContain('be_tcp:shop:ledger,pod:stable-0:stable');
    expect(stat).not.toContain('pod:canary-0');
  });

  withHaproxy('serves nothing any more once it was stopped, in the middle of a reload too', async () => {
    for (let turn = 0; turn < 20; turn++) {
      const own = await mkdtemp(path.join(folder, 'stopped-'));
      const one = new Haproxy(binary ?? '', own, 'ignore');
      const http = await freePort();
      const listen = { http: `127.0.0.1:${http}`, tls: `127.0.0.1:${await freePort()}` };
      const configure = async (weight: number): Promise<string> =>
        configurationOf([await route({ stable: { weight, pods: 1 } })], { listen, statsSocket: one.statsSocket });
      await one.run(await configure(1));
      const reload = one.run(await configure(turn + 2)).catch(() => 'stopped');
      await delay((turn % 10) * 3);
      await one.stop();
      await reload;
      expect([turn, await connects(http)]).toEqual([turn, false]);
    }
  });

  withHaproxy('goes with the process that started it', async () => {
    const own = await mkdtemp(path.join(folder, 'orphan-'));
    const http = await freePort();
    const listen = { http: `127.0.0.1:${http}`, tls: `127.0.0.1:${await freePort()}` };
    const statsSocket = path.join(own, 'haproxy.sock');
    const configuration = configurationOf([await route({ stable: { weight: 1, pods: 1 } })], { listen, statsSocket });
    const built = path.resolve(import.meta.dirname, '../../dist/haproxy/haproxy.js');
    const script = `const { Haproxy } = await import(process.argv[1]);
      await new Haproxy(process.argv[2], process.argv[3], 'ignore').run(process.argv[4]); console.log('serves');
      setInterval(() => undefined, 1000);`;
    const words = ['--input-type=module', '-e', script, built, binary ?? '', own, configuration];
    const parent = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(parent.stdout, 'data');
    await expect(connects(http)).resolves.toBe(true);
    parent.kill('SIGKILL');
    await waitFor(async () => !(await connects(http)), { timeoutMs: 10_000, everyMs: 50, what: 'HAProxy to end' });
  });
});

const connects = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).on('error', () => resolve(false));
  });
