export type ViolationRule =
  | 'usability'
  | 'namespace'
  | 'runAsUser'
  | 'seLinuxContext'
  | 'fsGroup'
  | 'supplementalGroups'
  | 'capabilities'
  | 'privileged'
  | 'allowPrivilegeEscalation'
  | 'readOnlyRootFilesystem'
  | 'seccomp'
  | 'sysctls'
  | 'volumes'
  | 'host'
  | 'hostPorts'
  | 'userNamespace'
  | 'mutation';

/** One field of a pod that an SCC does not accept. */
export interface RuleViolation {
  readonly rule: ViolationRule;
  /** Path in the pod, `spec.containers[0].securityContext.runAsUser`. */
  readonly field: string;
  /** The value in the pod; undefined when it says nothing. */
  readonly value: unknown;
  /** The values that the SCC accepts. */
  readonly bound: string;
  readonly remedy: string;
  /** The sentence in OpenShift's wording. */
  readonly message: string;
}
