import type { PlanSpec, Violation } from '@scc/plan';
import type { AllowedHosts } from '@scc/runtime';
import { messageOf } from '@scc/runtime';
import { PrometheusRefuses, type MetricSource } from './prometheus.js';
import { expressionIssue } from './web.js';

export interface GateReview {
  violations: Violation[];
  warnings: string[];
}

/** Which gates of a plan can be asked from this installation. */
export type ReviewGates = (spec: PlanSpec, namespace: string) => Promise<GateReview>;

export interface ReviewOptions {
  allowed: AllowedHosts;
  metrics: MetricSource;
  /** Whether a plan's own query may see more than its namespace. */
  queries: 'confined' | 'any';
}

/**
 * Finds before anything is touched what would end every hold later: hosts that are not allowed, a Prometheus that
 * refuses.
 */
export const reviewGatesWith =
  ({ allowed, metrics, queries }: ReviewOptions): ReviewGates =>
  async ({ gates }, namespace) => {
    const own = gates.metrics.flatMap((gate, index) =>
      gate.query === undefined || queries === 'any' || metrics.isConfined ? [] : [unconfined(gate.name, index)],
    );
    const isAllowed = (url: string): boolean => URL.canParse(url) && allowed.allows(new URL(url));
    const hosts = [
      ...gates.webhooks.flatMap(({ name, url }, index) =>
        isAllowed(url) ? [] : [notAllowed(`webhook gate ${name}`, url, `webhooks[${index}].url`)],
      ),
      ...gates.metrics.flatMap(({ name, web }, index) =>
        web && !isAllowed(web.url) ? [notAllowed(`gate ${name}`, web.url, `metrics[${index}].web.url`)] : [],
      ),
    ];
    const unknown = gates.metrics.flatMap(({ name, preset }, index) =>
      preset === 'request-duration-p99' && metrics.knowsLatency === false ? [withoutLatency(name, index)] : [],
    );
    const asked = gates.metrics.every(({ web }) => web)
      ? { violations: [], warnings: [] }
      : await ask(metrics, namespace);
    const isJudged = asked.violations.length + asked.warnings.length + own.length === 0;
    const wrong = isJudged ? await reviewQueries(metrics, gates.metrics, namespace) : [];
    const webs = await reviewWebs(gates.metrics);
    return {
      violations: [...hosts, ...webs, ...own, ...unknown, ...asked.violations, ...wrong],
      warnings: asked.warnings,
    };
  };

/** Expressions that can be evaluated on no answer. */
async function reviewWebs(gates: PlanSpec['gates']['metrics']): Promise<Violation[]> {
  const refused = await Promise.all(
    gates.map(async ({ name, web }, index): Promise<Violation[]> => {
      const issue = web ? await expressionIssue(web.value) : null;
      if (issue === null) return [];
      return [
        {
          code: 'ExpressionRefused',
          field: `spec.gates.metrics[${index}].web.value`,
          message: `the expression of gate ${name} cannot be evaluated: ${issue}`,
          remedy:
            'Correct it: CEL over `body` and `status` that yields a number, with the functions that policies have.',
        },
      ];
    }),
  );
  return refused.flat();
}

/** Queries that Prometheus refuses would end every hold. */
async function reviewQueries(
  metrics: MetricSource,
  gates: PlanSpec['gates']['metrics'],
  namespace: string,
): Promise<Violation[]> {
  const refused = await Promise.all(
    gates.map(async ({ name, query }, index) => {
      if (query === undefined) return [];
      try {
        await metrics.check(namespace, query);
        return [];
      } catch (error) {
        // One that is away by now is met again by the first hold.
        return error instanceof PrometheusRefuses ? [wrongQuery(name, index, error)] : [];
      }
    }),
  );
  return refused.flat();
}

const wrongQuery = (gate: string, index: number, error: Error): Violation => ({
  code: 'QueryRefused',
  field: `spec.gates.metrics[${index}].query`,
  message: `gate ${gate} cannot be judged: ${error.message}`,
  remedy: 'Try the query in Prometheus and correct it.',
});

function notAllowed(gate: string, url: string, field: string): Violation {
  const host = URL.canParse(url) ? new URL(url).host : url;
  return {
    code: 'WebhookHostNotAllowed',
    field: `spec.gates.${field}`,
    message: `${gate} calls ${host}, which this installation does not allow`,
    remedy: `Name a host that is allowed, or ask the installation's administrator to add ${host} to WEBHOOK_GATE_HOSTS of the worker.`,
  };
}

const unconfined = (gate: string, index: number): Violation => ({
  code: 'QueryNotConfined',
  field: `spec.gates.metrics[${index}].query`,
  message: `gate ${gate} asks a query of its own, and nothing confines its answer to the plan's namespace`,
  remedy:
    "Use a preset, or ask the installation's administrator to set PROMETHEUS_NAMESPACE_PARAMETER (a proxy that enforces the namespace) or PROMETHEUS_PLAN_QUERIES=any.",
});

const withoutLatency = (gate: string, index: number): Violation => ({
  code: 'PresetNotCounted',
  field: `spec.gates.metrics[${index}].preset`,
  message: `gate ${gate} cannot be judged: OpenShift's routers count a mean of latencies, and no p99 (PROMETHEUS_FLAVOUR haproxy)`,
  remedy: 'Replace it by a query over a latency histogram of the application, or leave the gate away.',
});

async function ask(metrics: MetricSource, namespace: string): Promise<GateReview> {
  try {
    await metrics.check(namespace);
    return { violations: [], warnings: [] };
  } catch (error) {
    if (!(error instanceof PrometheusRefuses))
      return { violations: [], warnings: [`metric gates cannot be judged now: ${messageOf(error)}`] };
    const refusal = {
      code: 'PrometheusRefuses',
      field: 'spec.gates.metrics',
      message: `metric gates cannot be judged: ${error.message}`,
      remedy:
        "Ask the installation's administrator to check PROMETHEUS_URL, PROMETHEUS_TOKEN_FILE and PROMETHEUS_CA_FILE of the worker, or leave the metric gates away.",
    };
    return { violations: [refusal], warnings: [] };
  }
}
