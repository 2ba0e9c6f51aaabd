import { connectKube, createInformer } from '@scc/kube';
import { commonConfig, createLogger, loadConfig, onShutdown, startHealthServer } from '@scc/runtime';
import { startTracing, tracingConfig } from '@scc/runtime/tracing';
import { z } from 'zod';
import { admissionConfigOf, admissionSettings, startAdmission } from '@scc/admission';
import { CERTIFICATES_MISSING, governanceConfigSchema, namesCertificates } from './config.js';

/**
 * The admission webhook as a process of its own, without database and API. It decides the same; pods are then tracked
 * by the governance process alone.
 */
const { WEBHOOK_HOST, WEBHOOK_PORT, TLS_DIR, SCC_MODE, DRAIN_MS, ENGINE_SERVICE_ACCOUNT } =
  governanceConfigSchema.shape;
const variables = z.object({
  ...commonConfig,
  ...admissionSettings,
  ...tracingConfig,
  WEBHOOK_HOST,
  WEBHOOK_PORT,
  TLS_DIR,
  SCC_MODE,
  DRAIN_MS,
  ENGINE_SERVICE_ACCOUNT,
});

const config = loadConfig(variables.refine(namesCertificates, CERTIFICATES_MISSING));
const logger = createLogger('webhook', config.LOG_LEVEL);
const tracing = await startTracing(config, 'scc-webhook', logger);
const client = await connectKube({
  ...(config.KUBECONFIG === undefined ? {} : { kubeconfig: config.KUBECONFIG }),
  userAgent: 'scc-webhook',
});
const admission = await startAdmission({
  config: admissionConfigOf(config),
  client,
  makeInformer: (kind, onChange) => createInformer({ client, kind, onChange, logger }),
  logger,
  onPod: () => undefined,
  onWrite: () => undefined,
});
const health = await startHealthServer({
  host: config.HEALTH_HOST,
  port: config.HEALTH_PORT,
  live: () => null,
  ready: () => admission.ready(),
  metrics: async () => ({ contentType: admission.metrics.contentType, body: await admission.metrics.metrics() }),
});
onShutdown(
  logger,
  async () => {
    await admission.stop();
    await health.close();
    client.close();
    await tracing?.stop();
  },
  config.DRAIN_MS + 30_000,
);
