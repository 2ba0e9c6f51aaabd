import {
  CONTAINER_LISTS,
  type Container,
  type ContainerSecurityContext,
  type Pod,
  type PodSecurityContext,
} from '../model/pod.js';
import { volumeType } from '../rules/volumes.js';
import {
  BASELINE_CAPABILITIES,
  laxest,
  type PodSecurityLevel,
  RESTRICTED_VOLUMES,
  SAFE_SELINUX_TYPES,
} from './level.js';

/** Sysctls that level baseline accepts. */
const SAFE_SYSCTLS = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
]);

const badSELinux = (options: PodSecurityContext['seLinuxOptions']): boolean =>
  options != null &&
  (!SAFE_SELINUX_TYPES.has(options.type ?? '') || (options.user ?? '') !== '' || (options.role ?? '') !== '');

function podPart({ spec }: Pod, context: PodSecurityContext): PodSecurityLevel {
  const types = (spec.volumes ?? []).map(volumeType);
  const privileged =
    spec.hostNetwork === true ||
    spec.hostPID === true ||
    spec.hostIPC === true ||
    types.includes('hostPath') ||
    badSELinux(context.seLinuxOptions) ||
    context.seccompProfile?.type === 'Unconfined' ||
    (context.sysctls ?? []).some(({ name }) => !SAFE_SYSCTLS.has(name));
  if (privileged) return 'privileged';
  return types.every((type) => type !== undefined && RESTRICTED_VOLUMES.has(type)) ? 'restricted' : 'baseline';
}

function isPrivileged(container: Container, context: ContainerSecurityContext): boolean {
  const { procMount } = context as { procMount?: unknown };
  return (
    context.privileged === true ||
    (context.capabilities?.add ?? []).some((name) => !BASELINE_CAPABILITIES.has(name)) ||
    (container.ports ?? []).some(({ hostPort }) => (hostPort ?? 0) > 0) ||
    badSELinux(context.seLinuxOptions) ||
    context.seccompProfile?.type === 'Unconfined' ||
    (procMount !== undefined && procMount !== 'Default')
  );
}

const CONFINED = new Set<string | undefined>(['RuntimeDefault', 'Localhost']);

function dropsEnough({ capabilities }: ContainerSecurityContext): boolean {
  const { add, drop } = capabilities ?? {};
  return drop?.includes('ALL') === true && (add ?? []).every((name) => name === 'NET_BIND_SERVICE');
}

const isRestricted = (context: ContainerSecurityContext, pod: PodSecurityContext): boolean =>
  context.allowPrivilegeEscalation === false &&
  (context.runAsNonRoot ?? pod.runAsNonRoot) === true &&
  (context.runAsUser ?? pod.runAsUser) !== 0 &&
  CONFINED.has((context.seccompProfile ?? pod.seccompProfile)?.type) &&
  dropsEnough(context);

function containerPart(container: Container, pod: PodSecurityContext): PodSecurityLevel {
  const context = container.securityContext ?? {};
  if (isPrivileged(container, context)) return 'privileged';
  return isRestricted(context, pod) ? 'restricted' : 'baseline';
}

/**
 * The strictest Pod Security level that admits a pod. Pod Security sees pods after SCC admission: pass the pod that
 * `decide` returned, not the author's.
 */
export function requiredPodSecurityLevel(pod: Pod): PodSecurityLevel {
  const context = pod.spec.securityContext ?? {};
  const containers = CONTAINER_LISTS.flatMap((list) => pod.spec[list] ?? []);
  return laxest([podPart(pod, context), ...containers.map((container) => containerPart(container, context))]);
}
