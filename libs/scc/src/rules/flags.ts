import { showValue } from './findings.js';
import type { EffectiveCapabilities } from './capabilities.js';
import { type Container, CONTAINER_LISTS, type Pod } from '../model/pod.js';
import {
  type ContainerScope,
  type HostPort,
  type PodScope,
  containerPath,
  containerViolation,
  writeContainer,
} from './scope.js';

const HOST_FLAGS = [
  ['hostNetwork', 'allowHostNetwork', 'Host network is not allowed to be used'],
  ['hostPID', 'allowHostPID', 'Host PID is not allowed to be used'],
  ['hostIPC', 'allowHostIPC', 'Host IPC is not allowed to be used'],
] as const;
type HostFlag = (typeof HOST_FLAGS)[number];

const isDenied = ({ scc, pod }: PodScope, [field, allowed]: HostFlag): boolean =>
  pod.spec[field] === true && scc.source[allowed] !== true;

const hostMessage = ({ scc }: PodScope, path: string, [field, , sentence]: HostFlag): string =>
  `provider ${scc.name}: .${path}.${field}: Invalid value: true: ${sentence}`;

/** Host namespaces and the user namespace of the pod. */
export function applyHost(scope: PodScope): void {
  const { scc, pod } = scope;
  for (const flag of HOST_FLAGS)
    if (isDenied(scope, flag))
      scope.findings.report({
        rule: 'host',
        field: `spec.${flag[0]}`,
        value: true,
        bound: 'false',
        remedy: `remove ${flag[0]}`,
        message: hostMessage(scope, 'spec.securityContext', flag),
      });
  if (scc.requirePodUserNamespace && pod.spec.hostUsers !== false)
    scope.findings.report({
      rule: 'userNamespace',
      field: 'spec.hostUsers',
      value: pod.spec.hostUsers ?? undefined,
      bound: 'false',
      remedy: 'set hostUsers to false',
      message: `provider ${scc.name}: .spec.securityContext.hostUsers: Invalid value: ${showValue(pod.spec.hostUsers)}: Host Users must be set to false`,
    });
}

const portMessage = (scope: ContainerScope, path: string, port: number): string =>
  `provider ${scope.pod.scc.name}: .${containerPath(scope)}.${path}.hostPort: Invalid value: ${port}: Host ports are not allowed to be used`;

const NONE: readonly HostPort[] = [];

const portsOf = (container: string, { ports }: Container): readonly HostPort[] =>
  ports?.flatMap(({ hostPort: port }) => (port != null && port > 0 ? [{ container, port }] : [])) ?? NONE;

function hostPortsOf({ spec }: Pod): HostPort[] {
  const found: HostPort[] = [];
  for (const list of CONTAINER_LISTS)
    for (const [index, container] of (spec[list] ?? []).entries())
      for (const port of portsOf(`${list}[${index}]`, container)) found.push(port);
  return found;
}

/** For each container, OpenShift names the host ports of all containers. */
function repeatHostPorts(scope: ContainerScope): void {
  const { pod } = scope;
  if (pod.scc.source.allowHostPorts) return;
  pod.hostPorts ??= hostPortsOf(pod.pod);
  pod.findings.sayEach(pod.hostPorts, ({ container, port }) => portMessage(scope, container, port));
}

function reportHostPorts(scope: ContainerScope): void {
  const { ports } = scope.container;
  if (!ports || scope.pod.scc.source.allowHostPorts) return;
  for (const [index, { hostPort }] of ports.entries())
    if (hostPort != null && hostPort > 0)
      scope.pod.findings.report(
        {
          rule: 'hostPorts',
          field: `spec.${containerPath(scope)}.ports[${index}].hostPort`,
          value: hostPort,
          bound: 'none',
          remedy: 'remove hostPort and publish the port through a Service',
          message: portMessage(scope, containerPath(scope), hostPort),
        },
        true,
      );
}

/** Host ports of one container, and OpenShift's repetition of what the pod asks of the host. */
export function applyContainerHost(scope: ContainerScope): void {
  const repeat = (flag: HostFlag): void => {
    if (isDenied(scope.pod, flag)) scope.pod.findings.say(() => hostMessage(scope.pod, containerPath(scope), flag));
  };
  const [network, ...others] = HOST_FLAGS;
  repeat(network);
  reportHostPorts(scope);
  repeatHostPorts(scope);
  others.forEach(repeat);
}

function defaultEscalation(
  scope: ContainerScope,
  capabilities: EffectiveCapabilities | undefined,
): boolean | undefined {
  const { source } = scope.pod.scc;
  const privileged = scope.context.privileged === true || capabilities?.add.includes('CAP_SYS_ADMIN') === true;
  if (source.defaultAllowPrivilegeEscalation != null && !privileged) return source.defaultAllowPrivilegeEscalation;
  return source.allowPrivilegeEscalation === false ? false : undefined;
}

export function applyEscalation(scope: ContainerScope, capabilities: EffectiveCapabilities | undefined): void {
  const { source } = scope.pod.scc;
  let escalation = scope.context.allowPrivilegeEscalation ?? undefined;
  if (escalation === undefined) {
    escalation = defaultEscalation(scope, capabilities);
    if (escalation !== undefined) writeContainer(scope, 'allowPrivilegeEscalation', escalation);
  }
  if (source.allowPrivilegeEscalation !== false || escalation === false) return;
  containerViolation(scope, {
    rule: 'allowPrivilegeEscalation',
    child: 'allowPrivilegeEscalation',
    value: escalation,
    bound: 'false',
    remedy: 'set allowPrivilegeEscalation to false',
    detail: 'Allowing privilege escalation for containers is not allowed',
  });
}

export function applyPrivileged(scope: ContainerScope): void {
  if (scope.context.privileged !== true || scope.pod.scc.source.allowPrivilegedContainer) return;
  containerViolation(scope, {
    rule: 'privileged',
    child: 'privileged',
    value: true,
    bound: 'false',
    remedy: 'remove privileged',
    detail: 'Privileged containers are not allowed',
  });
}

export function applyReadOnlyRoot(scope: ContainerScope): void {
  if (!scope.pod.scc.source.readOnlyRootFilesystem) return;
  const readOnly = scope.context.readOnlyRootFilesystem ?? undefined;
  if (readOnly === undefined) writeContainer(scope, 'readOnlyRootFilesystem', true);
  else if (!readOnly)
    containerViolation(scope, {
      rule: 'readOnlyRootFilesystem',
      child: 'readOnlyRootFilesystem',
      value: false,
      bound: 'true',
      remedy: 'set readOnlyRootFilesystem to true',
      detail: 'ReadOnlyRootFilesystem must be set to true',
    });
}
