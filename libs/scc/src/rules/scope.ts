import type { CompiledSCC } from '../model/compile.js';
import type { NamespaceValues, Preallocated } from '../model/namespace.js';
import type {
  Container,
  ContainerList,
  ContainerSecurityContext,
  Pod,
  PodSecurityContext,
  SeccompProfile,
} from '../model/pod.js';
import { type RuleFindings, showValue } from './findings.js';
import type { RuleViolation } from './violation.js';

/** The defaults for one container's securityContext; an undefined value removes the field. */
export type ContainerWrites = Partial<Record<keyof ContainerSecurityContext, unknown>>;

export interface PodWrites {
  readonly securityContext: Partial<PodSecurityContext>;
  seccompAnnotation?: string;
}

export interface HostPort {
  /** `containers[0]` */
  readonly container: string;
  readonly port: number;
}

export interface SELinuxMismatch {
  readonly child: string;
  readonly value: unknown;
  readonly bound: string;
}

/**
 * One SCC tried on one pod. The pod is never touched: defaults are collected as writes, and `podContext` /
 * `ContainerScope.context` show the values as they will be after them.
 */
export interface PodScope {
  readonly scc: CompiledSCC;
  readonly namespace: NamespaceValues;
  readonly pod: Pod;
  readonly annotations: Readonly<Record<string, string>>;
  readonly context: Readonly<PodSecurityContext>;
  readonly findings: RuleFindings;
  writes: PodWrites | undefined;
  /** The host ports of all containers, in the order of the lists; collected when first needed. */
  hostPorts: readonly HostPort[] | undefined;
  /** How the pod's own SELinux options differ from those wanted; compared when first needed. */
  seLinuxMismatches: readonly SELinuxMismatch[] | undefined;
  /** The pod's SELinux options and seccomp values after defaulting. */
  seLinuxOptions: PodSecurityContext['seLinuxOptions'];
  seccompAnnotation: string;
  seccompProfile: SeccompProfile | undefined;
}

export interface ContainerScope {
  readonly pod: PodScope;
  readonly list: ContainerList;
  readonly index: number;
  readonly container: Container;
  readonly context: Readonly<ContainerSecurityContext>;
  writes: ContainerWrites | undefined;
  seccompProfile: SeccompProfile | undefined;
}

type Finding = Pick<RuleViolation, 'rule' | 'value' | 'bound' | 'remedy'> & {
  /** Below `spec.securityContext` or the container's securityContext. */
  readonly child: string;
  readonly detail: string;
};

export function podViolation(scope: PodScope, finding: Finding): void {
  if (scope.findings.isFull) {
    scope.findings.omit();
    return;
  }
  const { rule, child, value, bound, remedy, detail } = finding;
  scope.findings.report({
    rule,
    field: `spec.securityContext.${child}`,
    value,
    bound,
    remedy,
    message: `provider ${scope.scc.name}: .spec.securityContext.${child}: Invalid value: ${showValue(value)}: ${detail}`,
  });
}

export const containerPath = ({ list, index }: ContainerScope): string => `${list}[${index}]`;

export function containerViolation(scope: ContainerScope, finding: Finding): void {
  const { findings } = scope.pod;
  if (findings.isFull) {
    findings.omit();
    return;
  }
  const { rule, child, value, bound, remedy, detail } = finding;
  const path = containerPath(scope);
  findings.report({
    rule,
    field: `spec.${path}.securityContext.${child}`,
    value,
    bound,
    remedy,
    message: `provider ${scope.pod.scc.name}: .${path}.${child}: Invalid value: ${showValue(value)}: ${detail}`,
  });
}

export function writePod<K extends keyof PodSecurityContext>(
  scope: PodScope,
  key: K,
  value: PodSecurityContext[K] | undefined,
): void {
  scope.writes ??= { securityContext: {} };
  (scope.writes.securityContext as Record<string, unknown>)[key as string] = value;
}

export function writeContainer(scope: ContainerScope, key: keyof ContainerSecurityContext, value: unknown): void {
  scope.writes ??= {};
  scope.writes[key] = value;
}

/** `decide` refuses a candidate whose namespace values are missing before any rule runs, so this cannot fail there. */
export function preallocated<T>(value: Preallocated<T>): T {
  if (!value.ok) throw new Error(value.error);
  return value.value;
}
