import { AllowedHosts } from '@scc/runtime';
import type { z } from 'zod';
import type { workerConfigSchema } from '../config.js';
import { noMetrics, prometheusMetrics } from './prometheus.js';
import { reviewGatesWith } from './review.js';
import { webReader, withWebGates } from './web.js';

type Settings = z.infer<typeof workerConfigSchema>;

/** Who gates may ask, as the settings of this installation say, and which gates of a plan that lets ask. */
export function gateSources(config: Settings) {
  const allowed = new AllowedHosts(config.WEBHOOK_GATE_HOSTS, config.WEBHOOK_GATE_NETWORKS);
  const counted = config.PROMETHEUS_URL
    ? prometheusMetrics({
        url: config.PROMETHEUS_URL,
        flavour: config.PROMETHEUS_FLAVOUR,
        caFile: config.PROMETHEUS_CA_FILE,
        tokenFile: config.PROMETHEUS_TOKEN_FILE,
        headers: config.PROMETHEUS_HEADERS,
        namespaceParameter: config.PROMETHEUS_NAMESPACE_PARAMETER,
      })
    : noMetrics;
  const metrics = withWebGates(counted, webReader(allowed, config.WEBHOOK_GATE_CA_FILE));
  const reviewGates = reviewGatesWith({ allowed, metrics, queries: config.PROMETHEUS_PLAN_QUERIES });
  return { allowed, metrics, reviewGates };
}
