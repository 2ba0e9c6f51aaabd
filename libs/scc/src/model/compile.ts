import type { IdRange, SecurityContextConstraints, SELinuxOptions } from './scc.js';
import { restrictivenessPoints } from './restrictiveness.js';
import { defaultSCC } from './write-defaults.js';

/** `undefined` in place of a value means: take it from the namespace's annotations. */
export type RunAsUserRule =
  | { readonly type: 'RunAsAny' }
  | { readonly type: 'MustRunAsNonRoot' }
  | { readonly type: 'MustRunAs'; readonly uid: number }
  | { readonly type: 'MustRunAsRange'; readonly range: IdRange | undefined };

type SELinuxRule =
  | { readonly type: 'RunAsAny' }
  | { readonly type: 'MustRunAs'; readonly options: SELinuxOptions; readonly level: string | undefined };

export type GroupRule =
  { readonly type: 'RunAsAny' } | { readonly type: 'MustRunAs'; readonly ranges: readonly IdRange[] | undefined };

/** An SCC in the form that decisions read: defaulted, checked, with sets in place of lists. Immutable. */
export interface CompiledSCC {
  readonly name: string;
  /** The SCC after write-time defaulting. */
  readonly source: SecurityContextConstraints;
  readonly priority: number;
  readonly points: number;
  readonly users: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
  /** Why no pod can be judged by this SCC; one such SCC rejects every request that has it as a candidate. */
  readonly error: string | undefined;
  readonly runAsUser: RunAsUserRule;
  readonly seLinux: SELinuxRule;
  readonly fsGroup: GroupRule;
  readonly supplementalGroups: GroupRule;
  readonly defaultAdd: readonly string[];
  readonly requiredDrop: readonly string[];
  /** The capabilities of a container that names none: the two lists, sorted. */
  readonly defaultCapabilities: { readonly add: readonly string[]; readonly drop: readonly string[] };
  readonly addable: ReadonlySet<string>;
  readonly anyCapability: boolean;
  readonly anyVolume: boolean;
  readonly volumes: ReadonlySet<string>;
  /** What refusals say is allowed. */
  readonly bounds: { readonly addable: string; readonly volumes: string; readonly seccomp: readonly string[] };
  readonly flexDrivers: ReadonlySet<string> | undefined;
  readonly anySeccomp: boolean;
  readonly seccompProfiles: readonly string[];
  readonly seccompDefault: string;
  readonly requirePodUserNamespace: boolean;
}

/** SCCs in the order in which they are tried. */
export interface CompiledSCCs {
  readonly ordered: readonly CompiledSCC[];
  readonly byName: ReadonlyMap<string, CompiledSCC>;
}

const RUN_AS_ANY = { type: 'RunAsAny' } as const;
type Parsed<T> = T | { readonly type: 'error'; readonly error: string };

const compileUidRange = (min: number | null | undefined, max: number | null | undefined): Parsed<RunAsUserRule> =>
  min == null || max == null
    ? { type: 'error', error: 'MustRunAsRange requires both uidRangeMin and uidRangeMax' }
    : { type: 'MustRunAsRange', range: { min, max } };

function compileRunAsUser({ runAsUser }: SecurityContextConstraints): Parsed<RunAsUserRule> {
  const { uid, uidRangeMin: min, uidRangeMax: max } = runAsUser ?? {};
  const type: string = runAsUser?.type ?? '';
  switch (type) {
    case 'RunAsAny':
    case 'MustRunAsNonRoot':
      return { type };
    case 'MustRunAs':
      return uid == null ? { type: 'error', error: 'MustRunAs requires a UID' } : { type, uid };
    case 'MustRunAsRange':
      return min == null && max == null ? { type, range: undefined } : compileUidRange(min, max);
    default:
      return { type: 'error', error: `Unrecognized RunAsUser strategy type ${type}` };
  }
}

function compileSELinux({ seLinuxContext }: SecurityContextConstraints): Parsed<SELinuxRule> {
  const type: string = seLinuxContext?.type ?? '';
  switch (type) {
    case 'RunAsAny':
      return RUN_AS_ANY;
    case 'MustRunAs': {
      const options = seLinuxContext?.seLinuxOptions ?? {};
      return { type, options, level: options.level === '' ? undefined : (options.level ?? undefined) };
    }
    default:
      return { type: 'error', error: `Unrecognized SELinuxContext strategy type ${type}` };
  }
}

function compileGroup(scc: SecurityContextConstraints, field: 'fsGroup' | 'supplementalGroups'): Parsed<GroupRule> {
  const { ranges } = scc[field] ?? {};
  const type: string = scc[field]?.type ?? '';
  switch (type) {
    case 'RunAsAny':
      return RUN_AS_ANY;
    case 'MustRunAs':
      if (!ranges?.length) return { type, ranges: undefined };
      return { type, ranges: ranges.map(({ min, max }) => ({ min: min ?? 0, max: max ?? 0 })) };
    default:
      return { type: 'error', error: `Unrecognized ${field} strategy type ${type}` };
  }
}

const DOCKER_DEFAULT = new Set(['runtime/default', 'docker/default']);

function compileSeccomp(profiles: readonly string[]) {
  const named = profiles.filter((profile) => profile !== '*');
  const aliased = named.some((profile) => DOCKER_DEFAULT.has(profile)) ? [...named, ...DOCKER_DEFAULT] : named;
  return {
    anySeccomp: named.length < profiles.length,
    seccompProfiles: aliased,
    seccompDefault: named[0] ?? '',
  };
}

function compileVolumes(scc: SecurityContextConstraints) {
  const volumes = new Set(scc.volumes ?? []);
  const anyVolume = volumes.has('*');
  const drivers = (scc.allowedFlexVolumes ?? []).map(({ driver }) => driver);
  const restrictsDrivers = drivers.length > 0 && (anyVolume || volumes.has('flexVolume'));
  return { volumes, anyVolume, flexDrivers: restrictsDrivers ? new Set(drivers) : undefined };
}

function compileCapabilities(scc: SecurityContextConstraints) {
  const allowed = scc.allowedCapabilities ?? [];
  const defaultAdd = scc.defaultAddCapabilities ?? [];
  const requiredDrop = scc.requiredDropCapabilities ?? [];
  const sorted = (names: readonly string[]): string[] => [...new Set(names)].sort();
  return {
    defaultAdd,
    requiredDrop,
    defaultCapabilities: { add: sorted(defaultAdd), drop: sorted(requiredDrop) },
    addable: new Set([...defaultAdd, ...allowed]),
    anyCapability: allowed.includes('*'),
  };
}

/** Joined once, and not for each pod that is refused. */
const boundsOf = (scc: SecurityContextConstraints): CompiledSCC['bounds'] => ({
  addable: [...compileCapabilities(scc).addable].join(',') || 'none',
  volumes: [...new Set(scc.volumes)].join(','),
  seccomp: (scc.seccompProfiles ?? []).filter((profile) => profile !== '*'),
});

const compiledCache = new WeakMap<SecurityContextConstraints, CompiledSCC>();

/** Compiles one SCC, as a user wrote it or as the API holds it. Compiling the same object again costs nothing. */
export function compileSCC(written: SecurityContextConstraints): CompiledSCC {
  const cached = compiledCache.get(written);
  if (cached) return cached;
  const scc = defaultSCC(written);
  const runAsUser = compileRunAsUser(scc);
  const seLinux = compileSELinux(scc);
  const fsGroup = compileGroup(scc, 'fsGroup');
  const supplementalGroups = compileGroup(scc, 'supplementalGroups');
  const failed = [runAsUser, seLinux, fsGroup, supplementalGroups].find((rule) => rule.type === 'error');
  const compiled: CompiledSCC = {
    name: scc.metadata.name,
    source: scc,
    priority: scc.priority ?? 0,
    points: restrictivenessPoints(scc),
    users: new Set(scc.users),
    groups: new Set(scc.groups),
    error: failed?.type === 'error' ? failed.error : undefined,
    runAsUser: runAsUser.type === 'error' ? RUN_AS_ANY : runAsUser,
    seLinux: seLinux.type === 'error' ? RUN_AS_ANY : seLinux,
    fsGroup: fsGroup.type === 'error' ? RUN_AS_ANY : fsGroup,
    supplementalGroups: supplementalGroups.type === 'error' ? RUN_AS_ANY : supplementalGroups,
    ...compileCapabilities(scc),
    ...compileVolumes(scc),
    ...compileSeccomp(scc.seccompProfiles ?? []),
    bounds: boundsOf(scc),
    requirePodUserNamespace: scc.userNamespaceLevel === 'RequirePodLevel',
  };
  compiledCache.set(written, compiled);
  return compiled;
}

/** Priority descending, points ascending, name ascending by bytes. */
function compareByOrder(a: CompiledSCC, b: CompiledSCC): number {
  if (a.priority !== b.priority) return b.priority - a.priority;
  if (a.points !== b.points) return a.points - b.points;
  return a.name < b.name ? -1 : Number(a.name > b.name);
}

/**
 * Brings a cluster's SCCs into the form and order that decisions use. Do it once per change of the SCCs. A name given
 * twice is an error: names are unique in a cluster.
 */
export function compileSCCs(sccs: readonly SecurityContextConstraints[]): CompiledSCCs {
  const ordered = sccs.map(compileSCC).sort(compareByOrder);
  const byName = new Map(ordered.map((scc) => [scc.name, scc]));
  if (byName.size !== ordered.length) throw new RangeError('two SCCs have the same name');
  return { ordered, byName };
}
