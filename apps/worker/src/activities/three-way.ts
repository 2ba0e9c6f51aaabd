import { isDeepStrictEqual } from 'node:util';
import { isRecord, ownValue } from '@scc/plan';

/** Lists of named things (containers, env, ports, volumes) are compared by name, as the API server merges them. */
function byName(list: unknown): Map<string, unknown> | null {
  if (!Array.isArray(list)) return null;
  const named = new Map<string, unknown>();
  for (const item of list) {
    const name = isRecord(item) ? item['name'] : undefined;
    if (typeof name !== 'string' || named.has(name)) return null;
    named.set(name, item);
  }
  return named;
}

export interface Reverted {
  value: unknown;
  /** Fields that were ours and that another client has changed since: left as they are. */
  conflicts: string[];
}

/**
 * Takes back our change from what is there now: where the current value is the one we wrote, the value before returns;
 * where another client has written since, theirs stays and is reported. Fields that we never changed are never touched.
 */
export function revert(
  { before, ours, current }: { before: unknown; ours: unknown; current: unknown },
  path = '',
): Reverted {
  if (isDeepStrictEqual(current, ours)) return { value: before, conflicts: [] };
  if (isDeepStrictEqual(before, ours) || isDeepStrictEqual(current, before)) return { value: current, conflicts: [] };
  return revertParts({ before, ours, current }, path);
}

/** Goes on below records and named lists; what has no parts was changed as a whole and stays. */
function revertParts(
  { before, ours, current }: Record<'before' | 'ours' | 'current', unknown>,
  path: string,
): Reverted {
  const records = { before: before ?? {}, ours: ours ?? {} };
  if (isRecord(current) && isRecord(records.before) && isRecord(records.ours))
    return revertRecord({ before: records.before, ours: records.ours, current }, path);
  const lists = { before: byName(before ?? []), ours: byName(ours ?? []), current: byName(current) };
  if (lists.before && lists.ours && lists.current)
    return revertNamed({ before: lists.before, ours: lists.ours, current: lists.current }, path);
  return { value: current, conflicts: [path] };
}

function revertRecord(
  { before, ours, current }: Record<'before' | 'ours' | 'current', Record<string, unknown>>,
  path: string,
): Reverted {
  const value: Record<string, unknown> = {};
  const conflicts: string[] = [];
  for (const key of new Set([...Object.keys(current), ...Object.keys(before), ...Object.keys(ours)])) {
    const field = path ? `${path}.${key}` : key;
    const sides = { before: ownValue(before, key), ours: ownValue(ours, key), current: ownValue(current, key) };
    const reverted = revert(sides, field);
    conflicts.push(...reverted.conflicts);
    if (reverted.value !== undefined) value[key] = reverted.value;
  }
  return { value, conflicts };
}

function revertNamed(
  { before, ours, current }: Record<'before' | 'ours' | 'current', Map<string, unknown>>,
  path: string,
): Reverted {
  const value: unknown[] = [];
  const conflicts: string[] = [];
  for (const name of new Set([...before.keys(), ...current.keys()])) {
    const item = { before: before.get(name), ours: ours.get(name), current: current.get(name) };
    const reverted = revert(item, `${path}[${name}]`);
    conflicts.push(...reverted.conflicts);
    if (reverted.value !== undefined) value.push(reverted.value);
  }
  return { value, conflicts };
}
