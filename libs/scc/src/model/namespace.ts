import type { IdRange } from './scc.js';
import { MCS_ANNOTATION, SUPPLEMENTAL_GROUPS_ANNOTATION, UID_RANGE_ANNOTATION } from './names.js';

export interface Namespace {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>> | null | undefined;
  readonly annotations?: Readonly<Record<string, string>> | null | undefined;
}

/** A value that the namespace's annotations give, or why they do not. */
export type Preallocated<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string };

export interface NamespaceValues {
  readonly uidRange: Preallocated<IdRange>;
  readonly level: Preallocated<string>;
  /** One id: fsGroup gets only the first of the first block. */
  readonly fsGroup: Preallocated<readonly IdRange[]>;
  readonly supplementalGroups: Preallocated<readonly IdRange[]>;
}

const EXEMPT_NAMES = new Set([
  'default',
  'kube-system',
  'kube-public',
  'openshift-node',
  'openshift-infra',
  'openshift',
]);

/** True for the namespaces whose pods SCC admission never looks at. */
export function isExemptNamespace({ name, labels }: Namespace): boolean {
  if (EXEMPT_NAMES.has(name)) return true;
  const runLevel = labels?.['openshift.io/run-level'];
  if (runLevel === '0' || runLevel === '1') return true;
  return labels?.['security.openshift.io/disable-securitycontextconstraints'] === 'true';
}

/** Ids are 32-bit unsigned and wrap silently, as in the allocator that wrote them. */
const uint32 = (value: number): number => value >>> 0;
const BLOCK = /^[ \t]*(\d+)([/-])[ \t]*(\d+)/;
const MAX_UINT32 = 0xffffffff;

/**
 * Reads one block of ids: `start/size` or `start-end`. Text after the block is ignored, so of a comma list this is the
 * first; a sign or anything but digits is an error. A start above the end is accepted: such a block holds no id.
 */
export function parseUidRange(text: string): IdRange {
  const match = BLOCK.exec(text);
  const [, start, separator, last] = match ?? [];
  const slashExpected = text.includes('/');
  if (start === undefined || last === undefined || (separator === '/') !== slashExpected)
    throw new RangeError(`"${text}" is neither START/SIZE nor START-END`);
  const min = Number(start);
  const end = Number(last);
  if (min > MAX_UINT32 || end > MAX_UINT32) throw new RangeError(`"${text}" exceeds 32 bits`);
  return { min, max: slashExpected ? uint32(min + end - 1) : end };
}

/** Reads the comma list of blocks of the supplemental-groups annotation. */
export const parseGroupRanges = (text: string): IdRange[] => text.split(',').map(parseUidRange);

function attempt<T>(read: () => T): Preallocated<T> {
  try {
    return { ok: true, value: read() };
  } catch (cause) {
    return { ok: false, error: cause instanceof Error ? cause.message : String(cause) };
  }
}

function required(annotations: Readonly<Record<string, string>>, name: string): string {
  const text = annotations[name];
  if (text === undefined) throw new RangeError(`unable to find annotation ${name}`);
  if (text === '') throw new RangeError(`found annotation ${name} but it was empty`);
  return text;
}

const EMPTY: Readonly<Record<string, string>> = {};

const known = new WeakMap<Namespace, NamespaceValues>();

/** What SCCs that leave a value open take from the namespace. Read once for each object, which must not change. */
export function namespaceValues(namespace: Namespace): NamespaceValues {
  let values = known.get(namespace);
  if (!values) known.set(namespace, (values = readValues(namespace)));
  return values;
}

function readValues({ annotations }: Namespace): NamespaceValues {
  const present = annotations ?? EMPTY;
  const groupsFrom = SUPPLEMENTAL_GROUPS_ANNOTATION in present ? SUPPLEMENTAL_GROUPS_ANNOTATION : UID_RANGE_ANNOTATION;
  const groups = attempt(() => parseGroupRanges(required(present, groupsFrom)));
  const first = groups.ok ? groups.value[0] : undefined;
  return {
    uidRange: attempt(() => parseUidRange(required(present, UID_RANGE_ANNOTATION))),
    level: attempt(() => required(present, MCS_ANNOTATION)),
    supplementalGroups: groups,
    fsGroup: first ? { ok: true, value: [{ min: first.min, max: first.min }] } : groups,
  };
}

/** The annotations without which no pod of the namespace can be judged, for any SCC. */
export function missingAnnotation({ annotations }: Namespace): string | undefined {
  return [UID_RANGE_ANNOTATION, MCS_ANNOTATION].find((name) => annotations?.[name] === undefined);
}
