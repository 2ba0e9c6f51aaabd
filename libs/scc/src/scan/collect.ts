import { z } from 'zod';
import { CLUSTER_SCOPED, SCAN_KINDS } from './kinds.js';
import { isProfile, PROFILE_KINDS, withoutRecords } from './profiles.js';
import { isRecorded, RECORDING_KINDS, withoutFiles } from './recordings.js';
import { type ClusterObject, clusterObjectSchema, type Unreadable } from './objects.js';

/** The objects of one kind, or why they cannot be read. A kind that is not served has none. */
export type ListKind = (
  kind: (typeof SCAN_KINDS)[number] & { readonly resourceVersion?: string },
  namespace?: string,
) => Promise<{ items: readonly unknown[]; refused: string | null }>;

/** The inputs that were read, and those that could not be. */
export interface Collected {
  readonly objects: ClusterObject[];
  readonly unreadable: Unreadable[];
}

const named = z.looseObject({ metadata: z.looseObject({ name: z.string() }) });
const APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Without what is large and says nothing of what the object is: who wrote which field, and what was applied. */
function withoutBallast(object: ClusterObject): ClusterObject {
  const { managedFields: _fields, annotations, ...metadata } = object.metadata;
  if (annotations?.[APPLIED] === undefined) return { ...object, metadata: { ...metadata, annotations } };
  const { [APPLIED]: _applied, ...rest } = annotations;
  return { ...object, metadata: { ...metadata, annotations: rest } };
}

/** A profile without the records that no scan looks at; anything else as it is. */
function slim(object: ClusterObject): ClusterObject {
  if (isProfile(object)) return withoutRecords(object);
  return isRecorded(object) ? withoutFiles(object) : object;
}

/** Takes one object, or says why it cannot be read. */
function take(item: unknown, kind: string, { objects, unreadable }: Collected): void {
  const parsed = clusterObjectSchema.safeParse(item);
  if (parsed.success) {
    objects.push(withoutBallast(slim(parsed.data)));
    return;
  }
  const name = named.safeParse(item).data?.metadata.name ?? '';
  unreadable.push({ source: `${kind} ${name}`, reason: z.prettifyError(parsed.error) });
}

/** Profiles of the Security Profiles Operator belong to a namespace in some of its versions, and to none in others. */
const hasNoNamespace = (kind: (typeof SCAN_KINDS)[number]): boolean =>
  CLUSTER_SCOPED.has(kind.kind) || RECORDING_KINDS.includes(kind);

interface CollectOptions {
  /** Told of each kind before it is read. */
  progress?: (kind: string) => void;
  /** Whether profiles of what containers did are read, too, which may be large. */
  profiles?: boolean;
}

/**
 * The objects of a cluster that a scan judges, one kind after the other. A kind that may not be read is named.
 * @param namespaces those to read; every one when empty
 */
export async function collectObjects(
  list: ListKind,
  namespaces: readonly string[],
  { progress = () => undefined, profiles = false }: CollectOptions = {},
): Promise<Collected> {
  const collected: Collected = { objects: [], unreadable: [] };
  for (const kind of [...SCAN_KINDS, ...(profiles ? [...PROFILE_KINDS, ...RECORDING_KINDS] : [])]) {
    progress(kind.kind);
    const isWhole = namespaces.length === 0 || hasNoNamespace(kind);
    for (const namespace of isWhole ? [undefined] : namespaces) {
      const { items, refused } = await list(kind, namespace);
      const where = namespace === undefined ? '' : ` in ${namespace}`;
      if (refused !== null) collected.unreadable.push({ source: `every ${kind.kind}${where}`, reason: refused });
      for (const item of items) take(item, kind.kind, collected);
    }
  }
  return collected;
}
