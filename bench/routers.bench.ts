import path from 'node:path';
import {
  deployRouted,
  removeRouted,
  ROOT,
  type Routed,
  routersHere,
  type Stack,
  startLoad,
  startRouter,
  startStack,
  streamTo,
} from '@scc/dev';
import { PLAN_TYPE, type PlanSpecInput, plansPath } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { plansOf } from './fleet.js';
import type { Bench, BenchResult } from './types.js';

/** What clients wait for while a workload is migrated, against before: each router by itself on the whole stack. */

/** Requests a second to the workload. */
const RATE = 100;
/** Requests before any is measured, and the least that are measured before a migration and from its beginning on. */
const WARM_UP = 1_000;
const MEASURED = 3_000;
const TIMEOUT_MS = 240_000;
const NAMESPACE = 'shop';
const PLANS = plansPath(NAMESPACE);
const SPEC = {
  targetSCC: 'restricted-v2',
  traffic: { mirror: { duration: '0s' }, weights: [25, 50, 100], interval: '5s' },
  gates: { metrics: [], readiness: { timeout: '60s' } },
} satisfies Partial<PlanSpecInput>;

const name = 'routers';

async function isCompleted(stack: Stack, plan: string): Promise<boolean> {
  const status = (await plansOf(stack, NAMESPACE)).find(({ metadata }) => metadata.name === plan)?.status;
  return status?.phase === 'Completed';
}

async function migrated(stack: Stack, workload: Routed): Promise<BenchResult[]> {
  await deployRouted(stack, workload);
  let sent = 0;
  const load = await startLoad(stack, { streams: [streamTo(workload, RATE)] }, ({ totalRequests }) => {
    sent = totalRequests;
  });
  const sentSince = (from: number, count: number): Promise<unknown> =>
    waitFor(() => sent - from >= count, { timeoutMs: TIMEOUT_MS, what: `${count} requests by ${workload.router}` });
  await sentSince(sent, WARM_UP);
  await load.beginWindow('before');
  await sentSince(sent, MEASURED);
  await load.beginWindow('during');
  const from = sent;
  const spec: PlanSpecInput = { ...SPEC, workloadRef: { kind: 'Deployment', name: workload.name } };
  await stack.api.create(PLANS, { ...PLAN_TYPE, metadata: { name: workload.name, namespace: NAMESPACE }, spec });
  await waitFor(() => isCompleted(stack, workload.name), {
    ...{ timeoutMs: TIMEOUT_MS, everyMs: 250, what: `the migration by ${workload.router} to complete` },
  });
  await sentSince(from, MEASURED);
  const { windows, total } = await load.stop();
  await removeRouted(stack, workload);
  if (total.failed > 0) throw new Error(`${workload.router}: ${total.failed} of ${total.requests} requests failed`);
  const p99Of = (label: string): number => windows.find((one) => one.label === label)?.p99Ms ?? Number.NaN;
  const [reference, value] = [p99Of('before'), p99Of('during')];
  const metric = `p99 of requests while a workload is migrated by ${workload.router}, against before`;
  return [{ name, metric, value, unit: 'ms', reference, ratio: value / reference }];
}

async function run(): Promise<BenchResult[]> {
  const stack = await startStack({ served: [NAMESPACE] });
  try {
    const samples = path.join(ROOT, 'dev', 'samples');
    await stack.apply(path.join(samples, '00-shop.yaml'));
    await stack.apply(path.join(samples, 'gateway-api', 'gateway.yaml'));
    const openShift = await startRouter(stack);
    const results: BenchResult[] = [];
    for (const [index, router] of routersHere().entries())
      results.push(...(await migrated(stack, { name: `bench-${router}`, router, address: `10.96.92.${index + 1}` })));
    await openShift?.stop();
    return results;
  } finally {
    await stack.stop();
  }
}

const bench: Bench = { name, run };
export default bench;
