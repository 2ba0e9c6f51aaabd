import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { connectKube, isNotFound } from '@scc/kube';
import { createLogger, loadConfig, messageOf, onShutdown } from '@scc/runtime';
import { z } from 'zod';
import { configurationOf } from './configuration.js';
import { Haproxy } from './haproxy.js';
import { metricsOf } from './metrics.js';
import { ROUTER_PORTS, ROUTER_RELOAD_MS } from './places.js';
import { admit, readRoutes } from './watched.js';

/** A router that serves the Routes of the stack as OpenShift's does, by a real HAProxy. */

const LOOK_MS = 100;
/** Prometheus reads nothing whose format is not named. */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const { ROUTER_KUBECONFIG, ROUTER_BINARY, ROUTER_STATE_DIR } = loadConfig(
  z.object({ ROUTER_KUBECONFIG: z.string(), ROUTER_BINARY: z.string(), ROUTER_STATE_DIR: z.string() }),
  process.env,
);
const log = createLogger('router');
const kube = await connectKube({ kubeconfig: ROUTER_KUBECONFIG, userAgent: 'scc-dev-router' });
const haproxy = new Haproxy(ROUTER_BINARY, ROUTER_STATE_DIR);
const places = {
  listen: { http: `0.0.0.0:${ROUTER_PORTS.http}`, tls: `0.0.0.0:${ROUTER_PORTS.tls}` },
  statsSocket: haproxy.statsSocket,
};
const ending = new AbortController();
onShutdown(log, async () => {
  ending.abort();
  await haproxy.stop();
  kube.close();
});

const metrics = createServer((_request, response) => {
  haproxy.ask('show stat').then(
    (csv) => response.setHeader('content-type', METRICS_TYPE).end(metricsOf(csv)),
    () => response.writeHead(503).end(),
  );
});
metrics.listen(ROUTER_PORTS.metrics, '127.0.0.1');

let running = '';
async function look(): Promise<void> {
  const { routes, unsaid } = await readRoutes(kube);
  const wanted = configurationOf(routes, places);
  if (wanted !== running) {
    await haproxy.run(wanted);
    if (running === '') process.send?.('ready');
    running = wanted;
    // What changes meanwhile waits for the next reload.
    await delay(ROUTER_RELOAD_MS, undefined, { signal: ending.signal });
  }
  for (const route of unsaid) await admit(kube, route).catch((error: unknown) => ignoreGone(error));
}

while (!ending.signal.aborted) {
  await look().catch((error: unknown) => {
    if (!ending.signal.aborted) log.warn({ error: messageOf(error) }, 'Routes cannot be served now');
  });
  await delay(LOOK_MS);
}
metrics.close();

function ignoreGone(error: unknown): void {
  if (!isNotFound(error)) throw error;
}
