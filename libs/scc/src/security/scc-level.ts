import { type CompiledSCC, compileSCC } from '../model/compile.js';
import type { SecurityContextConstraints } from '../model/scc.js';
import { type Namespace, namespaceValues } from '../model/namespace.js';
import {
  BASELINE_CAPABILITIES,
  laxest,
  type PodSecurityLevel,
  RESTRICTED_VOLUMES,
  SAFE_SELINUX_TYPES,
} from './level.js';

type Rule = (scc: CompiledSCC, namespace: Namespace | undefined) => PodSecurityLevel;

const hostAccess: Rule = ({ source, anyVolume, volumes }) =>
  anyVolume ||
  volumes.has('hostPath') ||
  source.allowHostDirVolumePlugin ||
  source.allowHostIPC ||
  source.allowHostNetwork ||
  source.allowHostPID ||
  source.allowHostPorts ||
  source.allowPrivilegedContainer
    ? 'privileged'
    : 'restricted';

const escalation: Rule = ({ source }) => (source.allowPrivilegeEscalation === false ? 'restricted' : 'baseline');

const capabilities: Rule = ({ addable, requiredDrop }) => {
  const names = [...addable];
  if (names.some((name) => !BASELINE_CAPABILITIES.has(name))) return 'privileged';
  const onlyBinding = names.every((name) => name === 'NET_BIND_SERVICE');
  return onlyBinding && requiredDrop.includes('ALL') ? 'restricted' : 'baseline';
};

const BASIC_SAFE_SYSCTLS = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
]);

const sysctls: Rule = ({ source }) =>
  (source.allowedUnsafeSysctls ?? []).some((pattern) => !BASIC_SAFE_SYSCTLS.has(pattern)) ? 'privileged' : 'restricted';

const volumeTypes: Rule = ({ volumes }) =>
  [...volumes].every((type) => RESTRICTED_VOLUMES.has(type)) ? 'restricted' : 'baseline';

const seLinux: Rule = ({ seLinux: rule }) => {
  if (rule.type === 'RunAsAny') return 'privileged';
  const { type, user, role } = rule.options;
  return SAFE_SELINUX_TYPES.has(type ?? '') && (user ?? '') === '' && (role ?? '') === '' ? 'restricted' : 'privileged';
};

const isConfining = (profile: string): boolean =>
  profile === 'runtime/default' || profile === 'docker/default' || profile.startsWith('localhost/');

const seccomp: Rule = ({ anySeccomp, seccompProfiles }) => {
  if (anySeccomp) return 'privileged';
  if (seccompProfiles.length === 0) return 'baseline';
  return seccompProfiles.every(isConfining) ? 'restricted' : 'privileged';
};

function lowestUid({ runAsUser: rule }: CompiledSCC, namespace: Namespace | undefined): number {
  switch (rule.type) {
    case 'RunAsAny':
      return 0;
    case 'MustRunAsNonRoot':
      return 1;
    case 'MustRunAs':
      return rule.uid;
    case 'MustRunAsRange': {
      if (rule.range) return rule.range.min;
      // Blocks that OpenShift allocates start far above 0; only a given namespace can say otherwise.
      const range = namespace && namespaceValues(namespace).uidRange;
      return range === undefined ? 1 : range.ok ? range.value.min : 0;
    }
  }
}

const user: Rule = (scc, namespace) => (lowestUid(scc, namespace) > 0 ? 'restricted' : 'baseline');

const RULES: readonly Rule[] = [hostAccess, escalation, capabilities, sysctls, volumeTypes, seLinux, seccomp, user];

const isCompiled = (scc: SecurityContextConstraints | CompiledSCC): scc is CompiledSCC =>
  'source' in scc && 'points' in scc;

/**
 * The Pod Security level of the laxest pod that an SCC admits, as OpenShift's label syncer maps it.
 *
 * @param namespace decides whether a user range that comes from the namespace includes root; above 0 when not given.
 */
export function podSecurityLevel(
  scc: SecurityContextConstraints | CompiledSCC,
  namespace?: Namespace,
): PodSecurityLevel {
  const compiled = isCompiled(scc) ? scc : compileSCC(scc);
  return laxest(RULES.map((rule) => rule(compiled, namespace)));
}
