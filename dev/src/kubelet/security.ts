import type { KubeletContainer, KubeletPod } from './pod-schema.js';

/** The identity and rights with which a container's process runs. */
export interface ProcessIdentity {
  uid: number;
  /** Primary and supplemental groups, fsGroup included. */
  groups: number[];
  fsGroup: number | null;
  canBindLowPorts: boolean;
}

const LOW_PORT_SYSCTL = 'net.ipv4.ip_unprivileged_port_start';
const BIND = new Set(['NET_BIND_SERVICE', 'CAP_NET_BIND_SERVICE', 'ALL']);
const isAll = (name: string): boolean => name.toUpperCase() === 'ALL';
const names = (list: string[] | undefined): boolean => (list ?? []).some((name) => BIND.has(name.toUpperCase()));

/** The identity of a container: from its own security context, the pod's and the image's user, in that order. */
export function processIdentityOf(pod: KubeletPod, container: KubeletContainer, imageUid: number): ProcessIdentity {
  const own = container.securityContext ?? {};
  const shared = pod.spec.securityContext;
  const uid = own.runAsUser ?? shared.runAsUser ?? imageUid;
  const gid = own.runAsGroup ?? shared.runAsGroup ?? 0;
  const fsGroup = shared.fsGroup ?? null;
  return {
    uid,
    groups: [gid, ...(shared.supplementalGroups ?? []), ...(fsGroup === null ? [] : [fsGroup])],
    fsGroup,
    canBindLowPorts: bindsLowPorts(pod, container, uid),
  };
}

function bindsLowPorts(pod: KubeletPod, container: KubeletContainer, uid: number): boolean {
  const own = container.securityContext ?? {};
  if (own.privileged === true) return true;
  if (pod.spec.securityContext.sysctls?.some(({ name, value }) => name === LOW_PORT_SYSCTL && value === '0'))
    return true;
  if (names(own.capabilities?.add)) return true;
  return uid === 0 && !names(own.capabilities?.drop);
}

/** Whether a container's root has the capabilities that a container runtime gives by default. */
export const keepsCapabilities = ({ securityContext }: KubeletContainer): boolean =>
  securityContext?.privileged === true || !(securityContext?.capabilities?.drop ?? []).some(isAll);

/** Why the node refuses to create the container, as the kubelet words it; null when it does not. */
export function configError(pod: KubeletPod, container: KubeletContainer, imageUid: number): string | null {
  const own = container.securityContext ?? {};
  const nonRoot = own.runAsNonRoot ?? pod.spec.securityContext.runAsNonRoot ?? false;
  if (!nonRoot) return null;
  const chosen = own.runAsUser ?? pod.spec.securityContext.runAsUser;
  const where = `(pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${container.name})`;
  if (chosen === 0) return `container's runAsUser breaks non-root policy ${where}`;
  if (chosen === undefined && imageUid === 0) return `container has runAsNonRoot and image will run as root ${where}`;
  return null;
}
