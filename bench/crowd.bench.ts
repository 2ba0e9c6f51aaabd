import { PLAN_TYPE, type PlanSpecInput, plansPath } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import type { Stack } from '@scc/dev';
import {
  collectedHeapOf,
  deployWorkloads,
  MIB,
  nameOfWorkload,
  PLAN_SPEC,
  plansOf,
  secondsOf,
  startFleetStack,
  takenBy,
} from './fleet.js';
import type { Bench, BenchResult } from './types.js';

/**
 * Migrations that wait for an approval, and how many move beside them: `CROWD=95,5 npm run bench -- --only crowd` on a
 * small machine. What a migration takes is the slope between a tenth of them and all of them.
 */
const [WAITING = 950, MOVING = 50] = (process.env['CROWD'] ?? '950,50').split(',').map(Number);
const ALL = WAITING + MOVING;
const FIRST = Math.round(ALL / 10);
const TIMEOUT_MS = 15 * 60_000;
const NAMESPACE = 'crowd';
/** Of which the figures tell what they would need. */
const MANY = 10_000;

interface Held {
  resident: number;
  heap: number;
}

/** What the worker holds once nothing but waiting is left to do. */
async function heldBy(stack: Stack): Promise<Held> {
  const heap = await collectedHeapOf(stack);
  return { resident: (await takenBy(stack)).worker, heap };
}

async function create(stack: Stack, from: number, to: number, over: Partial<PlanSpecInput>): Promise<void> {
  const names = Array.from({ length: to - from }, (_none, at) => nameOfWorkload(from + at));
  await Promise.all(
    names.map((name) =>
      stack.api.create(plansPath(NAMESPACE), {
        ...PLAN_TYPE,
        metadata: { name, namespace: NAMESPACE },
        spec: { ...PLAN_SPEC, ...over, workloadRef: { kind: 'Deployment', name } },
      }),
    ),
  );
}

async function until(stack: Stack, type: string, status: string, count: number): Promise<void> {
  await waitFor(
    async () => {
      const plans = await plansOf(stack, NAMESPACE);
      const ended = plans.filter(({ status: { phase } }) => phase === 'Rejected' || phase === 'RolledBack');
      if (ended.length > 0) throw new Error(`a plan ended: ${JSON.stringify(ended[0]?.status).slice(0, 2000)}`);
      const isSo = (one: (typeof plans)[number]): boolean =>
        one.status.conditions?.some((condition) => condition.type === type && condition.status === status) ?? false;
      return plans.filter(isSo).length >= count;
    },
    { timeoutMs: TIMEOUT_MS, everyMs: 500, what: `${count} plans with ${type}=${status}` },
  );
}

const name = 'crowd';

/** A crowd of waiting migrations on the whole stack: what one takes, and how it is for those that move. */
async function run(): Promise<BenchResult[]> {
  const stack = await startFleetStack(ALL, ALL + 10);
  try {
    await deployWorkloads(stack, NAMESPACE, ALL);
    const waits = { approval: { required: true } };
    await create(stack, 0, FIRST, waits);
    await until(stack, 'Approved', 'False', FIRST);
    const few = await heldBy(stack);
    const began = performance.now();
    await create(stack, FIRST, WAITING, waits);
    await until(stack, 'Approved', 'False', WAITING);
    const perSecond = (1000 * (WAITING - FIRST)) / (performance.now() - began);
    const many = await heldBy(stack);
    const moved = performance.now();
    await create(stack, WAITING, ALL, {});
    await until(stack, 'Completed', 'True', MOVING);
    const each = (performance.now() - moved) / MOVING;
    const ones = (await plansOf(stack, NAMESPACE)).flatMap((plan) => secondsOf(plan) ?? []).toSorted((a, b) => a - b);
    const slope = (of: keyof Held): number => (many[of] - few[of]) / (WAITING - FIRST) / MIB;
    const figure = (metric: string, value: number, unit: string): BenchResult => ({ name, metric, value, unit });
    const needed = (few.resident / MIB + slope('resident') * (MANY - FIRST)) / 1024;
    return [
      figure(
        `${FIRST} to ${WAITING} migrations that wait: heap of the worker for each, collected`,
        slope('heap'),
        'MiB',
      ),
      figure(`${FIRST} to ${WAITING} migrations that wait: memory of the worker for each`, slope('resident'), 'MiB'),
      figure(`heap of the worker with ${WAITING}, collected`, many.heap / MIB, 'MiB'),
      figure(`memory of the worker with ${WAITING}`, many.resident / MIB, 'MiB'),
      figure('plans taken up to their approval', perSecond, '1/s'),
      figure(`${MOVING} migrations that move beside them: time for each`, each, 'ms'),
      figure('one of them from its creation to its end, median', ones[Math.floor(ones.length / 2)] ?? Number.NaN, 's'),
      figure(`memory of workers for ${MANY} in memory at once, by that slope`, needed, 'GiB'),
      figure(`taking up ${MANY} plans at that rate`, MANY / perSecond / 60, 'min'),
    ];
  } finally {
    await stack.stop();
  }
}

const bench: Bench = { name, run };
export default bench;
