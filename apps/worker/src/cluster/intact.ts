import { isRecord } from '@scc/plan';

/** What the API server does not store. */
const isNothing = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === '' ||
  value === false ||
  (typeof value === 'object' && Object.keys(value).length === 0);

const named = (items: readonly unknown[], name: unknown): unknown =>
  items.find((item) => isRecord(item) && item['name'] === name);

/** Whether everything that was written is still there; what the API server and its webhooks add to it does not matter. */
export function isIntact(written: unknown, now: unknown): boolean {
  if (now === undefined || now === null) return isNothing(written);
  if (Array.isArray(written)) {
    const items: unknown[] = Array.isArray(now) ? now : [];
    return written.every((item: unknown, index) =>
      isIntact(item, isRecord(item) && 'name' in item ? named(items, item['name']) : items[index]),
    );
  }
  if (isRecord(written))
    return isRecord(now) && Object.entries(written).every(([key, value]) => isIntact(value, now[key]));
  return written === now;
}
