import { Agent, request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { aPod, podReview } from '@scc/admission/testing';

/** Reviews that the benchmarks send in a second. */
const PER_SECOND = 500;
export const CONNECTIONS = 8;

/** Where a webhook listens on the loopback. */
export interface ReviewTarget {
  readonly agent: Agent;
  readonly port: number;
}

export const reviewTargetOf = (port: number, ca: string): ReviewTarget => ({
  port,
  agent: new Agent({ keepAlive: true, maxSockets: CONNECTIONS, ca }),
});

const ordinary = (namespace: string) =>
  aPod({
    metadata: { namespace },
    spec: {
      containers: Array.from({ length: 2 }, (_none, index) => ({
        name: `app-${index}`,
        image: 'registry.example.org/shop/ledger:1.4.2',
        env: Array.from({ length: 20 }, (_also, at) => ({ name: `SETTING_${at}`, value: 'some value that is set' })),
        ports: [{ name: 'http', containerPort: 8080, protocol: 'TCP' }],
        resources: { requests: { cpu: '50m', memory: '32Mi' } },
        livenessProbe: { httpGet: { path: '/livez', port: 'http', scheme: 'HTTP' }, periodSeconds: 10 },
      })),
      volumes: [{ name: 'kube-api-access', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }],
    },
  });

/** A review of a pod of ordinary size, 3.5 KB. */
export const reviewIn = (namespace: string): Buffer =>
  Buffer.from(JSON.stringify(podReview(ordinary(namespace), { namespace })));

/** Posts one review. @returns whether it was answered with 200 */
export function post({ port, agent }: ReviewTarget, body: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        servername: 'localhost',
        port,
        path: '/mutate/pods?timeout=3s',
        method: 'POST',
        agent,
        headers: { 'content-type': 'application/json', 'content-length': body.length },
      },
      (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode === 200));
      },
    );
    outgoing.once('error', () => resolve(false));
    outgoing.end(body);
  });
}

/** Milliseconds of each review, and how many were not answered. */
export interface Driven {
  readonly latencies: number[];
  readonly failed: number;
}

/** An open loop: each review has its time, and a slow answer counts from there. */
export async function drive(target: ReviewTarget, forMs: number, body: Buffer): Promise<Driven> {
  const latencies: number[] = [];
  let failed = 0;
  const began = performance.now();
  const calls: Promise<void>[] = [];
  for (let sent = 0; sent < (PER_SECOND * forMs) / 1000; sent += 1) {
    const due = began + (sent * 1000) / PER_SECOND;
    const wait = due - performance.now();
    if (wait > 1) await delay(wait);
    // A timer may end a little early: then the review counts from when it was sent.
    const from = Math.min(due, performance.now());
    calls.push(
      post(target, body).then((isFine) => {
        latencies.push(performance.now() - from);
        if (!isFine) failed += 1;
      }),
    );
  }
  await Promise.all(calls);
  return { latencies, failed };
}

/** @param sorted ascending */
export const sampleAt = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
