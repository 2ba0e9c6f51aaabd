import { historyFactor } from './history.js';
import type { FactorName } from './model.js';
import { clamp, sum } from './numbers.js';
import { known, type Signals } from './signals.js';

/** One signal as the model reads it. */
export interface Factor {
  readonly name: FactorName;
  /** In [0, 1]; where it is not known, what is assumed. */
  readonly x: number;
  /** Standard deviation of what is assumed: 0 when everything is known. */
  readonly spread: number;
  /** True when a fact is missing and something was assumed in its place. */
  readonly isAssumed: boolean;
}

/** Standard deviation of something of which only is known that it lies between 0 and 1. */
const ANYTHING = 1 / Math.sqrt(12);

/** A part of a factor with its share in it; null when it is not known. */
interface Part {
  readonly share: number;
  readonly value: number | null;
  readonly assumed: number;
}

function combine(name: FactorName, parts: readonly Part[]): Factor {
  const unknown = parts.filter(({ value }) => value === null);
  return {
    name,
    x: clamp(sum(parts.map(({ share, value, assumed }) => share * (value ?? assumed)))),
    spread: ANYTHING * Math.sqrt(sum(unknown.map(({ share }) => share * share))),
    isAssumed: unknown.length > 0,
  };
}

const single = (name: FactorName, value: number | null, assumed: number): Factor =>
  combine(name, [{ share: 1, value: value === null ? null : clamp(value), assumed }]);

/** Each of pods, requests and callers has a third when it is not known, and half of that is assumed. */
function blastRadius({ pods, requestsPerSecond, dependents, largestStep }: Signals['blast'], scale: number): Factor {
  const step = clamp(known(largestStep) ?? 1);
  const requests = known(requestsPerSecond);
  const parts = [known(pods), requests === null ? null : requests * step, known(dependents)].map((value) =>
    value === null
      ? { share: 1 / 3, value: null, assumed: 0.5 }
      : { share: 1 / scale, value: Math.log1p(value), assumed: 0 },
  );
  return combine('blastRadius', parts);
}

/** So many changes in the last day are many. */
const MANY_CHANGES = 10;
/** So many hours after its end are enough. */
const ENOUGH_HOURS = 8;

/** Each part rises in a straight line to 1 and stays there. */
function timing({ traffic, changesLastDay, hoursToSpare }: Signals['timing']): Factor {
  const [load, changes, hours] = [known(traffic), known(changesLastDay), known(hoursToSpare)];
  return combine('timing', [
    { share: 0.5, value: load === null ? null : clamp(load), assumed: 0.5 },
    { share: 0.3, value: changes === null ? null : clamp(changes / MANY_CHANGES), assumed: 0.5 },
    { share: 0.2, value: hours === null ? null : clamp(1 - hours / ENOUGH_HOURS), assumed: 0.5 },
  ]);
}

function history(levels: Signals['history']): Factor {
  const valid =
    levels !== null &&
    Object.values(levels).every(
      ({ weight, failures }) => known(weight) !== null && known(failures) !== null && failures <= weight,
    );
  return single('failureHistory', valid ? historyFactor(levels) : null, 0.5);
}

function privilegeGap({ loss, spread }: Signals['privilege']): Factor {
  const factor = single('privilegeGap', known(loss), 0.5);
  return factor.isAssumed ? factor : { ...factor, spread: clamp(known(spread) ?? 1) };
}

/** The input of the model, in the order of `FACTORS`. */
export const factorsOf = (signals: Signals, { blastScale }: { blastScale: number }): readonly Factor[] => [
  privilegeGap(signals.privilege),
  blastRadius(signals.blast, blastScale),
  single('criticality', known(signals.criticality.value), 2 / 3),
  history(signals.history),
  timing(signals.timing),
];

/** The blast radius in logarithms, before it is scaled; null when something of it is not known. */
export function rawBlast({ pods, requestsPerSecond, dependents, largestStep }: Signals['blast']): number | null {
  const values = [known(pods), known(requestsPerSecond), known(dependents)];
  const [podCount, requests, callers] = values;
  if (podCount == null || requests == null || callers == null) return null;
  return Math.log1p(podCount) + Math.log1p(requests * clamp(known(largestStep) ?? 1)) + Math.log1p(callers);
}
