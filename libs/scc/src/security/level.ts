/** The levels of Pod Security, from strict to lax. */
const RANK = { restricted: 0, baseline: 1, privileged: 2 } as const;
export type PodSecurityLevel = keyof typeof RANK;

export const isLaxer = (a: PodSecurityLevel, b: PodSecurityLevel): boolean => RANK[a] > RANK[b];

/** The laxest of the levels; `restricted` for none. */
export const laxest = (levels: readonly PodSecurityLevel[]): PodSecurityLevel =>
  levels.reduce((worst, level) => (isLaxer(level, worst) ? level : worst), 'restricted');

/** Capabilities that a container may add at level baseline; at level restricted only NET_BIND_SERVICE. */
export const BASELINE_CAPABILITIES: ReadonlySet<string> = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

export const RESTRICTED_VOLUMES: ReadonlySet<string> = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'none',
  'persistentVolumeClaim',
  'projected',
  'secret',
]);

export const SAFE_SELINUX_TYPES: ReadonlySet<string> = new Set([
  '',
  'container_t',
  'container_init_t',
  'container_kvm_t',
]);
