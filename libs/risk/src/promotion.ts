import { captureAtTop } from './calibration.js';
import { principalCap } from './history.js';

/** The predictions of champion and challenger before an outcome, and the outcome. In the order of the outcomes. */
export interface Duel {
  readonly champion: number;
  readonly challenger: number;
  readonly failed: boolean;
  readonly principal: string | null;
}

export interface DuelResult {
  /** How many outcomes count; those of one principal beyond its share do not. */
  readonly outcomes: number;
  /** Natural logarithm of the e-value. */
  readonly logE: number;
  readonly captureChampion: number | null;
  readonly captureChallenger: number | null;
}

/** At most one in twenty promotions is of a challenger that is no better, at any time. */
export const E_VALUE_NEEDED = 20;
export const OUTCOMES_NEEDED = 30;
/** The part of the plans that is looked at for capture. */
const TOP = 0.1;

const likelihood = (probability: number, failed: boolean): number =>
  Math.min(1 - 1e-9, Math.max(1e-9, failed ? probability : 1 - probability));

/**
 * The e-value of a challenger: how many times more probable it held what happened. Whether an outcome counts is known
 * before it is (each principal has its share of those that count), so that the bound on false promotions holds.
 */
export function duel(rounds: readonly Duel[]): DuelResult {
  const principals = new Map<string | null, { seen: number; used: number }>();
  let logE = 0;
  const counted = rounds.filter(({ champion, challenger, failed, principal }, seenBefore) => {
    const own = principals.get(principal) ?? { seen: 0, used: 0 };
    const counts = own.used + 1 <= principalCap(seenBefore - own.seen);
    principals.set(principal, { seen: own.seen + 1, used: own.used + Number(counts) });
    if (counts) logE += Math.log(likelihood(challenger, failed)) - Math.log(likelihood(champion, failed));
    return counts;
  });
  const capture = (of: 'champion' | 'challenger'): number | null =>
    captureAtTop(
      counted.map((round) => ({ probability: round[of], failed: round.failed })),
      TOP,
    );
  return {
    outcomes: counted.length,
    logE,
    captureChampion: capture('champion'),
    captureChallenger: capture('challenger'),
  };
}

/** Objections against a promotion; nothing when a person may confirm it. */
export function promotionObstacles({ outcomes, logE, captureChampion, captureChallenger }: DuelResult): string[] {
  const worse = captureChampion !== null && captureChallenger !== null && captureChallenger < captureChampion;
  return [
    ...(outcomes < OUTCOMES_NEEDED ? [`${outcomes} outcomes count, ${OUTCOMES_NEEDED} are needed`] : []),
    ...(logE < Math.log(E_VALUE_NEEDED)
      ? [`the e-value is ${Math.exp(logE).toPrecision(3)}, ${E_VALUE_NEEDED} is needed`]
      : []),
    ...(worse ? ['it finds fewer of the failures among the riskiest tenth'] : []),
  ];
}
