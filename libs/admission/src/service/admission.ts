import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '@scc/runtime';
import { type CertificateSource, followFiles, type KeyPair, secretStore, startRotation } from '@scc/tls';
import { allocateNamespaces, type Allocator } from './allocation.js';
import type { AdmissionDeps, StartAdmission } from './contract.js';
import { checkExecs } from '../hooks/exec.js';
import { guardGrants } from '../hooks/grants.js';
import type { Hook, HookContext } from '../hooks/hook.js';
import { mutatePods } from '../hooks/mutate-pods.js';
import { guardNamespaces } from '../hooks/namespaces.js';
import { pinPods } from '../hooks/pin-pods.js';
import { markAuthors, validatePlans } from '../hooks/plans.js';
import { ReplicaMutations } from '../hooks/replica-mutations.js';
import { validatePods } from '../hooks/validate-pods.js';
import { foreseeWorkloads } from '../hooks/workloads.js';
import { createAnswering } from '../http/answering.js';
import { type ServerCertificate, startServer, type WebhookServer } from '../http/server.js';
import { cacheCluster } from '../cache/cluster.js';
import { createMetrics } from '../http/metrics.js';
import type { AdmissionConfig } from './settings.js';
import { webhookBundles } from '../tls/bundles.js';
import { followWebhookTrust, type WebhookTrust } from '../tls/trust.js';

/** Every webhook of a mode. */
export function hooksOf(context: HookContext, client: Parameters<typeof guardNamespaces>[0]): Hook[] {
  const replicaMutations = new ReplicaMutations();
  return [
    context.config.mode === 'openshift' ? pinPods(context) : mutatePods(context, replicaMutations),
    validatePods(context, replicaMutations),
    checkExecs(context),
    foreseeWorkloads(context),
    markAuthors(),
    validatePlans(context),
    guardGrants(context),
    guardNamespaces(client),
  ];
}

const LOOK_MS = 10_000;

interface SourceDeps {
  readonly client: AdmissionDeps['client'];
  readonly trust: WebhookTrust;
  readonly logger: Logger;
  readonly onChange: (pair: KeyPair) => void;
  readonly onFailure: () => void;
}

function certificateSource(
  config: AdmissionConfig,
  { client, trust, ...deps }: SourceDeps,
): Promise<CertificateSource> {
  if (config.tls === 'files') return followFiles({ folder: config.tlsDir, ...deps });
  const rotation = {
    store: secretStore(client, config.tlsSecret),
    bundles: webhookBundles(client, trust),
    timing: config.rotation,
    names: config.names,
    ...deps,
  };
  return startRotation(rotation, Math.min(LOOK_MS, Math.max(100, config.rotation.settleMs / 5)));
}

/** Starts the admission webhook on a TLS port of its own. */
export const startAdmission: StartAdmission = async ({ config, client, makeInformer, logger: root, onPod }) => {
  const logger = root.child({ part: 'admission' });
  const metrics = createMetrics();
  let allocator: Allocator | undefined;
  const cache = cacheCluster({
    makeInformer,
    mode: config.mode,
    keepPods: config.checkExec && config.mode === 'kubernetes',
    logger,
    onNamespace: (name) => allocator?.consider(name),
  });
  if (config.mode === 'kubernetes') allocator = allocateNamespaces({ client, namespaces: cache.namespaces, logger });
  const clientCa = config.clientCaFile === undefined ? undefined : await readFile(config.clientCaFile, 'utf8');
  const tlsOf = ({ key, certificate }: KeyPair): ServerCertificate => ({
    key,
    cert: certificate,
    ...(clientCa === undefined ? {} : { ca: clientCa }),
    requestCert: clientCa !== undefined,
    rejectUnauthorized: false,
  });
  const trust = followWebhookTrust(makeInformer);
  const hooks = hooksOf({ cache, config }, client);
  const answering = createAnswering({ hooks, cache, budgetMs: config.budgetMs, metrics, logger });
  const listening: { server?: WebhookServer } = {};
  const certificates = await certificateSource(config, {
    client,
    trust,
    logger,
    onChange: (pair) => {
      metrics.certificates(pair);
      listening.server?.setCertificate(tlsOf(pair));
    },
    onFailure: () => metrics.certificatesFailed(),
  });
  metrics.certificates(certificates.current);
  const server = await startServer({
    host: config.host,
    port: config.port,
    tls: tlsOf(certificates.current),
    answering,
    clientRequired: config.clientRequired,
    onPod,
    metrics,
    logger,
  });
  listening.server = server;
  logger.info({ port: server.port, mode: config.mode }, 'webhook listening');
  let draining = false;
  return {
    port: server.port,
    metrics: metrics.registry,
    ready: () =>
      draining ? 'draining' : (cache.missing() ?? trust.objection(certificates.current.certificate, new Date())),
    stop: async () => {
      draining = true;
      server.drain();
      await delay(config.drainMs);
      await server.close();
      await Promise.all([certificates.stop(), trust.stop(), cache.stop(), allocator?.stop()]);
    },
  };
};
