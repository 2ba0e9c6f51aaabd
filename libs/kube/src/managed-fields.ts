import type { KubeObject } from './object.js';

const SERVER_FIELDS = ['resourceVersion', 'generation', 'managedFields', 'creationTimestamp', 'uid', 'selfLink'];

/** An object without its status and without what the API server writes. */
export function withoutServerFields({ status: _status, metadata, ...rest }: KubeObject) {
  const kept = Object.entries(metadata).filter(([key]) => !SERVER_FIELDS.includes(key));
  return { ...rest, metadata: Object.fromEntries(kept) };
}

/** The last writer of an object, by its managed fields: of all but one manager, and not its status. */
export function lastWriter({ metadata }: KubeObject, but: string): string {
  const others = (metadata.managedFields ?? [])
    .filter(({ subresource, manager }) => !subresource && manager !== but)
    .toSorted((a, b) => (b.time ?? '').localeCompare(a.time ?? ''));
  return others[0]?.manager ?? 'an unknown client';
}
