import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { anchorOf, certificatesIn, type KeyPair } from '@scc/tls';

export type ReviewVerdict = 'allowed' | 'mutated' | 'denied' | 'undecided' | 'not-understood' | 'failed';

/** The webhook's figures about itself. */
export interface AdmissionMetrics {
  readonly registry: Registry;
  answered(path: string, of: { operation: string; verdict: ReviewVerdict; seconds: number }): void;
  /** An HTTP request that was no review at all. */
  refused(status: number): void;
  overBudget(path: string): void;
  drifted(): void;
  hinted(): void;
  certificates(pair: KeyPair): void;
  certificatesFailed(): void;
}

const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3];

export function createMetrics(): AdmissionMetrics {
  const registry = new Registry();
  const registers = [registry];
  const reviews = new Counter({
    name: 'scc_webhook_reviews_total',
    help: 'Admission reviews by endpoint, operation and verdict.',
    labelNames: ['path', 'operation', 'verdict'],
    registers,
  });
  const durations = new Histogram({
    name: 'scc_webhook_review_duration_seconds',
    help: 'From the first byte of a review to its answer.',
    labelNames: ['path'],
    buckets: BUCKETS,
    registers,
  });
  const refusals = new Counter({
    name: 'scc_webhook_refused_total',
    help: 'HTTP requests that were no admission review, by status.',
    labelNames: ['status'],
    registers,
  });
  const late = new Counter({
    name: 'scc_webhook_over_budget_total',
    help: 'Answers that could not be found within the budget.',
    labelNames: ['path'],
    registers,
  });
  const drift = new Counter({
    name: 'scc_webhook_drift_total',
    help: 'Pods that the cluster admitted and the evaluator would not have.',
    registers,
  });
  const hints = new Counter({ name: 'scc_webhook_pod_hints_total', help: 'Pods handed to tracking.', registers });
  const ends = new Gauge({
    name: 'scc_webhook_certificate_end_seconds',
    help: 'When the served certificate and its authority end, in seconds since the epoch.',
    labelNames: ['certificate'],
    registers,
  });
  const failures = new Counter({
    name: 'scc_webhook_certificate_failures_total',
    help: 'Certificates that could not be read, made or published.',
    registers,
  });
  return {
    registry,
    answered: (path, { operation, verdict, seconds }) => {
      reviews.inc({ path, operation, verdict });
      durations.observe({ path }, seconds);
    },
    refused: (status) => refusals.inc({ status }),
    overBudget: (path) => late.inc({ path }),
    drifted: () => drift.inc(),
    hinted: () => hints.inc(),
    certificates: ({ certificate, authorities }) => {
      const [leaf] = certificatesIn(certificate);
      const authority = anchorOf(certificate, authorities, new Date());
      if (leaf) ends.set({ certificate: 'leaf' }, leaf.validToDate.getTime() / 1000);
      if (authority) ends.set({ certificate: 'authority' }, authority.validToDate.getTime() / 1000);
    },
    certificatesFailed: () => failures.inc(),
  };
}
