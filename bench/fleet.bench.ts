import { CAMPAIGN_TYPE, type CampaignSpecInput, campaignStatusSchema } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import type { Stack } from '@scc/dev';
import { z } from 'zod';
import {
  collectedHeapOf,
  deployWorkloads,
  MIB,
  mostDuring,
  PLAN_SPEC,
  plansOf,
  secondsOf,
  startFleetStack,
  takenBy,
  type Taken,
  nameOfWorkload,
} from './fleet.js';
import type { Bench, BenchResult } from './types.js';

/** Sizes of the campaigns, one after the other on one stack: `FLEET_PLANS=4,8 npm run bench -- --only fleet`. */
const SIZES = (process.env['FLEET_PLANS'] ?? '50,100,200').split(',').map(Number);
const AT_ONCE = 20;
const WAVES = 4;
const TIMEOUT_MS = 20 * 60_000;
const CAMPAIGNS = `/apis/${CAMPAIGN_TYPE.apiVersion}/sccmigrationcampaigns`;
const campaignSchema = z.looseObject({ status: campaignStatusSchema.prefault({}) });

interface Measured {
  plans: number;
  /** Milliseconds of the whole campaign for each plan. */
  each: number;
  /** Median of the seconds of one plan from its creation to its end. */
  one: number;
  before: Taken;
  most: Taken;
  /** Bytes of the worker's heap after a full collection, before and after. */
  heap: { before: number; after: number };
}

async function completed(stack: Stack, name: string, plans: number): Promise<void> {
  let last: unknown;
  await waitFor(
    async () => {
      const { status } = campaignSchema.parse(await stack.api.get(`${CAMPAIGNS}/${name}`));
      last = status;
      if ((status.counts?.failed ?? 0) > 0 || (status.counts?.left ?? 0) > 0)
        throw new Error(`not every plan completes: ${JSON.stringify(status).slice(0, 2000)}`);
      return status.phase === 'Completed' && status.counts?.completed === plans;
    },
    { timeoutMs: TIMEOUT_MS, everyMs: 250, what: `the campaign of ${plans} to complete` },
  ).catch((error: unknown) => {
    throw new Error(JSON.stringify(last).slice(0, 2000), { cause: error });
  });
}

async function campaignOf(stack: Stack, plans: number): Promise<Measured> {
  const namespace = `fleet-${plans}`;
  await deployWorkloads(stack, namespace, plans);
  const spec: CampaignSpecInput = {
    workloads: Array.from({ length: plans }, (_one, at) => ({
      ...{ namespace, kind: 'Deployment', name: nameOfWorkload(at) },
      wave: 1 + (at % WAVES),
    })),
    template: { traffic: PLAN_SPEC.traffic, gates: PLAN_SPEC.gates },
    ...{ maxConcurrent: AT_ONCE, soak: '0s', failureBudget: 0 },
  };
  const heap = { before: await collectedHeapOf(stack), after: 0 };
  const before = await takenBy(stack);
  const began = performance.now();
  await stack.api.create(CAMPAIGNS, { ...CAMPAIGN_TYPE, metadata: { name: namespace }, spec });
  const { most } = await mostDuring(stack, completed(stack, namespace, plans));
  const each = (performance.now() - began) / plans;
  heap.after = await collectedHeapOf(stack);
  const durations = (await plansOf(stack, namespace))
    .flatMap((plan) => secondsOf(plan) ?? [])
    .toSorted((a, b) => a - b);
  return { plans, each, one: durations[Math.floor(durations.length / 2)] ?? Number.NaN, before, most, heap };
}

const name = 'fleet';

function figuresOf({ plans, each, one, before, most, heap }: Measured): BenchResult[] {
  const of = (what: string): string => `${plans} plans, ${AT_ONCE} at once: ${what}`;
  return [
    { name, metric: of('time for each'), value: each, unit: 'ms' },
    { name, metric: of('one plan from its creation to its end, median'), value: one, unit: 's' },
    { name, metric: of('memory of the worker at most'), value: most.worker / MIB, unit: 'MiB' },
    { name, metric: of('heap of the worker afterwards, collected'), value: heap.after / MIB, unit: 'MiB' },
    {
      ...{ name, metric: of('heap of the worker that stays for each'), unit: 'KiB' },
      value: (heap.after - heap.before) / plans / 1024,
    },
    { name, metric: of('memory of PostgreSQL at most'), value: most.database / MIB, unit: 'MiB' },
    { name, metric: of('tables for each plan'), value: (most.tables - before.tables) / plans / 1024, unit: 'KiB' },
  ];
}

/** What the larger campaign takes for each plan against the smaller one: 1 is linear. */
function growthOf(small: Measured, large: Measured): BenchResult[] {
  const tablesOf = ({ plans, before, most }: Measured): number => (most.tables - before.tables) / plans / 1024;
  const growth = (what: string, value: number, reference: number, unit: string): BenchResult => ({
    ...{ name, metric: `${large.plans} plans against ${small.plans}: ${what}`, value, unit },
    ...{ reference, ratio: value / reference },
  });
  return [
    growth('time for each', large.each, small.each, 'ms'),
    growth('tables for each', tablesOf(large), tablesOf(small), 'KiB'),
    growth('memory of the worker', large.most.worker / MIB, small.most.worker / MIB, 'MiB'),
    growth('memory of PostgreSQL', large.most.database / MIB, small.most.database / MIB, 'MiB'),
  ];
}

/** Campaigns on the whole stack: what a plan takes, and whether more plans take as much each. */
async function run(): Promise<BenchResult[]> {
  const most = Math.max(...SIZES);
  // The workloads of all campaigns stay.
  const stack = await startFleetStack(
    SIZES.reduce((sum, size) => sum + size),
    200,
  );
  try {
    const measured: Measured[] = [];
    // Whatever is compiled and read once belongs to no size.
    await campaignOf(stack, Math.min(WAVES, most - 1));
    for (const size of SIZES) {
      measured.push(await campaignOf(stack, size));
      console.error(`fleet: ${JSON.stringify(measured.at(-1))}`);
    }
    return [
      ...measured.flatMap(figuresOf),
      ...measured.slice(1).flatMap((large, at) => {
        const small = measured[at];
        return small ? growthOf(small, large) : [];
      }),
    ];
  } finally {
    await stack.stop();
  }
}

const bench: Bench = { name, run };
export default bench;
