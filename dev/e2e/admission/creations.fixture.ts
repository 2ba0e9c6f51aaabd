import { setTimeout as delay } from 'node:timers/promises';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { messageOf } from '@scc/runtime';
import type { Stack } from '../../src/index.js';
import { aPod, createPod, parsePod } from '../../src/webhook.fixture.js';

/** The results of pods that were created one after the other. */
export interface Outcomes {
  /** Pods that may run, and were admitted under their SCC. */
  admitted: number;
  /** Pods that may not, and were refused for that. */
  refused: number;
  /** Everything else, counted by what was said: calls that failed, pods that passed undecided. */
  wrong: Record<string, number>;
}

export interface Creations {
  readonly outcomes: Outcomes;
  /** Ends them, once every answer is there. @returns creations per second, as they really were */
  stop: () => Promise<number>;
}

const IN_FLIGHT = 32;
const TICK_MS = 10;

/**
 * Creates pods at a steady rate, or at the highest one that the machine can do: four in five may run, one in five is
 * real and stays unscheduled, the others are dry runs.
 * @param rate per second
 */
export function startCreations(stack: Stack, { namespace, rate }: { namespace: string; rate: number }): Creations {
  const outcomes: Outcomes = { admitted: 0, refused: 0, wrong: {} };
  const api = stack.apiAs(readFileSync(path.join(stack.stateDir, 'tokens', 'admin'), 'utf8'), IN_FLIGHT);
  const inFlight = new Set<Promise<void>>();
  const stopping = new AbortController();

  const wrong = (what: string): void => {
    outcomes.wrong[what] = (outcomes.wrong[what] ?? 0) + 1;
  };
  const one = async (number: number): Promise<void> => {
    const mayRun = number % 5 !== 4;
    const isReal = number % 5 === 0 || number % 25 === 4;
    const pod = aPod(namespace, `pod-${number}`, mayRun ? undefined : 0);
    const unscheduled = { ...pod, spec: { ...pod.spec, schedulingGates: [{ name: 'scc.poc/never' }] } };
    try {
      const { metadata } = parsePod(await createPod({ api }, unscheduled, isReal ? '' : '?dryRun=All'));
      const scc = metadata.annotations['openshift.io/scc'] ?? 'no SCC';
      if (mayRun && scc === 'restricted-v2') outcomes.admitted += 1;
      else wrong(`a pod that ${mayRun ? 'may' : 'may not'} run was admitted under ${scc}`);
    } catch (error) {
      const why = messageOf(error);
      if (!mayRun && why.includes('unable to validate against any security context constraint')) outcomes.refused += 1;
      else wrong(why);
    }
  };

  const began = performance.now();
  let created = 0;
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await delay(TICK_MS);
      const due = ((performance.now() - began) * rate) / 1000 - created;
      for (let left = Math.min(due, IN_FLIGHT - inFlight.size); left >= 1; left -= 1) {
        const creation = one((created += 1)).finally(() => inFlight.delete(creation));
        inFlight.add(creation);
      }
    }
  })();
  return {
    outcomes,
    stop: async () => {
      stopping.abort();
      await running;
      await Promise.all(inFlight);
      api.close();
      return Math.round((created / (performance.now() - began)) * 1000);
    },
  };
}
