import { isRecord, ownValue } from '@scc/plan/words';

/** One operation of a JSON patch (RFC 6902). */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

type Fields = Readonly<Record<string, unknown>>;
const SPECIAL = /[~/]/;

const below = (path: string, key: string | number): string =>
  typeof key === 'string' && SPECIAL.test(key)
    ? `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
    : `${path}/${key}`;

const isSame = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

function changesOfFields(before: Fields, after: Fields, path: string): PatchOperation[] {
  const operations: PatchOperation[] = [];
  for (const key of Object.keys(before))
    if (before[key] !== undefined && ownValue(after, key) === undefined)
      operations.push({ op: 'remove', path: below(path, key) });
  for (const key of Object.keys(after)) {
    const [was, value] = [ownValue(before, key), after[key]];
    if (value === was || value === undefined) continue;
    if (was === undefined) operations.push({ op: 'add', path: below(path, key), value });
    else operations.push(...changes(was, value, below(path, key)));
  }
  return operations;
}

/** Lengths of the longest common subsequences of the lists' tails. */
function commonTails(before: readonly unknown[], after: readonly unknown[]): number[][] {
  const table = Array.from({ length: before.length + 1 }, () => new Array<number>(after.length + 1).fill(0));
  for (let i = before.length - 1; i >= 0; i -= 1)
    for (let j = after.length - 1; j >= 0; j -= 1) {
      const row = table[i] ?? [];
      row[j] = isSame(before[i], after[j])
        ? (table[i + 1]?.[j + 1] ?? 0) + 1
        : Math.max(table[i + 1]?.[j] ?? 0, row[j + 1] ?? 0);
    }
  return table;
}

type Step = 'keep' | 'remove' | 'add';

/** The next step on the way from `before[i…]` to `after[j…]` that keeps as much as possible. */
function stepAt(
  [before, i]: [readonly unknown[], number],
  [after, j]: [readonly unknown[], number],
  table: number[][],
) {
  if (i >= before.length) return 'add';
  if (j >= after.length) return 'remove';
  if (isSame(before[i], after[j])) return 'keep';
  return (table[i + 1]?.[j] ?? 0) >= (table[i]?.[j + 1] ?? 0) ? 'remove' : 'add';
}

/** Takes out and puts in single items, so that what others put into the list meanwhile stays. */
function changesOfItems(before: readonly unknown[], after: readonly unknown[], path: string): PatchOperation[] {
  const table = commonTails(before, after);
  const operations: PatchOperation[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const step: Step = stepAt([before, i], [after, j], table);
    if (step === 'remove') operations.push({ op: 'remove', path: below(path, j) });
    if (step === 'add') operations.push({ op: 'add', path: below(path, j), value: after[j] });
    if (step !== 'add') i += 1;
    if (step !== 'remove') j += 1;
  }
  return operations;
}

function changes(before: unknown, after: unknown, path: string): PatchOperation[] {
  if (before === after) return [];
  if (isRecord(before) && isRecord(after)) return changesOfFields(before, after, path);
  if (Array.isArray(before) && Array.isArray(after)) {
    const alike = before.length === after.length && before.every(isRecord) && after.every(isRecord);
    if (!alike) return changesOfItems(before, after, path);
    return before.flatMap((item, index) => changes(item, after[index], below(path, index)));
  }
  return isSame(before, after) ? [] : [{ op: 'replace', path, value: after }];
}

/**
 * The smallest patch from one JSON value to another: only fields that differ are named, and no list is replaced as a
 * whole. Parts that both values share cost nothing.
 */
export const patchBetween = (before: unknown, after: unknown): PatchOperation[] => changes(before, after, '');
