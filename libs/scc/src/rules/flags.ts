import type { EffectiveCapabilities } from './capabilities.js';
import {
  type ContainerScope,
  type PodScope,
  containerPath,
  containerViolation,
  showValue,
  writeContainer,
} from './scope.js';

const HOST_FLAGS = [
  ['hostPID', 'allowHostPID', 'Host PID is not allowed to be used'],
  ['hostNetwork', 'allowHostNetwork', 'Host network is not allowed to be used'],
  ['hostIPC', 'allowHostIPC', 'Host IPC is not allowed to be used'],
] as const;

/** Host namespaces and the user namespace of the pod. */
export function applyHost({ scc, pod, violations }: PodScope): void {
  for (const [field, allowed, sentence] of HOST_FLAGS)
    if (pod.spec[field] && !scc.source[allowed])
      violations.push({
        rule: 'host',
        field: `spec.${field}`,
        value: true,
        bound: 'false',
        remedy: `remove ${field}`,
        message: `provider ${scc.name}: .spec.securityContext.${field}: Invalid value: true: ${sentence}`,
      });
  if (scc.requirePodUserNamespace && pod.spec.hostUsers !== false)
    violations.push({
      rule: 'userNamespace',
      field: 'spec.hostUsers',
      value: pod.spec.hostUsers ?? undefined,
      bound: 'false',
      remedy: 'set hostUsers to false',
      message: `provider ${scc.name}: .spec.hostUsers: Invalid value: ${showValue(pod.spec.hostUsers)}: Host Users must be set to false`,
    });
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

export function applyHostPorts(scope: ContainerScope): void {
  const { ports } = scope.container;
  if (!ports || scope.pod.scc.source.allowHostPorts) return;
  for (const [index, { hostPort }] of ports.entries()) {
    if (hostPort == null || hostPort <= 0) continue;
    const path = `${containerPath(scope)}.ports[${index}].hostPort`;
    scope.pod.violations.push({
      rule: 'hostPorts',
      field: `spec.${path}`,
      value: hostPort,
      bound: 'none',
      remedy: 'remove hostPort and publish the port through a Service',
      message: `provider ${scope.pod.scc.name}: .${path}: Invalid value: ${hostPort}: Host ports are not allowed to be used`,
    });
  }
}
