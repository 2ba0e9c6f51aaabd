import { createLogger, loadConfig, onShutdown, startHealthServer } from '@scc/runtime';
import { z } from 'zod';
import { ClusterApi } from '../cluster/api.js';
import { ServiceProxy } from '../supervisor/service-proxy.js';

/**
 * Plays kube-proxy for callers of workloads. It is a process of its own, because whatever else the stack does would
 * keep their requests waiting: only the parts that requests pass go before others for the processor.
 */

const config = loadConfig(
  z.object({
    SERVICES_NAMESPACES: z
      .string()
      .transform((text): unknown => JSON.parse(text))
      .pipe(z.array(z.string()).min(1)),
    SERVICES_TOKEN: z.string(),
    SERVICES_CA_FILE: z.string(),
    SERVICES_PORT: z.coerce.number().int(),
  }),
  process.env,
);
const logger = createLogger('services');
const proxies = config.SERVICES_NAMESPACES.map((namespace) => {
  const { SERVICES_CA_FILE: caFile, SERVICES_TOKEN: token } = config;
  return new ServiceProxy(new ClusterApi({ host: '127.0.0.1', port: 6443, caFile, token }), namespace, logger);
});
for (const proxy of proxies) proxy.start();
await startHealthServer({ port: config.SERVICES_PORT, live: () => null, ready: () => null });
onShutdown(logger, () => {
  for (const proxy of proxies) proxy.stop();
  return Promise.resolve();
});
