import { describe, expect, it } from '@jest/globals';
import { scaled } from '@scc/testing/scale';
import { brierScore, type Scored } from './calibration.js';
import { weighOutcomes } from './evidence.js';
import { type Example, fit } from './fit.js';
import { fixedModel, HALF_LIFE_DAYS, type LinearModel } from './model.js';
import { dot, mean, sigmoid } from './numbers.js';
import { predict } from './predict.js';
import { type Duel, duel, E_VALUE_NEEDED, promotionObstacles } from './promotion.js';
import { normalNumber, plainFit, randomNumbers } from './proof.fixture.js';

/** 200 worlds of 500 plans whose true weights are known: drawn around the prior, as the model believes before it sees any. */
const SEEDS = Array.from({ length: scaled(200) }, (_none, seed) => seed);
const PLANS = 500;

const { prior } = fixedModel();
const FIXED: LinearModel = fixedModel();
type World = { weights: number[]; plans: Example[] };

function weightsOf(random: () => number): number[] {
  return prior.mean.map((value, k) => {
    const drawn = value + normalNumber(random) / Math.sqrt(prior.precision[k] ?? NaN);
    return k === 0 ? drawn : Math.max(0, drawn);
  });
}

const plansOf = (random: () => number, weights: readonly number[], count: number): Example[] =>
  Array.from({ length: count }, () => {
    const x = prior.mean.slice(1).map(() => random());
    return { x, failed: random() < sigmoid(dot(weights, [1, ...x])), weight: 1 };
  });

function worldOf(seed: number): World {
  const random = randomNumbers(seed);
  const weights = weightsOf(random);
  return { weights, plans: plansOf(random, weights, PLANS) };
}

const WORLDS = SEEDS.map(worldOf);
const learned = (examples: readonly Example[]): LinearModel => ({ kind: 'learned', ...fit(prior, examples) });

/** The questions to every world alike: new plans, and their true probabilities. */
const QUESTIONS = plansOf(randomNumbers(4711), prior.mean, 300).map(({ x }) => x);
const truth = ({ weights }: World): number[] => QUESTIONS.map((x) => sigmoid(dot(weights, [1, ...x])));

/** Expected Brier score against the truth: what noise in the outcomes hides is left out. */
const expectedBrier = (world: World, said: (x: readonly number[]) => number): number =>
  mean(
    truth(world).map((p, index) => {
      const q = said(QUESTIONS[index]!);
      return p * (1 - q) ** 2 + (1 - p) * q ** 2;
    }),
  );
const overWorlds = (brier: (world: World) => number): number => mean(WORLDS.map(brier));
const byBayes = (n: number): number =>
  overWorlds((world) => {
    const model = learned(world.plans.slice(0, n));
    return expectedBrier(world, (x) => predict(model, x).probability);
  });
const byFixed = overWorlds((world) => expectedBrier(world, (x) => predict(FIXED, x).probability));
const byOracle = overWorlds((world) => expectedBrier(world, (x) => sigmoid(dot(world.weights, [1, ...x]))));

describe('in worlds whose truth is known', () => {
  it.each([0, 20, 50, 100, 200, 500])('after %d outcomes, 90 %% intervals hold the truth in 85 to 95 %%', (n) => {
    const covered = WORLDS.map((world) => {
      const model = learned(world.plans.slice(0, n));
      const real = truth(world);
      return mean(
        QUESTIONS.map((x, index) => {
          const [low, high] = predict(model, x).interval;
          return Number(low <= real[index]! && real[index]! <= high);
        }),
      );
    });
    expect(mean(covered)).toBeGreaterThan(0.85);
    expect(mean(covered)).toBeLessThan(0.95);
  });

  it('is within 3 % of a forecaster who knows the truth after 500 outcomes', () =>
    expect(byBayes(PLANS) / byOracle).toBeLessThan(1.03));

  it.each([20, 50, 100, 200])('after %d outcomes, better than the fixed weights and than a plain fit', (n) => {
    const plain = overWorlds((world) => {
      const weights = plainFit(world.plans.slice(0, n), 1e-3);
      return expectedBrier(world, (x) => sigmoid(dot(weights, [1, ...x])));
    });
    expect(byBayes(n)).toBeLessThan(byFixed);
    expect(byBayes(n)).toBeLessThan(plain);
  });
});

describe('when the strongest factor stops to matter', () => {
  const [BEFORE, AFTER] = [350, 150];
  /** A plan every other day. */
  const DAYS = 2;

  it('is nearly as good as before within 150 outcomes', () => {
    const excess = SEEDS.slice(0, 100).map((seed) => {
      const random = randomNumbers(seed + 1000);
      const before = weightsOf(random);
      const strongest = before.lastIndexOf(Math.max(...before.slice(1)));
      const weights = before.map((value, k) => (k === strongest ? 0 : value));
      const past = plansOf(random, before, BEFORE);
      const all = [...past, ...plansOf(random, weights, AFTER)];
      const world = { weights, plans: [] };
      const brierOf = (model: LinearModel): number => expectedBrier(world, (x) => predict(model, x).probability);
      const after = (outcomes: readonly Example[]): number => {
        const aged = outcomes.map(({ x, failed }, index) => ({
          ...{ x, failed, principal: String(index % 40) },
          ageDays: (outcomes.length - index) * DAYS,
        }));
        return brierOf(learned(weighOutcomes(aged, HALF_LIFE_DAYS)));
      };
      const oracle = expectedBrier(world, (x) => sigmoid(dot(weights, [1, ...x])));
      return { oracle, fixed: brierOf(FIXED) - oracle, flipped: after(past) - oracle, recovered: after(all) - oracle };
    });
    const total = (key: keyof (typeof excess)[number]): number => mean(excess.map((one) => one[key]));
    expect(total('recovered')).toBeLessThan(total('flipped') / 3);
    expect(total('recovered')).toBeLessThan(total('fixed') / 2);
    expect(total('recovered') / total('oracle')).toBeLessThan(0.06);
  });
});

describe('promotion', () => {
  /** Predictions of a challenger that is fitted again after every twentieth outcome, each made before its outcome. */
  function contest(plans: readonly Example[]): Duel[] {
    let challenger = learned([]);
    return plans.map(({ x, failed }, index) => {
      if (index % 20 === 0) challenger = learned(plans.slice(0, index));
      return {
        champion: predict(FIXED, x).probability,
        challenger: predict(challenger, x).probability,
        failed,
        principal: String(index % 40),
      };
    });
  }
  const isEverPromoted = (plans: readonly Example[]): boolean => {
    const rounds = contest(plans);
    return rounds.some(
      (_round, index) => index % 20 === 19 && promotionObstacles(duel(rounds.slice(0, index + 1))).length === 0,
    );
  };

  it('is rare where the fixed weights are the truth, however often one looks', () => {
    const false_ = SEEDS.filter((seed) => isEverPromoted(plansOf(randomNumbers(seed + 5000), prior.mean, 300)));
    // One in twenty, and what 200 coins may add to it.
    expect(false_.length / SEEDS.length).toBeLessThanOrEqual(0.08);
  });

  it('comes where the world is another one', () => {
    const different = WORLDS.filter(({ weights }) => Math.abs((weights[0] ?? 0) - (prior.mean[0] ?? 0)) > 1);
    const promoted = different.filter(({ plans }) => isEverPromoted(plans.slice(0, 300)));
    expect(promoted.length / different.length).toBeGreaterThan(0.7);
  });

  it('never rests on one principal', () => {
    const rounds = Array.from({ length: 1000 }, (): Duel => ({
      champion: 0.01,
      challenger: 0.9,
      failed: true,
      principal: 'eve',
    }));
    const result = duel(rounds);
    expect(result.outcomes).toBe(3);
    expect(result.logE).toBeGreaterThan(Math.log(E_VALUE_NEEDED));
    expect(promotionObstacles(result)).toEqual(['3 outcomes count, 30 are needed']);
  });

  it('is refused to a challenger that finds fewer of the failures', () => {
    const outcome = { outcomes: 50, logE: 10, captureChampion: 0.3, captureChallenger: 0.2 };
    expect(promotionObstacles(outcome)).toHaveLength(1);
    expect(promotionObstacles({ ...outcome, captureChallenger: 0.3 })).toEqual([]);
  });
});

it('the empirical Brier score is what the formula says', () => {
  const scored: Scored[] = [
    { probability: 0.8, failed: true },
    { probability: 0.4, failed: false },
  ];
  expect(brierScore(scored)).toBeCloseTo((0.04 + 0.16) / 2, 12);
});
