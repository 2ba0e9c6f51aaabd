import type { CompiledSCC } from '../model/compile.js';
import { VOLUME_TYPES } from '../model/write-defaults.js';

/** How one SCC relates to another: what every pod of one may do, seen from the other. */
export type Containment = 'equal' | 'narrower' | 'wider' | 'incomparable';

type Permitted = ReadonlySet<string>;

/** One kind of privilege, as what an SCC permits of it. */
interface Dimension {
  readonly name: DimensionName;
  readonly permits: (scc: CompiledSCC) => Permitted;
  /** True when the first permits all that the second permits. */
  readonly covers: (a: CompiledSCC, b: CompiledSCC) => boolean;
  /** How much is permitted; never more for an SCC that is covered than for the one that covers it. */
  readonly amount: (scc: CompiledSCC) => number;
  /** False for what a pod may state without being able to do more by it. */
  readonly isPrivilege: boolean;
}

export type DimensionName =
  | 'privileged containers'
  | 'host namespaces'
  | 'host files'
  | 'root user'
  | 'privilege escalation'
  | 'capabilities'
  | 'seccomp'
  | 'user ids'
  | 'SELinux'
  | 'groups'
  | 'sysctls'
  | 'volumes'
  | 'writable root filesystem'
  | 'user namespace of the node'
  | 'stating a seccomp profile';

const flags = (values: Readonly<Record<string, unknown>>): ReadonlySet<string> =>
  new Set(Object.keys(values).filter((name) => values[name]));

/** Docker's default set: what a container keeps when nothing is dropped. */
const KEPT_BY_DEFAULT = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'NET_RAW',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
];

function capabilities({ anyCapability, requiredDrop, addable }: CompiledSCC): ReadonlySet<string> {
  const kept = requiredDrop.includes('ALL') ? [] : KEPT_BY_DEFAULT.filter((name) => !requiredDrop.includes(name));
  return new Set([...kept, ...addable, ...(anyCapability ? KEPT_BY_DEFAULT : [])]);
}

interface Ids {
  readonly text: string;
  readonly min: number;
  readonly max: number;
}

const HIGHEST_ID = 0xffff_ffff;
/** The area in which OpenShift allocates the blocks of namespaces; one namespace owns only one block of it. */
const NAMESPACE_IDS: Ids = { text: "the namespace's range", min: 1_000_000_000, max: 1_999_999_999 };
const NAMESPACE_BLOCK = 10_000;

function userIds({ runAsUser: rule }: CompiledSCC): Ids {
  switch (rule.type) {
    case 'RunAsAny':
      return { text: 'any id', min: 0, max: HIGHEST_ID };
    case 'MustRunAsNonRoot':
      return { text: 'any id above 0', min: 1, max: HIGHEST_ID };
    case 'MustRunAsRange':
      return rule.range ? { ...rule.range, text: `${rule.range.min}-${rule.range.max}` } : NAMESPACE_IDS;
    case 'MustRunAs':
      return { text: String(rule.uid), min: rule.uid, max: rule.uid };
  }
}

function mayBeRoot({ runAsUser: rule }: CompiledSCC): boolean {
  switch (rule.type) {
    case 'RunAsAny':
      return true;
    case 'MustRunAsNonRoot':
      return false;
    case 'MustRunAs':
      return rule.uid === 0;
    case 'MustRunAsRange':
      return rule.range?.min === 0;
  }
}

/** Root inside a user namespace of the pod is nobody on the node. */
function rootUser(scc: CompiledSCC): ReadonlySet<string> {
  const root = mayBeRoot(scc);
  return flags({ 'in the pod': root, 'on the node': root && !scc.requirePodUserNamespace });
}

function seLinux({ seLinux: rule }: CompiledSCC): ReadonlySet<string> {
  if (rule.type === 'RunAsAny') return new Set(['confined', '*']);
  const { type } = rule.options;
  return new Set(type && type !== 'container_t' ? ['confined', type] : ['confined']);
}

/** `*` stands for everything. */
const coversSet = (wider: Permitted, narrower: Permitted): boolean =>
  wider.has('*') || [...narrower].every((item) => wider.has(item));
const sizeOf = (permitted: Permitted): number => (permitted.has('*') ? 1000 : permitted.size);

const ofSet = (name: DimensionName, permits: (scc: CompiledSCC) => Permitted, isPrivilege = true): Dimension => ({
  name,
  permits,
  covers: (a, b) => coversSet(permits(a), permits(b)),
  amount: (scc) => sizeOf(permits(scc)),
  isPrivilege,
});

const coversIds = (wider: Ids, narrower: Ids): boolean =>
  wider === NAMESPACE_IDS ? narrower === NAMESPACE_IDS : wider.min <= narrower.min && wider.max >= narrower.max;

const USER_IDS: Dimension = {
  name: 'user ids',
  permits: (scc) => new Set([userIds(scc).text]),
  covers: (a, b) => coversIds(userIds(a), userIds(b)),
  amount: (scc) => {
    const ids = userIds(scc);
    return ids === NAMESPACE_IDS ? NAMESPACE_BLOCK : ids.max - ids.min + 1;
  },
  isPrivilege: true,
};

const DIMENSIONS: readonly Dimension[] = [
  ofSet('privileged containers', ({ source }) => flags({ privileged: source.allowPrivilegedContainer })),
  ofSet('host namespaces', ({ source }) =>
    flags({
      network: source.allowHostNetwork,
      PID: source.allowHostPID,
      IPC: source.allowHostIPC,
      ports: source.allowHostPorts,
    }),
  ),
  ofSet('host files', ({ anyVolume, volumes }) => flags({ hostPath: anyVolume || volumes.has('hostPath') })),
  ofSet('root user', rootUser),
  ofSet('privilege escalation', ({ source }) => flags({ escalation: source.allowPrivilegeEscalation !== false })),
  ofSet('capabilities', capabilities),
  ofSet('seccomp', ({ anySeccomp, seccompProfiles }) =>
    flags({
      unconfined: anySeccomp || seccompProfiles.length === 0 || seccompProfiles.includes('unconfined'),
      'profiles of the node': anySeccomp || seccompProfiles.some((profile) => profile.startsWith('localhost/')),
    }),
  ),
  USER_IDS,
  ofSet('SELinux', seLinux),
  ofSet('groups', ({ fsGroup, supplementalGroups }) =>
    flags({ 'any fsGroup': fsGroup.type === 'RunAsAny', 'any other group': supplementalGroups.type === 'RunAsAny' }),
  ),
  ofSet('sysctls', ({ source }) => new Set(source.allowedUnsafeSysctls)),
  ofSet(
    'volumes',
    ({ anyVolume, volumes }) =>
      new Set([...(anyVolume ? [...VOLUME_TYPES, '*'] : volumes)].filter((type) => type !== 'none')),
  ),
  ofSet('writable root filesystem', ({ source }) => flags({ writable: !source.readOnlyRootFilesystem })),
  ofSet('user namespace of the node', (scc) => flags({ shared: !scc.requirePodUserNamespace })),
  ofSet(
    'stating a seccomp profile',
    ({ anySeccomp, seccompProfiles }) => new Set(anySeccomp ? ['*', ...seccompProfiles] : seccompProfiles),
    false,
  ),
];

export interface DimensionComparison {
  readonly dimension: DimensionName;
  readonly isPrivilege: boolean;
  readonly relation: Containment;
  /** Permitted by the second only, and by the first only. */
  readonly gained: readonly string[];
  readonly lost: readonly string[];
}

function relate({ covers }: Dimension, a: CompiledSCC, b: CompiledSCC): Containment {
  const bCoversA = covers(b, a);
  if (covers(a, b)) return bCoversA ? 'equal' : 'wider';
  return bCoversA ? 'narrower' : 'incomparable';
}

const without = (a: Permitted, b: Permitted): string[] => (b.has('*') ? [] : [...a].filter((item) => !b.has(item)));

/** Every dimension, the weightiest first; `relation` is that of the first SCC to the second. */
export const compareDimensions = (a: CompiledSCC, b: CompiledSCC): DimensionComparison[] =>
  DIMENSIONS.map((dimension) => {
    const relation = relate(dimension, a, b);
    const [first, second] = [dimension.permits(a), dimension.permits(b)];
    return {
      dimension: dimension.name,
      isPrivilege: dimension.isPrivilege,
      relation,
      gained: relation === 'wider' ? [] : without(second, first),
      lost: relation === 'narrower' ? [] : without(first, second),
    };
  });

/** Containment of privilege: narrower means that the first permits nothing that the second does not. */
export function containment(a: CompiledSCC, b: CompiledSCC): Containment {
  const relations = new Set(
    DIMENSIONS.filter(({ isPrivilege }) => isPrivilege).map((dimension) => relate(dimension, a, b)),
  );
  relations.delete('equal');
  const [only, ...others] = relations;
  if (only === undefined) return 'equal';
  return others.length === 0 ? only : 'incomparable';
}

/**
 * Total order for choosing: the first dimension in which the two differ in amount decides, weightiest first. It extends
 * containment: a narrower SCC always comes before the wider one.
 */
export function compareByPrivilege(a: CompiledSCC, b: CompiledSCC): number {
  for (const { amount, isPrivilege } of DIMENSIONS) {
    const difference = isPrivilege ? amount(a) - amount(b) : 0;
    if (difference !== 0) return difference;
  }
  return a.points - b.points || (a.name < b.name ? -1 : Number(a.name > b.name));
}
