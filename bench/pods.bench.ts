import {
  domainDatabase,
  EVERYWHERE,
  findPods,
  type PodNews,
  type PodObservation,
  trackPods,
} from '@scc/governance/testing';
import type { Bench, BenchResult } from './types.js';

const PODS = 100_000;
const BATCH = 500;
const QUERIES = 500;

const pod = (number: number, scc: string): PodObservation => ({
  uid: `pod-${number}`,
  namespace: `ns-${number % 200}`,
  name: `ledger-${number}`,
  scc,
  subjectType: 'serviceaccount',
  image: 'registry/ledger:1',
  node: `node-${number % 300}`,
  ownerKind: 'Deployment',
  ownerName: `ledger-${number % 5000}`,
  plan: null,
});

type Write = (news: PodNews[]) => Promise<void>;

/** Pods per second over all batches, one writer, durable commits. */
async function ingest(write: Write, sccOf: (number: number) => string): Promise<number> {
  const start = performance.now();
  for (let first = 0; first < PODS; first += BATCH)
    await write(
      Array.from({ length: BATCH }, (_none, at) => ({
        type: 'seen',
        pod: pod(first + at, sccOf(first + at)),
        at: new Date(),
      })),
    );
  return PODS / ((performance.now() - start) / 1000);
}

/** News of 100,000 pods written in batches, twice, and then one question asked among them. */
async function run(): Promise<BenchResult[]> {
  const database = await domainDatabase({ fsync: 'on', shared_buffers: '128MB' });
  try {
    const write: Write = (news) => trackPods(database.app, news);
    const added = await ingest(write, (number) => (number % 1000 === 0 ? 'anyuid' : 'restricted'));
    const changed = await ingest(write, (number) => (number % 1000 === 0 ? 'anyuid' : 'restricted-v2'));
    await database.admin.query('vacuum analyze tracked_pod');
    const times: number[] = [];
    for (let number = 0; number < QUERIES; number += 1) {
      const start = performance.now();
      const found = await findPods(
        database.app,
        { scc: 'anyuid', running: true },
        { limit: 100, after: null, scope: EVERYWHERE },
      );
      if (found.length !== PODS / 1000) throw new Error(`${found.length} pods were found under anyuid`);
      times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    return [
      { name: 'pod-tracking', metric: 'new pods', value: added, unit: '/s' },
      { name: 'pod-tracking', metric: 'changed pods', value: changed, unit: '/s' },
      { name: 'pods-by-scc', metric: 'p50', value: times[Math.floor(QUERIES * 0.5)] ?? 0, unit: 'ms' },
      { name: 'pods-by-scc', metric: 'p99', value: times[Math.floor(QUERIES * 0.99)] ?? 0, unit: 'ms' },
    ];
  } finally {
    await database.close();
  }
}

const bench: Bench = { name: 'pods', run };
export default bench;
