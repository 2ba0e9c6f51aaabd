import type { RiskBand } from '@scc/plan';
import { changeRiskBand, isHigher } from './bands.js';
import { factorsOf } from './factors.js';
import { withSuccess } from './history.js';
import type { RiskModel } from './model.js';
import { dot } from './numbers.js';
import type { Signals } from './signals.js';

/** Something that the author of the plan can do about its risk. */
interface Change {
  /** Effort, to compare with that of others; several together cost their sum. */
  readonly cost: number;
  readonly words: string;
  /** The signals after it; null when it does not apply. */
  readonly apply: (signals: Signals) => Signals | null;
}

const SMALL_STEP = 0.1;

const CHANGES: readonly Change[] = [
  {
    cost: 1,
    words: 'start it when few other migrations ran within a day and 8 hours are left before a freeze',
    apply: ({ timing, ...rest }) =>
      timing.changesLastDay === 0 && (timing.hoursToSpare ?? 0) >= 8
        ? null
        : { ...rest, timing: { ...timing, changesLastDay: 0, hoursToSpare: 8 } },
  },
  {
    cost: 2,
    words: 'move no more than 10 % of the traffic at once',
    apply: ({ blast, ...rest }) =>
      blast.largestStep > SMALL_STEP ? { ...rest, blast: { ...blast, largestStep: SMALL_STEP } } : null,
  },
  {
    cost: 3,
    words: 'let the template say what the pods use, where they use nothing of what they lose',
    apply: ({ privilege, ...rest }) =>
      privilege.lossIfDeclared !== null && privilege.undeclared.length > 0
        ? { ...rest, privilege: { ...privilege, loss: privilege.lossIfDeclared, spread: 0, undeclared: [] } }
        : null,
  },
  {
    cost: 4,
    words: 'migrate two other workloads of the namespace between the same SCCs first',
    apply: ({ history, ...rest }) => {
      if (history === null) return null;
      const levels = ['all', 'pair', 'namespace'] as const;
      return { ...rest, history: withSuccess(withSuccess(history, levels), levels) };
    },
  },
];

/** Sets of changes, the cheapest first; of equal cost the one with fewer changes. */
const COMBINATIONS: readonly (readonly Change[])[] = Array.from({ length: 2 ** CHANGES.length - 1 }, (_none, index) =>
  CHANGES.filter((_change, bit) => ((index + 1) & (1 << bit)) !== 0),
).toSorted((a, b) => costOf(a) - costOf(b) || a.length - b.length);

function costOf(changes: readonly Change[]): number {
  return changes.reduce((total, { cost }) => total + cost, 0);
}

function after(changes: readonly Change[], signals: Signals): Signals | null {
  return changes.reduce<Signals | null>((changed, { apply }) => changed && apply(changed), signals);
}

/** The cheapest change of a plan after which its change risk lies below a band, in words; null when none does. */
export function cheapestChange(model: RiskModel, signals: Signals, band: RiskBand): string | null {
  const leaves = COMBINATIONS.find((changes) => {
    const changed = after(changes, signals);
    if (!changed) return false;
    const mu = dot(model.weights, [1, ...factorsOf(changed, model).map(({ x }) => x)]);
    return isHigher(band, changeRiskBand(mu));
  });
  if (!leaves) return null;
  const [first = '', ...others] = leaves.map(({ words }) => words);
  return [first.charAt(0).toUpperCase() + first.slice(1), ...others].join(', and ') + '.';
}
