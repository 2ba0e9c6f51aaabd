import { describe, expect, it } from '@jest/globals';
import { RISK_BANDS, type RiskBand } from '@scc/plan';
import { changeRiskBand } from './bands.js';
import { type PastOutcome, weighOutcomes } from './evidence.js';
import { fit } from './fit.js';
import { capShares, failureRates, historyFactor } from './history.js';
import { fixedModel } from './model.js';
import { dot, sigmoid } from './numbers.js';
import { randomNumbers } from './proof.fixture.js';

/** One principal makes 50 migrations up that fail, to have the plans of others held up. */

const { prior, weights, halfLifeDays } = fixedModel();

function honest(seed: number, count: number): PastOutcome[] {
  const random = randomNumbers(seed);
  return Array.from({ length: count }, (_none, index) => {
    const x = weights.slice(1).map(() => random());
    return {
      x,
      failed: random() < sigmoid(dot(weights, [1, ...x])),
      ageDays: count - index,
      principal: `person-${index % 12}`,
    };
  });
}

const fakes = (x: readonly number[], count = 50): PastOutcome[] =>
  Array.from({ length: count }, () => ({ x, failed: true, ageDays: 0, principal: 'eve' }));

const bandsApart = (a: RiskBand, b: RiskBand): number => Math.abs(RISK_BANDS.indexOf(a) - RISK_BANDS.indexOf(b));

describe('fifty fake failures of one principal', () => {
  const victims = Array.from({ length: 12 }, (_none, seed) => {
    const random = randomNumbers(seed + 77);
    return weights.slice(1).map(() => random());
  });

  const corners = [weights.slice(1).map(() => 0), weights.slice(1).map(() => 1), [1, 0, 0, 0, 0]];

  it.each([30, 60, 120, 400, 1500])(
    'move no other principal by more than one band among %d honest outcomes',
    (count) => {
      for (const seed of [1, 2, 3]) {
        const outcomes = honest(seed, count);
        const weightsFrom = (all: readonly PastOutcome[]) => fit(prior, weighOutcomes(all, halfLifeDays)).weights;
        const bandBy = (learned: readonly number[], x: readonly number[]): RiskBand =>
          changeRiskBand(dot(learned, [1, ...x]));
        const before = weightsFrom(outcomes);
        const attacked = (where: readonly number[]) => weightsFrom([...outcomes, ...fakes(where)]);
        const cornered = corners.map(attacked);
        // The attacker copies the victim, or tries where everything is quiet, or where everything is raised.
        for (const victim of victims)
          for (const after of [...cornered, attacked(victim)])
            expect(bandsApart(bandBy(before, victim), bandBy(after, victim))).toBeLessThanOrEqual(1);
      }
    },
  );

  it('count for no more than a twentieth of what others count for, in any number', () => {
    const outcomes = honest(9, 200);
    const weightOf = (count: number): number =>
      weighOutcomes([...outcomes, ...fakes([0, 0, 0, 0, 0], count)], halfLifeDays)
        .slice(outcomes.length)
        .reduce((total, { weight }) => total + weight, 0);
    const others = outcomes.reduce((total, { ageDays }) => total + 2 ** (-ageDays / halfLifeDays), 0);
    expect(weightOf(50)).toBeCloseTo(others / 20, 9);
    expect(weightOf(5000)).toBeCloseTo(others / 20, 9);
    expect(weightOf(2)).toBeCloseTo(2, 9);
  });

  it('hardly change the history of another namespace', () => {
    const other = { weight: 60, failures: 6 };
    const [share = 1] = capShares([50, other.weight]);
    const fake = { weight: 50 * share, failures: 50 * share };
    const shared = { weight: other.weight + fake.weight, failures: other.failures + fake.failures };
    const own = { weight: 5, failures: 0 };
    const [before, after] = [other, shared].map((tally) => ({
      all: tally,
      pair: tally,
      namespace: own,
      workload: own,
    }));
    expect(failureRates(after!).pair).toBeLessThan(failureRates(before!).pair + 0.1);
    expect(Math.abs(historyFactor(after!) - historyFactor(before!))).toBeLessThan(0.15);
  });
});
