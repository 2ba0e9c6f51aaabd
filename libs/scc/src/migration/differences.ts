import { isRecord } from '@scc/plan/words';

/** One place at which two values differ. */
export interface Difference {
  readonly field: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** Null, and an object or a list without content, say as much as a field that is not there. */
export const isUnset = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  (Array.isArray(value) ? value.length === 0 : isRecord(value) && Object.keys(value).length === 0);

/** Whether two values of JSON are equal; the order of fields does not count, and null is as good as no field. */
export function isSame(before: unknown, after: unknown): boolean {
  if (before === after) return true;
  if (Array.isArray(before) && Array.isArray(after))
    return before.length === after.length && before.every((item, at) => isSame(item, after[at]));
  if (isRecord(before) && isRecord(after))
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].every((key) =>
      isSame(before[key], after[key]),
    );
  return (before ?? null) === null && (after ?? null) === null;
}

interface Keyed {
  readonly name: string;
  readonly before: unknown;
  readonly after: unknown;
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** The items of a list by name; those that share one are numbered. */
function named(list: readonly unknown[], keyOf: (item: unknown) => string): Map<string, unknown> {
  const seen = new Map<string, number>();
  return new Map(
    list.map((item) => {
      const key = keyOf(item);
      const count = (seen.get(key) ?? 0) + 1;
      seen.set(key, count);
      return [count === 1 ? key : `${key}#${count}`, item];
    }),
  );
}

/** Pairs the items of two lists by their key, and tells whether those that stayed stand in another order. */
export function keyed(
  before: unknown,
  after: unknown,
  keyOf: (item: unknown) => string,
): { entries: Keyed[]; isReordered: boolean } {
  const [old, now] = [named(listOf(before), keyOf), named(listOf(after), keyOf)];
  const entries = [...new Set([...old.keys(), ...now.keys()])].map((name) => ({
    name,
    before: old.get(name),
    after: now.get(name),
  }));
  const stayed = [...now.keys()].filter((name) => old.has(name));
  const isReordered = [...old.keys()].filter((name) => now.has(name)).some((name, at) => name !== stayed[at]);
  return { entries, isReordered };
}
