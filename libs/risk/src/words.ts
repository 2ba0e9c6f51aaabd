import type { FactorName } from './model.js';
import type { Signals } from './signals.js';

const listed = (items: readonly string[]): string =>
  items.length > 1 ? `${items.slice(0, -1).join(', ')} and ${items.at(-1) ?? ''}` : items.join('');
const percent = (share: number): string => `${Math.round(share * 100)} %`;
/** @param things in the plural, which is their singular with an s. */
function orUnknown(value: number | null, things: string): string {
  if (value === null) return `an unknown number of ${things}`;
  const count = Math.round(value);
  return `${count} ${count === 1 ? things.slice(0, -1) : things}`;
}

/** So many things that were seen are told in a sentence; the assessment holds all. */
const TOLD = 3;

function seenWords(evidence: readonly string[]): string[] {
  if (evidence.length === 0) return [];
  const more = evidence.length > TOLD ? [`${evidence.length - TOLD} more things were seen`] : [];
  return [`seen: ${[...evidence.slice(0, TOLD), ...more].join('; ')}`];
}

function privilegeGap({ loss, used, undeclared, unknown, evidence }: Signals['privilege']): string {
  if (unknown.length > 0) return `it is unknown what ${listed(unknown)} permits`;
  if (loss === null) return 'the pod template could not be read';
  const parts = [
    ...(used.length > 0 ? [`the pods use what they lose: ${listed(used)}`] : []),
    ...(undeclared.length > 0 ? [`the template does not say whether the pods use ${listed(undeclared)}`] : []),
  ];
  const lost = parts.length > 0 ? parts : ['the pods lose nothing that they use'];
  return [...lost, ...seenWords(evidence)].join('; ');
}

function failureHistory(history: Signals['history']): string {
  if (history === null) return 'it is unknown how earlier migrations ended';
  const { workload, namespace, pair, all } = history;
  const [place, tally] =
    workload.weight >= 0.5
      ? (['of this workload', workload] as const)
      : namespace.weight >= 0.5
        ? (['in this namespace', namespace] as const)
        : pair.weight >= 0.5
          ? (['between these SCCs', pair] as const)
          : (['of any kind', all] as const);
  if (tally.weight < 0.5) return 'no migration has ended yet';
  return `${percent(tally.failures / tally.weight)} of the recent migrations ${place} failed`;
}

function timing({ traffic, changesLastDay, hoursToSpare }: Signals['timing']): string {
  const spare = hoursToSpare === null ? 'an unknown time' : `${Math.floor(hoursToSpare)} h`;
  const load = traffic === null ? '' : `, ${percent(traffic)} of a busy hour's traffic`;
  return `${orUnknown(changesLastDay, 'other migrations')} in the last day, ${spare} to spare after its end${load}`;
}

/** The facts behind each factor; the type of the table makes it complete. */
const FACTS: Readonly<Record<FactorName, (signals: Signals) => string>> = {
  privilegeGap: ({ privilege }) => privilegeGap(privilege),
  blastRadius: ({ blast }) =>
    [
      orUnknown(blast.pods, 'pods'),
      `${orUnknown(blast.requestsPerSecond, 'requests')} per second of which ${percent(blast.largestStep)} move at once`,
      orUnknown(blast.dependents, 'callers'),
    ].join(', '),
  criticality: ({ criticality }) =>
    criticality.value === null ? `${criticality.from}: assumed to be high` : criticality.from,
  failureHistory: ({ history }) => failureHistory(history),
  timing: (signals) => timing(signals.timing),
};

/** The effect of a contribution to the log-odds, against a usual migration. */
function effect(contribution: number): string {
  const change = Math.round(Math.expm1(contribution) * 100);
  if (change === 0) return 'As usual';
  if (contribution > 0) return `Raises the odds of failure by ${change} %`;
  return `Lowers the odds of failure by ${Math.round(-Math.expm1(contribution) * 100)} %`;
}

/** One factor in plain words: what it does to the odds, compared with a usual migration, and why. */
export const wordsOf = (name: FactorName, contribution: number, signals: Signals): string =>
  `${effect(contribution)}: ${FACTS[name](signals)}.`;
