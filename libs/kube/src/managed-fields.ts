import type { KubeObject } from './object.js';

const SERVER_FIELDS = ['resourceVersion', 'generation', 'managedFields', 'creationTimestamp', 'uid', 'selfLink'];

/** An object without its status and without what the API server writes. */
export function withoutServerFields({ status: _status, metadata, ...rest }: KubeObject) {
  const kept = Object.entries(metadata).filter(([key]) => !SERVER_FIELDS.includes(key));
  return { ...rest, metadata: Object.fromEntries(kept) };
}

const writersBut = ({ metadata }: KubeObject, but: string) =>
  (metadata.managedFields ?? []).filter(({ subresource, manager }) => !subresource && manager !== but);

/** Whether another manager has written to an object, its status apart. */
export const hasOtherWriter = (object: KubeObject, but: string): boolean => writersBut(object, but).length > 0;

/** The members of a field as messages name it, up to a list: `spec.containers[app].image` ends at `containers`. */
const membersOf = (field: string): string[] => (/^[\w.-]+/.exec(field)?.[0] ?? '').split('.').filter(Boolean);

/** Whether another manager has set, to another value, a field of an object, such as `spec.template`, or something in it. */
export const isWrittenByOthers = (object: KubeObject, but: string, field: string): boolean =>
  writersBut(object, but).some(({ fieldsV1 }) => holds(fieldsV1, membersOf(field)));

/**
 * The last writer of an object, by its managed fields: of all but one manager, and not its status.
 * @param fields as messages name them, such as `spec.template`: who wrote one of these counts, where anybody is known to
 * have; a field that was taken away has no writer any more.
 */
export function lastWriter({ metadata }: KubeObject, but: string, fields: readonly string[] = []): string {
  const others = (metadata.managedFields ?? [])
    .filter(({ subresource, manager }) => subresource !== 'status' && manager !== but)
    .toSorted((a, b) => (b.time ?? '').localeCompare(a.time ?? ''));
  const paths = fields.map(membersOf);
  const writer = others.find(({ fieldsV1 }) => paths.some((path) => holds(fieldsV1, path)));
  const any = others.find(({ subresource }) => !subresource);
  return (writer ?? any)?.manager ?? 'an unknown client';
}

interface Between {
  /** Exclusive. */
  after: Date;
  /** Inclusive; the API server writes whole seconds. */
  until: Date;
}

/**
 * The manager that wrote a part of an object last within a time, by its managed fields and not its status; null when
 * none did. @param path such as `['spec', 'template']`; empty: any part.
 */
export function writerOf({ metadata }: KubeObject, path: readonly string[], { after, until }: Between): string | null {
  const isWithin = (time: string | undefined): boolean =>
    time !== undefined &&
    Date.parse(time) > Math.floor(after.getTime() / 1000) * 1000 &&
    Date.parse(time) <= until.getTime();
  const writers = (metadata.managedFields ?? [])
    .filter(({ subresource, time, fieldsV1 }) => !subresource && isWithin(time) && holds(fieldsV1, path))
    .toSorted((a, b) => (b.time ?? '').localeCompare(a.time ?? ''));
  return writers[0]?.manager ?? null;
}

function holds(fields: unknown, [member, ...rest]: readonly string[]): boolean {
  if (member === undefined) return true;
  if (typeof fields !== 'object' || fields === null) return false;
  const entry = Object.entries(fields).find(([name]) => name === `f:${member}`);
  return entry !== undefined && holds(entry[1], rest);
}
