import { readFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import path from 'node:path';
import { createLogger, loadConfig, onShutdown, startHealthServer } from '@scc/runtime';
import { z } from 'zod';
import { ClusterApi } from '../cluster/api.js';
import { Claims } from './claims.js';
import { NodeRunner } from './node-runner.js';
import { PodNames } from './pod-names.js';
import { Provisioner } from './provisioner.js';
import { Serving } from './serving.js';

const configSchema = z.object({
  KUBELET_NODES: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(z.array(z.object({ name: z.string(), token: z.string() })).min(1)),
  /** Of the provisioner of PersistentVolumes. */
  KUBELET_STORAGE_TOKEN: z.string(),
  KUBELET_CA_FILE: z.string(),
  KUBELET_STATE_DIR: z.string(),
  KUBELET_TEMPORAL: z.string(),
  KUBELET_ENVOY: z.string(),
  /** Folder with tls.crt and tls.key. */
  KUBELET_TLS_DIR: z.string(),
  KUBELET_PORT: z.coerce.number().int(),
  KUBELET_API_PORT: z.coerce.number().int().default(6443),
});

const config = loadConfig(configSchema, process.env);
const logger = createLogger('kubelet');
const serving = new Serving();
const processes = {
  stateDir: config.KUBELET_STATE_DIR,
  machine: { temporal: config.KUBELET_TEMPORAL, envoy: config.KUBELET_ENVOY },
  apiServer: { host: '127.0.0.1', port: config.KUBELET_API_PORT },
  claims: new Claims(config.KUBELET_STATE_DIR),
  names: new PodNames(),
};
// Only what serves goes before others for the processor; priorities are those of threads.
setPriority(Math.max(getPriority(), 0));
const tlsFile = (name: string): string => readFileSync(path.join(config.KUBELET_TLS_DIR, name), 'utf8');
const tls = { cert: tlsFile('tls.crt'), key: tlsFile('tls.key') };
const apiOf = (token: string): ClusterApi =>
  new ClusterApi({ host: '127.0.0.1', port: config.KUBELET_API_PORT, caFile: config.KUBELET_CA_FILE, token });
const nodes = config.KUBELET_NODES.map(({ name, token }, index) => {
  return new NodeRunner(name, index, { api: apiOf(token), serving, processes, logger, tls });
});
const provisioner = new Provisioner({
  api: apiOf(config.KUBELET_STORAGE_TOKEN),
  stateDir: config.KUBELET_STATE_DIR,
  logger,
});
if (process.getuid?.() !== 0) logger.warn('volumes keep the owner who started the stack: only root can set others');
provisioner.start();
await Promise.all(nodes.map((node) => node.start()));
await startHealthServer({ port: config.KUBELET_PORT, live: () => null, ready: () => null });
logger.info({ nodes: nodes.map(({ name }) => name) }, 'nodes registered');
onShutdown(logger, async () => {
  for (const node of nodes) node.stop();
  provisioner.stop();
  await serving.stop();
});
