import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Logger, pause } from '@scc/runtime';
import { type CertificateSource, followFiles, type KeyPair, secretStore, startRotation } from '@scc/tls';
import { allocateNamespaces, type Allocator } from './allocation.js';
import type { AdmissionDeps, StartAdmission } from './contract.js';
import { markCampaignAuthors, validateCampaigns } from '../hooks/campaigns.js';
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
import { EntryKeeper } from '../tls/keeper.js';
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
    markCampaignAuthors(),
    validateCampaigns(),
    guardGrants(context),
    guardNamespaces(client),
  ];
}

const LOOK_MS = 10_000;

/** How often everything that is kept in the cluster is looked at. */
const lookMs = ({ rotation }: AdmissionConfig): number => Math.min(LOOK_MS, Math.max(100, rotation.settleMs / 5));

interface SourceDeps {
  readonly client: AdmissionDeps['client'];
  readonly keeper: EntryKeeper;
  readonly logger: Logger;
  readonly onChange: (pair: KeyPair) => void;
  readonly onFailure: () => void;
}

function certificateSource(
  config: AdmissionConfig,
  { client, keeper, ...deps }: SourceDeps,
): Promise<CertificateSource> {
  if (config.tls === 'files') return followFiles({ folder: config.tlsDir, ...deps });
  const rotation = {
    store: secretStore(client, config.tlsSecret),
    bundles: keeper,
    timing: config.rotation,
    names: config.names,
    ...deps,
  };
  return startRotation(rotation, lookMs(config));
}

/** A certificate whose authority the API server does not hold by then is served all the same: it may be the only one. */
const TRUSTED_WITHIN_MS = 30_000;
const ASK_MS = 50;

async function untilTrusted(certificate: string, trust: WebhookTrust, signal: AbortSignal): Promise<void> {
  const end = performance.now() + TRUSTED_WITHIN_MS;
  while (trust.objection(certificate, new Date()) !== null && performance.now() < end && !signal.aborted)
    await pause(ASK_MS, signal);
}

/** Starts the admission webhook on a TLS port of its own. */
export const startAdmission: StartAdmission = async ({
  config,
  client,
  makeInformer,
  logger: root,
  onPod,
  onWrite,
}) => {
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
  const stopping = new AbortController();
  const listening: { server?: WebhookServer; pair?: KeyPair } = {};
  const draining = (): string | null => (stopping.signal.aborted ? 'draining' : null);
  const keeper = new EntryKeeper({
    client,
    trust,
    file: config.entriesFile,
    rotates: config.tls === 'secret',
    missing: () => draining() ?? cache.missing() ?? (listening.server ? null : 'not listening yet'),
    logger,
  });
  let exchanging: Promise<void> = Promise.resolve();
  const exchange = async (pair: KeyPair): Promise<void> => {
    await keeper.look(pair.authorities);
    await untilTrusted(pair.certificate, trust, stopping.signal);
    listening.pair = pair;
    metrics.certificates(pair);
    listening.server?.setCertificate(tlsOf(pair));
  };
  const certificates = await certificateSource(config, {
    client,
    keeper,
    logger,
    onChange: (pair) => {
      exchanging = exchanging.then(() => exchange(pair));
    },
    onFailure: () => metrics.certificatesFailed(),
  });
  listening.pair ??= certificates.current;
  metrics.certificates(listening.pair);
  const server = await startServer({
    host: config.host,
    port: config.port,
    tls: tlsOf(listening.pair),
    answering,
    clientRequired: config.clientRequired,
    onPod,
    onWrite,
    metrics,
    logger,
  });
  listening.server = server;
  const keepEntries = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await keeper.look(certificates.current.authorities);
      await pause(lookMs(config), stopping.signal);
    }
  };
  const keeping = keepEntries();
  logger.info({ port: server.port, mode: config.mode }, 'webhook listening');
  const served = (): string => (listening.pair ?? certificates.current).certificate;
  return {
    port: server.port,
    metrics: metrics.registry,
    ready: () => draining() ?? cache.missing() ?? trust.objection(served(), new Date()),
    stop: async () => {
      stopping.abort();
      server.drain();
      await delay(config.drainMs);
      await server.close();
      await Promise.all([certificates.stop(), keeping, exchanging, trust.stop(), cache.stop(), allocator?.stop()]);
    },
  };
};
