import 'reflect-metadata';
import { readFile } from 'node:fs/promises';
import { constants, getPriority, setPriority } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { admissionConfigOf, type AdmissionThread, keepAdmissionThread } from '@scc/admission';
import { type NoteSigner, signerFromPem } from '@scc/audit';
import { connectKube, createInformer, type KubeClient, type MakeInformer } from '@scc/kube';
import { createLogger, loadConfig, type Logger, onShutdown, startHealthServer } from '@scc/runtime';
import { registriesIn } from '@scc/runtime/images';
import { TemporalLink } from '@scc/runtime/temporal';
import { startTracing, tracingOf } from '@scc/runtime/tracing';
import { type CertificateSource, followFiles, followSecret, type KeyPair } from '@scc/tls';
import { OutboxWatch } from './approvals/outbox-watch.js';
import { AnswersWatch } from './audit/answers-watch.js';
import { AuthorityWatch } from './audit/authority-watch.js';
import { LogWatch } from './audit/log-watch.js';
import { PublishedWatch } from './audit/published-watch.js';
import { SchemaWatch } from './audit/schema-watch.js';
import { StateWatch } from './audit/state-watch.js';
import { ReadModelWatch } from './history/read-model-watch.js';
import { Contradictions } from './audit/contradictions.controller.js';
import { keyInSecret } from './audit/kept-key.js';
import { CheckpointPublisher, type CheckpointStore } from './audit/publish.js';
import { Sealer } from './audit/sealer.js';
import { temporalCommands, temporalRuns } from './approvals/temporal.js';
import { type Background, installPolicies, startBackground } from './background.js';
import { type Config, governanceConfigSchema } from './config.js';
import { AnswerSeals } from './database/answer-seals.js';
import { connectDatabase, patiently } from './database/connect.js';
import { MAPPING } from './entities.js';
import { campaignBoardsIn } from './campaigns/boards.js';
import { campaignAuthorsIn } from './engine/campaign-authors.js';
import { GovernanceMetrics } from './health/metrics.js';
import { Observer } from './health/observer.js';
import { outsideProbes } from './health/outside.js';
import { openWaitingRoom } from './http/waiting-room.js';
import { MissedWatch } from './notifications/missed-watch.js';
import { Notifier } from './notifications/notifier.js';
import { Courier } from './notifications/courier.js';
import { findSCCIn } from './access/kubernetes.js';
import { ROLE_TABLE } from './permissions.js';
import { observePod } from './pods/observation.js';
import { watchFleet } from './fleet/metrics.js';
import { ScanParts } from './scans/request.js';
import { scanThread } from './scans/run.js';
import { type Api, startApi } from './server.js';
import { signInSettings, temporalUiOf } from './sessions/settings.js';
import { Stoppables } from './stoppables.js';
import { watchWork } from './work-metrics.js';

interface Started {
  config: Config;
  logger: Logger;
  metrics: GovernanceMetrics;
  parts: Stoppables;
  signal: AbortSignal;
  /** Why the process cannot do its work yet; null when it can. */
  setWaiting: (reason: string | null) => void;
  setAdmission: (admission: AdmissionThread) => void;
}

/** A folder where one is named, else the Secret in which admission keeps what it makes. */
const followCertificate = (
  { TLS_DIR, ...config }: Config,
  client: KubeClient,
  options: { onChange: (pair: KeyPair) => void; logger: Logger },
): Promise<CertificateSource> =>
  TLS_DIR === undefined
    ? followSecret({ client, secret: admissionConfigOf(config).tlsSecret, ...options })
    : followFiles({ folder: TLS_DIR, ...options });

const signerFrom = async (origin: string, file: string): Promise<NoteSigner> =>
  signerFromPem(origin, await readFile(file, 'utf8'));

/** The key that signs the audit log, from where the configuration says. */
const signerOf = async ({ AUDIT_KEY_FILE, AUDIT_KEY_SECRET, AUDIT_ORIGIN }: Config, kube: KubeClient) =>
  AUDIT_KEY_SECRET === undefined
    ? signerFrom(AUDIT_ORIGIN, AUDIT_KEY_FILE ?? '')
    : signerFromPem(AUDIT_ORIGIN, await keyInSecret(kube, AUDIT_KEY_SECRET));

async function start({ config, logger, metrics, parts, signal, setWaiting, setAdmission }: Started): Promise<void> {
  const tracing = await startTracing(config, 'scc-governance', logger);
  parts.add(async () => tracing?.stop());
  const previous = config.AUDIT_PREVIOUS_KEY_FILE;
  const previousSigner = previous === undefined ? null : await signerFrom(config.AUDIT_ORIGIN, previous);

  const kube = await connectKube({
    ...(config.KUBECONFIG === undefined ? {} : { kubeconfig: config.KUBECONFIG }),
    userAgent: 'scc-governance',
  });
  parts.add(() => {
    kube.close();
    return Promise.resolve();
  });
  const makeInformer = informersOf(kube, logger);
  const signer = await signerOf(config, kube);

  // Admission answers from memory: it is there before the database, and stays when that goes away.
  const hints: { taker?: Background } = {};
  const admission = await keepAdmissionThread({
    config: admissionConfigOf(config),
    kubeconfig: config.KUBECONFIG,
    logLevel: config.LOG_LEVEL,
    tracing: tracingOf(config),
    onPods: (pods) => hints.taker?.pods.hint(pods.flatMap((pod) => observePod(pod) ?? [])),
    onWrites: (writes) => hints.taker?.writes(writes),
    logger,
  });
  parts.add(() => admission.stop());
  // Of this thread alone: where processors are scarce, pods go before requests of the API. Nothing may raise it again.
  setPriority(Math.max(getPriority(), constants.priority.PRIORITY_BELOW_NORMAL));
  metrics.include(() => admission.metrics());
  setAdmission(admission);

  // After admission: where it makes the certificates, they are there by now.
  const serving: { api?: Api } = {};
  const serve = ({ key, certificate }: KeyPair) => serving.api?.server.setSecureContext({ key, cert: certificate });
  const certificates = await followCertificate(config, kube, { logger, onChange: serve });
  parts.add(() => certificates.stop());
  let missing = 'its database';
  const room = await openWaitingRoom({
    host: config.API_HOST,
    port: config.API_PORT,
    keyPair: certificates.current,
    reason: () => missing,
  });
  parts.add(() => room.close());
  const patience = {
    ...{ logger, signal },
    // Pods must not wait for a database that does not answer: it may itself wait for its pods. What an answer refuses,
    // such as a password, is not ready: a rollout has to stop there.
    missing: (what: string, isAway: boolean) => {
      missing = what;
      setWaiting(isAway ? null : `waiting for ${what}`);
    },
  };
  const source = await connectDatabase({ ...patience, config, mapping: MAPPING });
  parts.add(() => source.destroy());
  metrics.watchPool(source);

  const publisher = new CheckpointPublisher({ store: checkpointStore(kube), db: source, vkey: signer.vkey, logger });
  const readModel = new ReadModelWatch(source);
  const vkeys = [signer, ...(previousSigner ? [previousSigner] : [])].map(({ vkey }) => vkey);
  const seals = new AnswerSeals(signer, previousSigner);
  const authority = new AuthorityWatch({
    ...{ source, logger },
    also: [
      ...[readModel, new SchemaWatch(source), new StateWatch(source), new MissedWatch(source), new OutboxWatch(source)],
      ...[
        new PublishedWatch(
          source,
          () => publisher.refused,
          () => publisher.alteration(),
        ),
        new LogWatch(source, { origin: config.AUDIT_ORIGIN, vkeys }),
        new AnswersWatch(source, seals),
      ],
    ],
  });
  const contradictions = new Contradictions(authority, () => publisher.refused);
  metrics.gauge(
    'scc_governance_audit_contradicted',
    'Whether the audit log cannot be the one that was published before, or tables contradict it: 1 is an incident.',
    () => (contradictions.reason === null ? 0 : 1),
  );
  const sealer = new Sealer(source, {
    origin: config.AUDIT_ORIGIN,
    signer,
    previousSigner,
    holder: config.AUDIT_HOLDER,
    logger,
    onCheckpoint: publisher.offer,
  });
  sealer.start();
  parts.add(() => publisher.stop());
  parts.add(() => sealer.stop());

  authority.start();
  parts.add(() => authority.stop());

  const temporal = new TemporalLink(config, { workflow: tracing?.calls ?? [] });
  parts.add(() => temporal.close());
  await patiently(patience, 'the default policies', () => installPolicies(source, logger));
  const background = startBackground({
    source,
    logger,
    temporal,
    makeInformer,
    cluster: kube,
    retentionDays: config.RETENTION_DAYS,
  });
  parts.add(() => background.stop());
  hints.taker = background;

  const probed = new TemporalLink(config, { interceptors: [] });
  parts.add(() => probed.close());
  const probes = outsideProbes({ subjectAccessReview: (review) => kube.subjectAccessReview(review), temporal: probed });
  const observer = new Observer(source, logger, probes, () => contradictions.reason);
  parts.add(() => observer.stop());
  await observer.start();
  watchWork(metrics, observer, background.pods);
  const fleet = watchFleet(metrics, { source, logger });
  fleet.start();
  parts.add(() => fleet.stop());

  const courier = new Courier(config);
  const notifier = new Notifier({ source, courier, origin: config.AUDIT_ORIGIN, logger });
  notifier.watch(metrics);
  notifier.start();
  parts.add(() => notifier.stop());

  const scans = scanThread(config.KUBECONFIG, registriesIn(config));
  parts.add(() => scans.close());
  const api = await startApi({
    parts: {
      source,
      observer,
      access: {
        config,
        roles: ROLE_TABLE,
        tokenReview: (review) => kube.tokenReview(review),
        subjectAccessReview: (review) => kube.subjectAccessReview(review),
        findSCC: findSCCIn(kube),
        isReady: () => kube.isReady(),
        log: logger,
      },
      signer,
      seals,
      origin: config.AUDIT_ORIGIN,
      ratePerSecond: config.API_RATE_PER_SECOND,
      contradictions,
      readModel,
      logger,
      ...{ isRunning: temporalRuns(temporal), sendCommand: temporalCommands(temporal) },
      campaigns: campaignAuthorsIn(kube, config.ENGINE_SERVICE_ACCOUNT),
      boards: campaignBoardsIn(kube),
      scans: new ScanParts(scans.scan, logger),
      courier,
      signIn: await signInSettings(config),
      temporalUi: temporalUiOf(config),
    },
    host: config.API_HOST,
    port: config.API_PORT,
    keyPair: certificates.current,
    logger,
    served: metrics.served,
    beforeListening: () => room.close(),
  });
  parts.add(() => api.close());
  serving.api = api;
  serve(certificates.current);
  logger.info({ host: config.API_HOST, port: api.port }, 'governance API listening');
}

const checkpointStore = (client: KubeClient): CheckpointStore => ({
  get: (id) => client.get(id),
  apply: (object, options) => client.apply({ ...object }, options),
});

const informersOf =
  (client: KubeClient, logger: Logger): MakeInformer =>
  (kind, onChange) =>
    createInformer({ client, kind, onChange, logger });

async function main(): Promise<void> {
  const config = loadConfig(governanceConfigSchema);
  const logger = createLogger('governance', config.LOG_LEVEL);
  const metrics = new GovernanceMetrics();
  const parts = new Stoppables();
  const stopping = new AbortController();
  let waiting: string | null = 'starting';
  let admission: AdmissionThread | undefined;
  const health = await startHealthServer({
    host: config.HEALTH_HOST,
    port: config.HEALTH_PORT,
    live: async () => (await admission?.alive()) ?? null,
    // A database that is away does not count: restarting or hiding this process would not bring it back.
    ready: async () => (stopping.signal.aborted ? 'stopping' : (waiting ?? (await admission?.ready()) ?? null)),
    metrics: () => metrics.scrape(),
  });
  onShutdown(logger, async () => {
    stopping.abort(new Error('shutdown started'));
    // A load balancer needs a moment to see that readiness is gone.
    await delay(config.DRAIN_MS);
    await parts.stop(logger);
    await health.close();
  });
  try {
    await start({
      config,
      logger,
      metrics,
      parts,
      signal: stopping.signal,
      setWaiting: (reason) => (waiting = reason),
      setAdmission: (started) => (admission = started),
    });
    waiting = null;
  } catch (error) {
    if (stopping.signal.aborted) return;
    logger.fatal({ err: error }, 'startup failed');
    await parts.stop(logger);
    process.exitCode = 1;
    await health.close();
  }
}

await main();
