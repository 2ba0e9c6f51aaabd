import pino from 'pino';
import { SYSTEM_NAMESPACE } from '../cluster/accounts.js';
import { ClusterApi } from '../cluster/api.js';
import type { Running } from '../supervisor/running.js';
import { ServiceProxy } from '../supervisor/service-proxy.js';
import type { PartContext } from './context.js';

/** The address of the API on the stack's loopback, where there is an installation. */
const API = { host: '127.0.0.1', port: 9443 };

/** Serves the Services of the product's namespace on a cluster where others install the product, as any cluster does. */
export async function serveInstallation({ file, tokens }: PartContext, running: Running): Promise<void> {
  const token = tokens['system:kube-proxy'] ?? '';
  const api = new ClusterApi({ host: '127.0.0.1', port: 6443, caFile: file('tls', 'ca.crt'), token });
  const name = 'service-proxy';
  const logger = pino({ name }, pino.destination({ dest: running.logOf(name), sync: true }));
  const proxy = new ServiceProxy(api, SYSTEM_NAMESPACE, logger);
  running.stops.push(() => proxy.stop());
  proxy.start();
  await proxy.also(API, 'governance', API.port);
}
