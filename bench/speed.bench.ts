import { PLAN_TYPE, type PlanSpecInput, plansPath } from '@scc/plan';
import { deploySamples, type Stack, waitForDeployments } from '@scc/dev';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { workflowEvents, type Spent, spentIn } from './activity-times.js';
import { deployWorkloads, nameOfWorkload, PLAN_SPEC, plansOf, startFleetStack } from './fleet.js';
import type { Bench, BenchResult } from './types.js';

/**
 * How soon a plan is taken up, and how long a migration takes beside what its pods take when the same is done by hand:
 * another set of pods starts, the workload's own are replaced, the others go.
 */

const ROUNDS = 10;
const AT_ONCE = 20;
const TIMEOUT_MS = 10 * 60_000;
const CROWD = 'at-once';
const SHOP = 'shop';
const ROUTED = 'ledger';

const deploymentsOf = (namespace: string): string => `/apis/apps/v1/namespaces/${namespace}/deployments`;
const deploymentSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    selector: z.looseObject({ matchLabels: z.record(z.string(), z.string()) }),
    template: z.looseObject({ metadata: z.looseObject({ labels: z.record(z.string(), z.string()) }) }),
  }),
});

const medianOf = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

function apply(stack: Stack, namespace: string, name: string, spec: PlanSpecInput): Promise<unknown> {
  return stack.api.create(plansPath(namespace), { ...PLAN_TYPE, metadata: { name, namespace }, spec });
}

/** Milliseconds from before an object is created to when a watch shows it as wanted. */
async function untilSeen(
  stack: Stack,
  path: string,
  create: () => Promise<unknown>,
  isWanted: (object: unknown) => boolean,
): Promise<number> {
  const { resourceVersion } = await stack.api.list(path);
  const ended = new AbortController();
  const seen = (async (): Promise<number> => {
    for await (const { object } of stack.api.watch(path, resourceVersion, ended.signal))
      if (isWanted(object)) return performance.now();
    throw new Error(`the watch of ${path} ended`);
  })();
  const began = performance.now();
  await create();
  const at = await seen;
  ended.abort();
  return at - began;
}

const isCalled = (name: string, object: unknown): boolean =>
  z.looseObject({ metadata: z.looseObject({ name: z.string() }) }).parse(object).metadata.name === name;

/** From `kubectl apply` to the first phase, beside one write of the API server as a watch shows it. */
async function takenUp(stack: Stack): Promise<BenchResult> {
  const plans: number[] = [];
  const writes: number[] = [];
  const configMaps = `/api/v1/namespaces/${CROWD}/configmaps`;
  for (let round = 0; round < ROUNDS; round++) {
    const name = `seen-${round}`;
    const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: CROWD } };
    const write = (): Promise<unknown> => stack.api.create(configMaps, configMap);
    writes.push(await untilSeen(stack, configMaps, write, (object) => isCalled(name, object)));
    const spec = { ...PLAN_SPEC, workloadRef: { kind: 'Deployment', name: nameOfWorkload(0) }, dryRun: true } as const;
    const status = z.looseObject({ status: z.looseObject({ phase: z.string().optional() }).optional() });
    plans.push(
      await untilSeen(
        stack,
        plansPath(CROWD),
        () => apply(stack, CROWD, name, spec),
        (object) => isCalled(name, object) && status.parse(object).status?.phase !== undefined,
      ),
    );
    await ended(stack, CROWD, [name]);
  }
  const [value, reference] = [medianOf(plans), medianOf(writes)];
  const metric = 'plan applied until its first phase is seen, beside an object that is written and seen';
  return { name, metric, value, unit: 'ms', reference, ratio: value / reference };
}

async function ended(stack: Stack, namespace: string, names: readonly string[]): Promise<void> {
  await waitFor(
    async () => {
      const plans = (await plansOf(stack, namespace)).filter(({ metadata }) => names.includes(metadata.name));
      const failed = plans.find(({ status: { phase } }) => phase === 'Rejected' || phase === 'RolledBack');
      if (failed) throw new Error(`a plan does not complete: ${JSON.stringify(failed.status).slice(0, 2000)}`);
      return plans.length === names.length && plans.every(({ status: { phase } }) => phase === 'Completed');
    },
    { timeoutMs: TIMEOUT_MS, everyMs: 50, what: `${names.length} plans to complete` },
  );
}

/** Whether every pod of these workloads is ready and of the last template, and no other pod of theirs is left. */
async function settled(stack: Stack, namespace: string): Promise<void> {
  await waitForDeployments(stack.api, namespace, TIMEOUT_MS);
  const pod = z.looseObject({ metadata: z.looseObject({ deletionTimestamp: z.string().optional() }) });
  await waitFor(
    async () =>
      (await stack.api.list(`/api/v1/namespaces/${namespace}/pods`)).items.every(
        (item) => pod.parse(item).metadata.deletionTimestamp === undefined,
      ),
    { timeoutMs: TIMEOUT_MS, everyMs: 50, what: 'the last pods to go' },
  );
}

/** What the pods of a migration do, done by hand: as many others start, the own ones are replaced, the others go. */
async function byHand(stack: Stack, namespace: string, names: readonly string[], hasCanary: boolean): Promise<number> {
  const path = deploymentsOf(namespace);
  const copies = await Promise.all(
    names.map(async (name) => {
      const { spec } = deploymentSchema.parse(await stack.api.get(`${path}/${name}`));
      const labels = { 'bench-copy': name };
      const template = { ...spec.template, metadata: { labels } };
      const metadata = { name: `${name}-copy`, namespace };
      return {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata,
        spec: { ...spec, template, selector: { matchLabels: labels } },
      };
    }),
  );
  const again = { spec: { template: { metadata: { annotations: { 'bench-round': new Date().toISOString() } } } } };
  return timed(async () => {
    if (hasCanary) {
      await Promise.all(copies.map((copy) => stack.api.create(path, copy)));
      await waitForDeployments(stack.api, namespace, TIMEOUT_MS);
    }
    await Promise.all(names.map((name) => stack.api.merge(`${path}/${name}`, again)));
    await waitForDeployments(stack.api, namespace, TIMEOUT_MS);
    if (hasCanary)
      await Promise.all(copies.map(({ metadata }) => stack.api.call('DELETE', `${path}/${metadata.name}`)));
    await settled(stack, namespace);
  });
}

const name = 'speed';

async function moved(stack: Stack, namespace: string, names: readonly string[], what: string): Promise<BenchResult> {
  const reference = await byHand(stack, namespace, names, namespace === SHOP);
  const value = await timed(async () => {
    await Promise.all(
      names.map((one) =>
        apply(stack, namespace, one, { ...PLAN_SPEC, workloadRef: { kind: 'Deployment', name: one } }),
      ),
    );
    await ended(stack, namespace, names);
  });
  const metric = `${what}, beside their pods' own time by hand`;
  return { name, metric, value: value / 1000, unit: 's', reference: reference / 1000, ratio: value / reference };
}

/** Of the stack's Temporal. */
const TEMPORAL_NAMESPACE = 'scc';
const PARTS: Record<Spent, string> = {
  pods: 'waiting for pods to be ready',
  silence: 'waiting until no request is under way, and for the pods of the canary to go',
  verification: 'dividing requests, verified in the proxies, and holding',
  rest: 'everything else: facts, governance, grants, Temporal',
};

/** What the time of a migration was spent on. */
async function parts(stack: Stack, namespace: string, plan: string): Promise<BenchResult[]> {
  const found = (await plansOf(stack, namespace)).find(({ metadata }) => metadata.name === plan);
  const { workflowId = '' } = found?.status ?? {};
  const spent = spentIn(await workflowEvents(stack.addresses.temporal, TEMPORAL_NAMESPACE, workflowId));
  return (Object.keys(PARTS) as Spent[]).map((part) => ({
    ...{ name, metric: `of it, ${PARTS[part]}`, value: spent[part] / 1000, unit: 's' },
  }));
}

async function run(): Promise<BenchResult[]> {
  const stack = await startFleetStack(AT_ONCE + 60, 200, { mesh: true });
  try {
    await deployWorkloads(stack, CROWD, AT_ONCE);
    await deploySamples(stack);
    const crowd = Array.from({ length: AT_ONCE }, (_none, at) => nameOfWorkload(at));
    const measures = [
      async () => [await takenUp(stack)],
      async () => [await moved(stack, SHOP, [ROUTED], 'three pods behind a route, without holds')],
      () => parts(stack, SHOP, ROUTED),
      async () => [await moved(stack, CROWD, crowd, `${AT_ONCE} plans at once`)],
    ];
    const results: BenchResult[] = [];
    for (const measure of measures) {
      const measured = await measure();
      results.push(...measured);
      for (const one of measured) console.error(`speed: ${JSON.stringify(one)}`);
    }
    return results;
  } finally {
    await stack.stop();
  }
}

const bench: Bench = { name, run };
export default bench;
