import { expect, it } from '@jest/globals';
import { pause, waitFor } from '@scc/runtime';
import { scaled, seedOf } from '@scc/testing/scale';
import { z } from 'zod';
import type { ClusterApi, Stack } from '../../src/index.js';
import { PLANS, TIMEOUT_MS } from '../engine.fixture.js';
import { everything, mutants } from '../mutants.fixture.js';

/** Plans of every shape, by a user who may create plans and nothing else, on the whole stack. */

const SEED = 11;
const PLANS_IN_ALL = 300;
/** As many plans are in the cluster at a time: the next one comes as soon as one has ended and is deleted. */
const AT_ONCE = 60;
const LOOK_MS = 300;
const ENDS = new Set(['Rejected', 'Completed', 'RolledBack', 'Failed']);
const plansSchema = z.array(
  z.looseObject({
    metadata: z.looseObject({ name: z.string(), finalizers: z.array(z.string()).default([]) }),
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

  /** Looks at all plans, again and again, until it is stopped. */
  function startLooking() {
    const stopping = new AbortController();
    let ends = new Map<string, string>();
    let seen: z.infer<typeof plansSchema> = [];
    const looking = (async () => {
      while (!stopping.signal.aborted) {
        const plans = plansSchema.parse((await api().list(PLANS)).items);
        seen = plans;
        ends = new Map(
          plans.flatMap(({ metadata: { name, finalizers }, status: { phase = '' } = {} }) =>
            ENDS.has(phase) && finalizers.length === 0 ? [[name, phase]] : [],
          ),
        );
        await pause(LOOK_MS, stopping.signal);
      }
    })();
    // It is thrown to whoever stops it.
    looking.catch(() => undefined);
    /** The phase in which a plan ends, once nothing holds the plan any more. */
    const ended = (name: string): Promise<string> =>
      waitFor(() => Promise.resolve(ends.get(name) ?? null), {
        ...{ timeoutMs: 4 * TIMEOUT_MS, everyMs: LOOK_MS, what: `the end of ${name}` },
      }).catch((error: unknown) => {
        const plan = seen.find(({ metadata }) => metadata.name === name);
        throw new Error(`${name} has not ended: ${JSON.stringify(plan)}`, { cause: error });
      });
    const stop = async (): Promise<void> => {
      stopping.abort();
      await looking;
    };
    return { ended, stop };
  }

  /** Has each plan end in the cluster; those that the schema or the webhook refuses are not stored. */
  async function tryAll(plans: ReturnType<typeof mutants>): Promise<{ stored: Set<string>; phases: Set<string> }> {
    const user = await running().asUser();
    const [stored, phases] = [new Set<string>(), new Set<string>()];
    const left = plans.values();
    const looks = startLooking();
    const one = async (): Promise<void> => {
      for (const plan of left) {
        const { name } = plan.metadata;
        const isStored = await user.create(PLANS, plan).then(
          () => true,
          () => false,
        );
        if (!isStored) continue;
        stored.add(name);
        phases.add(await looks.ended(name));
        await api().call('DELETE', `${PLANS}/${name}`);
      }
    };
    try {
      await Promise.all(Array.from({ length: AT_ONCE }, one));
    } finally {
      await looks.stop();
    }
    return { stored, phases };
  }

  async function untilGone(names: ReadonlySet<string>): Promise<void> {
    const isGone = async (): Promise<boolean> =>
      plansSchema.parse((await api().list(PLANS)).items).every(({ metadata: { name } }) => !names.has(name));
    await waitFor(isGone, { timeoutMs: TIMEOUT_MS, everyMs: 500, what: 'the plans to be gone' });
  }

  it(
    'are refused, and no object of the cluster changes',
    async () => {
      const plans = mutants(scaled(PLANS_IN_ALL), seedOf(SEED));
      const before = await everything(api());
      const { stored, phases } = await tryAll(plans);
      await untilGone(stored);
      expect(stored.size).toBeGreaterThan(plans.length / 3);
      expect([...phases]).toEqual(['Rejected']);
      const after = await everything(api());
      expect([...after].filter(([key, object]) => before.get(key) !== object)).toEqual([]);
      expect([...before.keys()].filter((key) => !after.has(key))).toEqual([]);
    },
    scaled(5 * TIMEOUT_MS),
  );
}
