import type { MetricGate } from '@scc/plan';
import { POLICY_MODULE, type PolicyFunctions } from '@scc/policy';
import { type AllowedHosts, DeadlineThreads, followTrust, HttpClient, jsonOf, messageOf } from '@scc/runtime';
import type { MetricReading, MetricSource } from './prometheus.js';

/** How long a server has to answer, in milliseconds. */
const ANSWER_MS = 10_000;
/** How long an expression may take on an answer, in milliseconds. */
const EXPRESSION_MS = 1_000;
const MAX_BYTES = 256 * 1024;

type WebSource = NonNullable<MetricGate['web']>;

/** An expression of two nested loops can take minutes: never in the thread that heartbeats. */
const expressions = new DeadlineThreads<PolicyFunctions>({
  name: 'web-gates',
  module: POLICY_MODULE,
  deadlineMs: EXPRESSION_MS,
});

/** Why an expression of a gate cannot be evaluated on any answer, or null. */
export const expressionIssue = (source: string): Promise<string | null> => expressions.call('numberIssue', source);

const unjudged = (noData: string): MetricReading => ({ noData, isUnjudged: true });

/**
 * Reads numbers out of answers of servers. Nothing of an answer but that number is shown; a server that does not answer,
 * and an answer that holds no such number, are no data.
 */
export function webReader(
  allowed: AllowedHosts,
  caFile: string | undefined,
): (web: WebSource) => Promise<MetricReading> {
  const { current, forget } = followTrust({ caFile });
  const http = new HttpClient({ trust: current, untrusted: forget, lookup: allowed.lookup, maxBytes: MAX_BYTES });
  return async ({ url: address, value }) => {
    const url = new URL(address);
    if (!allowed.allows(url)) return unjudged(`calls to ${url.host} are not allowed (WEBHOOK_GATE_HOSTS)`);
    let answer;
    try {
      answer = await http.send({ method: 'GET', url, timeoutMs: ANSWER_MS, headers: { accept: 'application/json' } });
    } catch (error) {
      return unjudged(`${url.host} does not answer: ${messageOf(error)}`);
    }
    const { status, text } = answer;
    const body = jsonOf(text);
    if (body === undefined) return { noData: `${url.host} answered ${status} without JSON` };
    try {
      const number = await expressions.call('numberIn', value, { status, body });
      return Number.isNaN(number) ? { noData: 'the expression yields no number' } : { value: number };
    } catch {
      // The reason may quote the answer, which is not for those who read the status of a plan.
      return { noData: `the expression finds no number in the answer of ${url.host} (status ${status})` };
    }
  };
}

/** Metrics with gates among them whose number a server gives. */
export const withWebGates = (
  metrics: MetricSource,
  read: (web: WebSource) => Promise<MetricReading>,
): MetricSource => ({
  ...metrics,
  read: (gate, scope, sinceMs) => (gate.web ? read(gate.web) : metrics.read(gate, scope, sinceMs)),
});
