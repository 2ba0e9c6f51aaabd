import { isDeepStrictEqual } from 'node:util';
import { isRecord } from '@scc/plan';
import { z } from 'zod';

/** Objects by `Kind/name`, each reduced to what a user can set. */
export type Snapshot = ReadonlyMap<string, Record<string, unknown>>;

/** Objects that the API server and its controllers write by themselves. */
const SERVER_FIELDS = new Set([
  'resourceVersion',
  'generation',
  'managedFields',
  'creationTimestamp',
  'uid',
  'selfLink',
]);
const SERVER_ANNOTATIONS = new Set(['deployment.kubernetes.io/revision', 'deprecated.daemonset.template.generation']);

const STATUS = new Set(['status']);

const objectSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), annotations: z.record(z.string(), z.string()).optional() }),
});

const without = (fields: object, names: ReadonlySet<string>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.has(name)));

/** The part of an object that a user can set. */
export function userFields(value: unknown): { name: string; fields: Record<string, unknown> } {
  const { metadata, ...rest } = objectSchema.parse(value);
  const { annotations, ...kept } = metadata;
  const own = without(annotations ?? {}, SERVER_ANNOTATIONS);
  const fields = {
    ...without(rest, STATUS),
    metadata: { ...without(kept, SERVER_FIELDS), ...(Object.keys(own).length ? { annotations: own } : {}) },
  };
  return { name: metadata.name, fields };
}

/** How one object differs between two snapshots. */
export interface ObjectDifference {
  /** Kind/name */
  object: string;
  kind: 'changed' | 'removed' | 'added';
  /** Paths of the changed fields; empty when the whole object came or went. */
  fields: string[];
}

function changedPaths(before: unknown, after: unknown, path: string): string[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (!isRecord(before) || !isRecord(after)) return [path];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name) => changedPaths(before[name], after[name], path === '' ? name : `${path}.${name}`));
}

/** Every object that is not as it was. */
export function compareSnapshots(before: Snapshot, after: Snapshot): ObjectDifference[] {
  const objects = [...new Set([...before.keys(), ...after.keys()])].sort();
  return objects.flatMap((object): ObjectDifference[] => {
    const was = before.get(object);
    const is = after.get(object);
    if (!was) return [{ object, kind: 'added', fields: [] }];
    if (!is) return [{ object, kind: 'removed', fields: [] }];
    const fields = changedPaths(was, is, '');
    return fields.length ? [{ object, kind: 'changed', fields }] : [];
  });
}

export const describeDifference = ({ object, kind, fields }: ObjectDifference): string =>
  fields.length ? `${object} ${kind}: ${fields.join(', ')}` : `${object} ${kind}`;
