import { hashOf } from './canonical.js';

/** Names the members that differ; a list that is longer or shorter is named as a whole. */
export function listProblems(what: string, told: readonly object[], said: readonly object[]): string[] {
  if (told.length !== said.length) return [`${what}: ${told.length} of them, the entries hold ${said.length}`];
  return told.flatMap((one, at) => {
    const members = new Map<string, unknown>(Object.entries(said[at] ?? {}));
    const differing = [...new Set([...Object.keys(one), ...members.keys()])].filter(
      (member) => hashOf((one as Record<string, unknown>)[member] ?? null) !== hashOf(members.get(member) ?? null),
    );
    return differing.map((member) => `${what} ${at + 1}: ${member}`);
  });
}
