import { isRecord } from '@scc/plan';

/** What the API server does not store. */
const isNothing = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === '' ||
  value === false ||
  (typeof value === 'object' && Object.keys(value).length === 0);

const nameOf = (item: unknown): unknown => (isRecord(item) ? item['name'] : undefined);

/** The item of a list that stands for one of another list: by its name, where no other has it, or by its place. */
function counterpart(items: readonly unknown[], others: readonly unknown[], index: number): unknown {
  const name = nameOf(items[index]);
  const isOnce = (list: readonly unknown[]): boolean => list.filter((item) => nameOf(item) === name).length === 1;
  return name !== undefined && isOnce(items) && isOnce(others)
    ? others.find((item) => nameOf(item) === name)
    : others[index];
}

/** Whether everything that was written is still there; what the API server and its webhooks add to it does not matter. */
export function isIntact(written: unknown, now: unknown): boolean {
  if (now === undefined || now === null) return isNothing(written);
  if (Array.isArray(written)) {
    const items: unknown[] = Array.isArray(now) ? now : [];
    return written.every((item: unknown, index) => isIntact(item, counterpart(written, items, index)));
  }
  if (isRecord(written))
    return isRecord(now) && Object.entries(written).every(([key, value]) => isIntact(value, now[key]));
  return written === now;
}
