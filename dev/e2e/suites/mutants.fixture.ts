import { expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { scaled, seedOf } from '@scc/testing/scale';
import { z } from 'zod';
import type { ClusterApi, Stack } from '../../src/index.js';
import { PLANS, TIMEOUT_MS } from '../engine.fixture.js';
import { everything, mutants } from '../mutants.fixture.js';

/** Plans of every shape, by a user who may create plans and nothing else, on the whole stack. */

const SEED = 11;
const PLANS_IN_ALL = 300;
/** As many plans are in the cluster at a time. */
const BATCH = 300;
const AT_ONCE = 8;
const ENDS = new Set(['Rejected', 'Completed', 'RolledBack', 'Failed']);
const plansSchema = z.array(
  z.looseObject({
    metadata: z.looseObject({ name: z.string() }),
    status: z.looseObject({ phase: z.string().optional() }).optional(),
  }),
);

interface Running {
  stack: Stack;
  /** The API as the user sees it. */
  asUser: () => Promise<ClusterApi>;
}

/** Declares the test; the stack is asked for when it runs. */
export function mutatedPlans(running: () => Running): void {
  const api = (): Stack['api'] => running().stack.api;
  const plansOf = async (names: ReadonlySet<string>) =>
    plansSchema.parse((await api().list(PLANS)).items).filter(({ metadata: { name } }) => names.has(name));

  /** Applies the plans; the names of those that were stored: the schema or the webhook refuses the others. */
  async function apply(plans: ReturnType<typeof mutants>): Promise<Set<string>> {
    const user = await running().asUser();
    const stored = new Set<string>();
    const left = plans.values();
    const one = async (): Promise<void> => {
      for (const plan of left)
        await user.create(PLANS, plan).then(
          () => stored.add(plan.metadata.name),
          () => undefined,
        );
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
    return stored;
  }

  async function phasesOf(stored: ReadonlySet<string>): Promise<string[]> {
    const last: { waiting: string[] } = { waiting: [] };
    const ended = async (): Promise<string[] | null> => {
      const plans = await plansOf(stored);
      last.waiting = plans.filter(({ status }) => !ENDS.has(status?.phase ?? '')).map(({ metadata }) => metadata.name);
      return last.waiting.length === 0 ? plans.map(({ status }) => status?.phase ?? '') : null;
    };
    try {
      return await waitFor(ended, { timeoutMs: 4 * TIMEOUT_MS, everyMs: 1_000, what: 'the end of every plan' });
    } catch (error) {
      throw new Error(`these plans do not end: ${last.waiting.slice(0, 20).join(', ')}`, { cause: error });
    }
  }

  async function remove(names: ReadonlySet<string>): Promise<void> {
    for (const name of names) await api().call('DELETE', `${PLANS}/${name}`);
    const isGone = async (): Promise<boolean> => (await plansOf(names)).length === 0;
    await waitFor(isGone, { timeoutMs: TIMEOUT_MS, everyMs: 500, what: 'the plans to be gone' });
  }

  it(
    'are refused, and no object of the cluster changes',
    async () => {
      const plans = mutants(scaled(PLANS_IN_ALL), seedOf(SEED));
      const before = await everything(api());
      const phases = new Set<string>();
      let count = 0;
      for (let from = 0; from < plans.length; from += BATCH) {
        const stored = await apply(plans.slice(from, from + BATCH));
        count += stored.size;
        for (const phase of await phasesOf(stored)) phases.add(phase);
        await remove(stored);
      }
      expect(count).toBeGreaterThan(plans.length / 3);
      expect([...phases]).toEqual(['Rejected']);
      const after = await everything(api());
      expect([...after].filter(([key, object]) => before.get(key) !== object)).toEqual([]);
      expect([...before.keys()].filter((key) => !after.has(key))).toEqual([]);
    },
    scaled(5 * TIMEOUT_MS),
  );
}
