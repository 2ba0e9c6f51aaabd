import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { asyncLocalStorage } from '@temporalio/activity';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { KubeClient } from '@scc/kube';
import { WEATHER } from '@scc/migration/contract';
import { aWholeTarget } from '@scc/migration/testing';
import { waitFor } from '@scc/runtime';
import { activityContext } from '@scc/testing/activity-context';
import { freePort } from '@scc/testing/ports';
import { awaitSilence, prometheusMetrics } from '@scc/worker/testing';
import { startPrometheus } from '../prometheus.fixture.js';
import { configurationOf, type RouterRoute } from './configuration.js';
import { findHaproxy, HAPROXY_MISSING } from './find.js';
import { Haproxy } from './haproxy.js';
import { metricsOf } from './metrics.js';

/** The silence of the own pods as a real Prometheus reads it off a real HAProxy, with a client that holds a cookie. */

const binary = findHaproxy();
const OF_ROUTERS = { namespace: 'openshift-ingress', service: 'router-internal-default' };
const servers: Server[] = [];
let folder = '';
let port = 0;
let haproxy: Haproxy | null = null;
let stopPrometheus: () => Promise<void> = () => Promise.resolve();
let address = '';

async function listening(answer: (respond: (text: string) => void) => void): Promise<number> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    answer((text) => response.end(text));
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  if (binary === null) return;
  folder = await mkdtemp(path.join(tmpdir(), 'scc-silence-'));
  port = await freePort();
  const running = new Haproxy(binary, folder, 'ignore');
  haproxy = running;
  const metrics = await listening((respond) => {
    void running.ask('show stat').then(
      (stat) => {
        respond(metricsOf(stat));
      },
      () => {
        respond('');
      },
    );
  });
  const scrape = { job_name: 'router', static_configs: [{ targets: [`127.0.0.1:${metrics}`], labels: OF_ROUTERS }] };
  ({ address, stop: stopPrometheus } = await startPrometheus(folder, { scrape_configs: [scrape] }));
}, 60_000);
afterAll(async () => {
  await stopPrometheus();
  await haproxy?.stop();
  for (const server of servers) server.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const ask = (cookie?: string): Promise<{ from: string; cookie: string | undefined }> =>
  new Promise((resolve, reject) => {
    const headers = { host: 'ledger.example', ...(cookie === undefined ? {} : { cookie }) };
    get({ host: '127.0.0.1', port, headers, agent: false }, (response) => {
      let from = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (from += chunk));
      response.on('end', () => {
        resolve({ from, cookie: response.headers['set-cookie']?.[0]?.split(';')[0] });
      });
    }).on('error', reject);
  });

const routeAt = (ports: Record<string, number>, weights: Record<string, number>): RouterRoute => ({
  ...{ namespace: 'shop', name: 'ledger', host: 'ledger.example', isPassthrough: false, annotations: {} },
  services: Object.entries(ports).map(([name, one]) => ({
    name,
    weight: weights[name],
    endpoints: [{ pod: `${name}-1`, address: '127.0.0.1', port: one }],
  })),
});

describe("OpenShift's router at 100 % canary", () => {
  it('holds the rollout for a client that keeps to a server of weight 0, says so, and lets it go by its silence', async () => {
    if (haproxy === null) {
      expect(HAPROXY_MISSING).toBeDefined();
      return;
    }
    const running = haproxy;
    const [stable, canary] = [
      await listening((respond) => {
        respond('stable');
      }),
      await listening((respond) => {
        respond('canary');
      }),
    ];
    const target = { ...aWholeTarget(), survey: { request: {}, routes: {} } };
    const { name, canary: canaryName } = target.services[0] ?? { name: '', canary: '' };
    const ports = { [name]: stable, [canaryName]: canary };
    const places = {
      listen: { http: `127.0.0.1:${port}`, tls: `127.0.0.1:${await freePort()}` },
      statsSocket: running.statsSocket,
    };
    const serve = (weights: Record<string, number>) => running.run(configurationOf([routeAt(ports, weights)], places));
    await serve({ [name]: 100, [canaryName]: 0 });
    const { cookie } = await ask();
    await serve({ [name]: 0, [canaryName]: 100 });
    expect([(await ask()).from, (await ask(cookie)).from]).toEqual(['canary', 'stable']);

    const isCalling = { now: true };
    const calling = (async () => {
      while (isCalling.now) await ask(cookie);
    })();
    const metrics = prometheusMetrics({ url: address, flavour: 'haproxy' });
    const { namespace } = target.ref;
    const seen = async () => ((await metrics.routers?.recent(namespace, [name], 10_000))?.requests ?? 0) > 0;
    await waitFor(seen, { timeoutMs: 20_000, everyMs: 100, what: 'the requests at the server of weight 0' });

    const drain = {
      drift: () => Promise.resolve(null),
      split: () => Promise.resolve({ verifiedBy: 'bound' as const }),
    };
    const kube = Object.assign(Object.create(null) as KubeClient, {
      list: () => Promise.resolve({ items: [], resourceVersion: '1' }),
    });
    const silence = (boundMs: number, begunMs: number) => {
      const run = { workflowExecution: { workflowId: 'w', runId: 'r' } };
      const deps = { kube, router: drain, metrics, drainMs: 0, boundMs };
      const object = {
        ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'ledger', namespace, uid: 'd' } },
        spec: { selector: { matchLabels: { app: 'ledger' } }, template: { spec: { containers: [] } } },
      };
      return asyncLocalStorage.run(activityContext(run), () => awaitSilence(deps, target, { object, begunMs }));
    };
    const begunMs = Date.now();
    await expect(silence(60_000, begunMs)).rejects.toMatchObject({
      type: WEATHER,
      message: expect.stringMatching(
        /^its own pods are not silent yet: OpenShift's routers sent \d+ requests to the own pods of ledger in 10 s/,
      ) as unknown,
    });
    await expect(silence(5_000, begunMs)).resolves.toMatchObject({
      isSilent: false,
      restsOn: 'counters',
      message: expect.stringMatching(/they were waited for, and see a plain rollout$/) as unknown,
    });
    isCalling.now = false;
    await calling;
    await expect(silence(60_000, Date.now())).resolves.toMatchObject({
      isSilent: true,
      restsOn: 'counters',
      message: expect.stringMatching(/^OpenShift's routers sent nothing to the own pods of ledger for 10 s/) as unknown,
    });
  }, 90_000);
});
