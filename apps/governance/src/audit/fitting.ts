import type { JsonValue } from '@scc/audit';

const sizeOf = (value: JsonValue): number => Buffer.byteLength(JSON.stringify(value)) + 1;

/**
 * The first of these that fit into an audit entry together, whose size is bounded. What comes after the first that does
 * not fit is left out.
 *
 * @param maxBytes of all of them as JSON in UTF-8
 */
export function fittingEntry<Item extends JsonValue>(items: readonly Item[], maxBytes: number): Item[] {
  let bytes = 0;
  const last = items.findIndex((item) => (bytes += sizeOf(item)) > maxBytes);
  return last === -1 ? [...items] : items.slice(0, last);
}
