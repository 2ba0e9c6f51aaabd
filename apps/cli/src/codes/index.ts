import { POLICIES, PROBLEMS } from './answers.js';
import { RISK_TEXTS, SCC_RULES } from './security.js';
import { CONDITION_REASONS, FAILURES, GOOD_REASONS, PHASE_TEXTS, UNDO_CAUSES, WAITS } from './states.js';
import type { CodeText, CodeTexts } from './text.js';
import { VIOLATIONS } from './violations.js';

export type { CodeText } from './text.js';

/** Codes of one kind. */
export interface CodeGroup {
  /** Names the group in code and documents. */
  readonly id: string;
  /** Where people meet these codes. */
  readonly title: string;
  readonly codes: CodeTexts;
  /** What stands before such a code in some places, as in `Blocked.runAsUser`. */
  readonly prefix?: string;
}

/** Every code that the product shows, with its cause and its remedy: the only place where both are written. */
export const CODE_GROUPS: readonly CodeGroup[] = [
  { id: 'violation', title: 'Violations of a plan', codes: VIOLATIONS },
  { id: 'policy', title: 'Policies that every installation starts with', codes: POLICIES },
  { id: 'phase', title: 'Phases', codes: PHASE_TEXTS },
  { id: 'wait', title: 'Why a migration waits', codes: WAITS },
  { id: 'undo', title: 'Why a migration was undone', codes: UNDO_CAUSES },
  { id: 'condition', title: 'Reasons of conditions', codes: { ...CONDITION_REASONS, ...GOOD_REASONS } },
  { id: 'failure', title: 'Failures of a step', codes: FAILURES },
  { id: 'scc', title: 'Rules of an SCC', codes: SCC_RULES, prefix: 'Blocked.' },
  { id: 'risk', title: 'Risks of a template under a target', codes: RISK_TEXTS },
  { id: 'problem', title: 'Answers of governance', codes: PROBLEMS },
];

export interface Explanation extends CodeText {
  readonly code: string;
  readonly group: string;
}

/** The explanations of all codes, in the order of the documents. */
export const allCodes = (): Explanation[] =>
  CODE_GROUPS.flatMap(({ title, codes }) =>
    Object.entries(codes).map(([code, text]) => ({ code, group: title, ...text })),
  );

const plain = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');

/** Without what some places write before it: the prefix of a group, or the address of a kind of problem. */
const bare = (code: string): string => {
  const last = code.trim().split('/').at(-1) ?? '';
  const prefix = CODE_GROUPS.find((group) => group.prefix !== undefined && last.startsWith(group.prefix))?.prefix ?? '';
  return last.slice(prefix.length);
};

/** Every meaning of a code; capitals and hyphens do not count. Empty when no part of the product shows it. */
export const explain = (code: string): Explanation[] =>
  allCodes().filter((one) => plain(one.code) === plain(bare(code)));

/** Codes that resemble one that does not exist, the nearest first. */
export function similarCodes(code: string): string[] {
  const asked = plain(bare(code));
  const near = allCodes().filter((one) => {
    const known = plain(one.code);
    return asked.length > 2 && (known.includes(asked) || asked.includes(known) || sharedStart(known, asked) > 5);
  });
  return [...new Set(near.map((one) => one.code))].slice(0, 5);
}

/** How many characters both begin with. */
function sharedStart(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one.charAt(length) === other.charAt(length)) length += 1;
  return length;
}
