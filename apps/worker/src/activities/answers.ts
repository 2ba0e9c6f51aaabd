import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { GovernanceError, GovernanceUnreachable } from '@scc/governance-api';
import { KubeError, KubeUnreachable } from '@scc/kube';
import { TRIES, WEATHER, type MigrationActivities } from '@scc/migration/contract';
import { ProxiesUnseen, RoutesBehind } from '@scc/routing';
import { messageOf } from '@scc/runtime';
import { KeptByFinalizer } from '../cluster/kept.js';
import { isAnswer, terminal } from '../failures.js';
import { PrometheusAway, PrometheusRefuses } from '../outside/prometheus.js';
import { silentForMs } from './freshness.js';

type Name = keyof MigrationActivities;

/**
 * The API server's authorizer said no, of an object or of a path; an admission plugin or webhook that says no words it
 * otherwise.
 */
const isDenial = (error: unknown): boolean =>
  error instanceof KubeError && error.status === 403 && /(^| is )forbidden: User "[^"]*" cannot /.test(error.message);

/**
 * For so long a denial may come from an API server that has just started and has not read every binding yet, in
 * milliseconds.
 */
const DENIAL_MS = 10_000;

/** How long Temporal's own tries may last before the workflow says what is wrong, in milliseconds. */
const WEATHER_MS = 8_000;
/** These have no step to fail: they are tried until they succeed. */
const PATIENT: ReadonlySet<Name> = new Set<Name>([
  'project',
  'releasePlan',
  'recordedOutcome',
  'settlePlan',
  'takeOver',
  'handOver',
  'recordedAfterwards',
  'lookAfter',
  'revokeLater',
]);

/** A denial that no further try followed for so long is of a migration that has ended, in milliseconds. */
const FORGOTTEN_MS = 3_600_000;

interface Failing {
  attempt: number;
  /** Since the activity was scheduled, in milliseconds. */
  forMs: number;
  /** Since the authorizer first said no, without a success or another error in between, in milliseconds. */
  deniedForMs: number;
  /** Since anything answered it, in milliseconds: one attempt may wait for very long. */
  silentMs?: number;
}

/** Where people look who want a fault to end. */
function remedyFor(error: unknown): string {
  if (error instanceof GovernanceUnreachable) return 'bring governance or its database back';
  if (error instanceof GovernanceError) return 'look at the log of governance and at its database';
  if (error instanceof KubeUnreachable) return 'look whether the API server and the network to it work';
  if (error instanceof KeptByFinalizer) return 'look why the controller of the finalizer does not take it away';
  if (error instanceof ProxiesUnseen) return 'look whether istiod works, and at ISTIOD_DEBUG_URL of the worker';
  if (error instanceof PrometheusAway || error instanceof PrometheusRefuses)
    return 'look whether Prometheus works, and at PROMETHEUS_URL and PROMETHEUS_TOKEN_FILE of the worker';
  if (!(error instanceof KubeError)) return 'look at the log of the worker';
  if (error.status === 401) return "look at the worker's token";
  if (error.status === 409)
    return 'look which client writes the object again and again (kubectl get --show-managed-fields)';
  return error.status === 429
    ? 'look at the load of the API server and its priority levels'
    : 'look at the API server and its webhooks';
}

/**
 * Whether the workflow is told of a fault. Proxies that stay behind end the step after some tries of the activity: each
 * that was handed to the workflow would be the first again.
 */
function hasLasted(error: unknown, { attempt, forMs, silentMs = 0 }: Failing): boolean {
  if (error instanceof RoutesBehind) return false;
  return (attempt > 1 && forMs >= WEATHER_MS) || silentMs >= WEATHER_MS || attempt >= TRIES;
}

/** The faults; parts that do not answer come first. */
const sentenceOf = (error: unknown): string =>
  error instanceof GovernanceUnreachable ? `governance does not answer: ${messageOf(error)}` : messageOf(error);

/**
 * What an activity's error means to the workflow.
 * @param failing how long and how often the activity was tried
 */
export function meaningOf(name: Name, error: unknown, failing: Failing): unknown {
  if (PATIENT.has(name) || error instanceof ApplicationFailure || error instanceof CancelledFailure) return error;
  if (isDenial(error) && failing.deniedForMs < DENIAL_MS) return error;
  if (isAnswer(error)) return terminal('refused', messageOf(error));
  if (!hasLasted(error, failing)) return error;
  return ApplicationFailure.nonRetryable(sentenceOf(error), WEATHER, {
    tries: failing.attempt,
    remedy: remedyFor(error),
  });
}

/** When the authorizer first said no to an activity of a workflow run, on the monotonic clock in milliseconds. */
export class DenialClock {
  private readonly since = new Map<string, number>();

  /** How long the denial lasts, in milliseconds; 0 when `error` is none. */
  lasting(key: string, error: unknown, nowMs: number): number {
    if (!isDenial(error)) {
      this.since.delete(key);
      return 0;
    }
    for (const [other, atMs] of this.since) if (nowMs - atMs > FORGOTTEN_MS) this.since.delete(other);
    const sinceMs = this.since.get(key) ?? nowMs;
    this.since.set(key, sinceMs);
    return nowMs - sinceMs;
  }

  /** Forgets the denials of a key: it was allowed. */
  end(key: string): void {
    this.since.delete(key);
  }
}

/** Runs an activity; an answer ends it with the server's sentence, a fault that lasts is handed to the workflow. */
export function meaningGiver(): <T>(name: Name, work: () => Promise<T>) => Promise<T> {
  const denials = new DenialClock();
  return async (name, work) => {
    const { attempt, scheduledTimestampMs, workflowExecution } = activityInfo();
    const key = `${workflowExecution?.runId ?? ''}/${name}`;
    try {
      const result = await work();
      denials.end(key);
      return result;
    } catch (error) {
      const deniedForMs = denials.lasting(key, error, performance.now());
      const forMs = Date.now() - scheduledTimestampMs;
      throw meaningOf(name, error, { attempt, forMs, deniedForMs, silentMs: silentForMs() });
    }
  };
}
