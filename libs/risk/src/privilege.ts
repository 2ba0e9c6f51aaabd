import { compare, compileSCC, type CompiledSCC, defaultSCCs, type PodTemplate, sccSchema } from '@scc/scc';
import { clamp, sum } from './numbers.js';
import { type Dimension, type Loss, NOTHING_SEEN, type SeenUsers, USE, useOf } from './use.js';
import { userIdDifference, userIdMeasure, userIdsOf } from './user-ids.js';

/** Permits nothing that could be lost; user ids, of which every SCC permits some, have a measure of their own. */
export const NOTHING = compileSCC(
  sccSchema.parse({
    metadata: { name: 'nothing' },
    allowPrivilegeEscalation: false,
    runAsUser: { type: 'MustRunAsRange' },
    seLinuxContext: { type: 'MustRunAs' },
    fsGroup: { type: 'MustRunAs' },
    supplementalGroups: { type: 'MustRunAs' },
    requiredDropCapabilities: ['ALL'],
    seccompProfiles: ['runtime/default'],
    readOnlyRootFilesystem: true,
    userNamespaceLevel: 'RequirePodLevel',
    volumes: ['none'],
  }),
);

/** The bounds of pods under no SCC. */
export const EVERYTHING = compileSCC(
  defaultSCCs().find(({ metadata }) => metadata.name === 'privileged') ?? missingPrivileged(),
);
function missingPrivileged(): never {
  throw new Error('the default SCCs have no privileged');
}

/** Dimensions that must be lost in full, and be used, for the largest gap. */
const FULL_LOSS = 5;

interface Difference {
  readonly dimension: Dimension;
  readonly what: readonly string[];
}

/** Rights that the first permits and the second does not, without what is no privilege. */
const lostBetween = (a: CompiledSCC, b: CompiledSCC): Difference[] =>
  compare(a, b).losses.filter(({ dimension }) => dimension !== 'stating a seccomp profile');

/** The part of what can be lost in a dimension that is lost: |A∖B| / |A|. */
function lostShare(a: CompiledSCC, b: CompiledSCC, { dimension, what }: Difference): number {
  if (dimension === 'user ids') return userIdDifference(userIdsOf(a), userIdsOf(b)) / userIdMeasure(userIdsOf(a));
  const all = lostBetween(a, NOTHING).find((one) => one.dimension === dimension)?.what.length ?? what.length;
  return what.length / all;
}

export interface LossPart {
  readonly dimension: Dimension;
  /** 1 declared, 0.5 undeclared, 0 provably unused. */
  readonly use: number;
  readonly share: number;
}

export interface PrivilegeLoss {
  /** In [0, 1]. */
  readonly loss: number;
  /** The template as it would be if it said that it does not use what it does not say. */
  readonly lossIfDeclared: number;
  /** Standard deviation of the loss, from not knowing whether what is undeclared is used. */
  readonly spread: number;
  readonly parts: readonly LossPart[];
}

/**
 * What a workload loses between two SCCs: per dimension the part of the rights that go away, times how much its pods use
 * them. 0 exactly when nothing that is used goes away.
 * @param template null when it could not be read.
 * @param seen users that containers are known to run as
 */
export function privilegeLoss(
  a: CompiledSCC,
  b: CompiledSCC,
  template: PodTemplate | null,
  seen: SeenUsers = NOTHING_SEEN,
): PrivilegeLoss {
  const parts = lostBetween(a, b).map((difference) => {
    const loss: Loss = { dimension: difference.dimension, lost: difference.what, target: b };
    return { dimension: difference.dimension, use: useOf(template, loss, seen), share: lostShare(a, b, difference) };
  });
  const total = (counts: (part: LossPart) => boolean): number =>
    clamp(sum(parts.filter(counts).map(({ use, share }) => use * share)) / FULL_LOSS);
  const undeclared = parts.filter(({ use }) => use === USE.undeclared);
  return {
    loss: total(() => true),
    lossIfDeclared: total(({ use }) => use === USE.declared),
    spread: Math.sqrt(sum(undeclared.map(({ share }) => share ** 2)) / 12) / FULL_LOSS,
    parts,
  };
}

/** The worth of a right among those of its dimension; 1 is all the dimension has to give. */
interface Worth {
  /** How much the whole dimension adds to exposure. */
  readonly weight: number;
  readonly items: Readonly<Record<string, number>>;
  /** An item that is not listed. */
  readonly other: number;
}

const worth = (weight: number, other = 1, items: Readonly<Record<string, number>> = {}): Worth => ({
  weight,
  items,
  other,
});

const each = (value: number, names: readonly string[]): Record<string, number> =>
  Object.fromEntries(names.map((name) => [name, value]));

/** Capabilities that amount to the node, and those that containers have by default. */
const CAPABILITIES = {
  ...each(1, ['SYS_ADMIN', 'SYS_MODULE', 'SYS_RAWIO', 'SYS_PTRACE', 'DAC_READ_SEARCH', 'BPF', 'ALL']),
  ...each(0.02, ['AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE']),
  ...each(0.02, ['NET_RAW', 'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT']),
};

/**
 * What gained rights are worth: policy, written down here, reviewed like code and never learned. A weight is how near
 * the dimension as a whole brings a pod to being the node.
 */
const EXPOSURE: Readonly<Record<Dimension, Worth>> = {
  'privileged containers': worth(0.8),
  'host namespaces': worth(0.7, 1, { network: 0.5, PID: 0.75, IPC: 0.5, ports: 0.25 }),
  'host files': worth(0.6),
  'root user': worth(0.2, 1, { 'in the pod': 0.3, 'on the node': 0.7 }),
  'privilege escalation': worth(0.05),
  capabilities: worth(0.5, 0.3, CAPABILITIES),
  seccomp: worth(0.1, 0.5),
  'user ids': worth(0.05),
  SELinux: worth(0.3, 0.5),
  groups: worth(0.05, 0.5),
  sysctls: worth(0.2, 0.25),
  volumes: worth(0.1, 0.1),
  'writable root filesystem': worth(0.03),
  'user namespace of the node': worth(0.1),
  'stating a seccomp profile': worth(0),
};

/** `*` is everything; of anything else there cannot be more than that. */
function gainedShare(a: CompiledSCC, b: CompiledSCC, { dimension, what }: Difference): number {
  if (dimension === 'user ids') return userIdDifference(userIdsOf(b), userIdsOf(a));
  const { items, other } = EXPOSURE[dimension];
  return what.includes('*') ? 1 : Math.min(1, sum(what.map((item) => items[item] ?? other)));
}

export interface PrivilegeGain {
  /** In [0, 1]. */
  readonly exposure: number;
  /** The weightiest first. */
  readonly parts: readonly { readonly dimension: Dimension; readonly adds: number }[];
}

/** How much power the second SCC gives that the first does not: 0 exactly when it permits nothing new. */
export function privilegeGain(a: CompiledSCC, b: CompiledSCC): PrivilegeGain {
  const parts = lostBetween(b, a)
    .map((difference) => ({
      dimension: difference.dimension,
      adds: EXPOSURE[difference.dimension].weight * gainedShare(a, b, difference),
    }))
    .toSorted((one, other) => other.adds - one.adds);
  return { exposure: clamp(sum(parts.map(({ adds }) => adds))), parts };
}
