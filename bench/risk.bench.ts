import { setImmediate } from 'node:timers/promises';
import {
  assess,
  fitInSteps,
  fixedModel,
  type PastOutcome,
  privilegeSignal,
  type Signals,
  weighOutcomes,
} from '@scc/risk';
import { defaultSCCs, podTemplateSchema } from '@scc/scc';
import { randomNumbers, someSignals } from '@scc/risk/testing';
import type { Bench, BenchResult } from './types.js';

const SCORES = 5_000;
const OUTCOMES = 10_000;
const REFITS = 10;
const model = fixedModel();

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))] ?? NaN;

function timed(count: number, call: (index: number) => unknown): number[] {
  const times: number[] = [];
  for (let index = -count / 10; index < count; index += 1) {
    const start = performance.now();
    call(Math.abs(index));
    if (index >= 0) times.push((performance.now() - start) * 1000);
  }
  return times;
}

const scored = (name: string, times: readonly number[]): BenchResult[] => {
  const goal = 1000;
  return [0.5, 0.99].map((share) => {
    const value = percentile(times, share);
    return { name, metric: `p${share * 100}`, value, unit: 'us', reference: goal, ratio: value / goal };
  });
};

/** The signals of a pair of SCCs from their content, and the assessment with its explanation. */
function scoring(): BenchResult[] {
  const random = randomNumbers(1);
  const sccs = defaultSCCs();
  const template = podTemplateSchema.parse({
    spec: { containers: Array.from({ length: 10 }, (_none, index) => ({ name: `c-${index}`, image: 'ledger:1' })) },
  });
  const plans = Array.from({ length: 200 }, (): Signals => {
    const [source = null, target = null] = [random(), random()].map((at) => sccs[Math.floor(at * sccs.length)]);
    return someSignals({
      privilege: privilegeSignal({
        sourceName: source?.metadata.name ?? null,
        targetName: target?.metadata.name ?? '',
        ...{ source, target, template },
      }),
      blast: { pods: random() * 500, requestsPerSecond: random() * 5000, dependents: random() * 40, largestStep: 0.25 },
      criticality: { value: random(), from: 'a label' },
    });
  });
  const pairs = timed(SCORES, (index) => {
    const [source = null, target = null] = [sccs[index % sccs.length], sccs[(index * 7) % sccs.length]];
    return privilegeSignal({ sourceName: 'a', targetName: 'b', source, target, template });
  });
  const scores = timed(SCORES, (index) => assess(model, plans[index % plans.length] ?? someSignals()));
  return [...scored('risk-score', scores), ...scored('risk-privilege-gap', pairs)];
}

function lives(seed: number): PastOutcome[] {
  const random = randomNumbers(seed);
  return Array.from({ length: OUTCOMES }, (_none, index) => ({
    x: [random(), random(), random(), random(), random()],
    failed: random() < 0.1,
    ageDays: index / 20,
    principal: `person-${index % 50}`,
  }));
}

/** A refit of 10,000 outcomes in slices: how long all of it takes, and for how long it holds up everything else. */
async function refitting(): Promise<BenchResult[]> {
  const totals: number[] = [];
  const slices: number[] = [];
  for (let round = -2; round < REFITS; round += 1) {
    const outcomes = lives(round + 10);
    const start = performance.now();
    const run = fitInSteps(model.prior, weighOutcomes(outcomes, model.halfLifeDays));
    for (let done = false; !done;) {
      const begun = performance.now();
      done = run.next().done === true;
      if (round >= 0) slices.push(performance.now() - begun);
      await setImmediate();
    }
    if (round >= 0) totals.push(performance.now() - start);
  }
  const goal = 500;
  const worst = Math.max(...totals);
  return [
    { name: 'risk-refit-10000', metric: 'p50', value: percentile(totals, 0.5), unit: 'ms' },
    { name: 'risk-refit-10000', metric: 'max', value: worst, unit: 'ms', reference: goal, ratio: worst / goal },
    { name: 'risk-refit-slice', metric: 'p99', value: percentile(slices, 0.99), unit: 'ms' },
    { name: 'risk-refit-slice', metric: 'max', value: Math.max(...slices), unit: 'ms' },
  ];
}

/** One score with its explanation, and one refit of what a large installation lived through. */
const bench: Bench = { name: 'risk', run: async () => [...scoring(), ...(await refitting())] };
export default bench;
