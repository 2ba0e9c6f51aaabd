import type { CompiledSCC } from './compile.js';
import type { NamespaceValues } from './namespace.js';
import { SECCOMP_POD_ANNOTATION } from './names.js';
import {
  CONTAINER_LISTS,
  type Container,
  type ContainerList,
  type ContainerSecurityContext,
  type Pod,
  type PodSecurityContext,
} from './pod.js';
import { applyCapabilities } from './rules/capabilities.js';
import { applyContainerHost, applyEscalation, applyHost, applyPrivileged, applyReadOnlyRoot } from './rules/flags.js';
import { applyFsGroup, applySupplementalGroups } from './rules/groups.js';
import type { ContainerScope, ContainerWrites, PodScope, PodWrites, Violation } from './rules/scope.js';
import { applyContainerSeccomp, applyPodSeccomp } from './rules/seccomp.js';
import { applyContainerSELinux, applyPodSELinux } from './rules/selinux.js';
import { applySysctls } from './rules/sysctls.js';
import { applyUser } from './rules/user.js';
import { applyVolumes } from './rules/volumes.js';

export interface ContainerChange {
  readonly list: ContainerList;
  readonly index: number;
  readonly writes: ContainerWrites;
}

/** What the defaulting of an SCC would change on a pod. */
export interface Changes {
  readonly pod: PodWrites | undefined;
  readonly containers: readonly ContainerChange[];
}

export type Fit =
  | { readonly fits: true; readonly changes: Changes }
  | {
      readonly fits: false;
      readonly violations: readonly Violation[];
      /** The same in OpenShift's sentences and order, with its repetitions. */
      readonly messages: readonly string[];
    };

const NO_ANNOTATIONS: Readonly<Record<string, string>> = {};
const NO_POD_CONTEXT: PodSecurityContext = {};
const NO_CONTEXT: ContainerSecurityContext = {};

function judgeContainer(pod: PodScope, list: ContainerList, at: { index: number; container: Container }) {
  const context = at.container.securityContext ?? NO_CONTEXT;
  const scope: ContainerScope = {
    pod,
    list,
    index: at.index,
    container: at.container,
    context,
    writes: undefined,
    seccompProfile: context.seccompProfile ?? undefined,
  };
  applyUser(scope);
  applyContainerSELinux(scope);
  applyContainerSeccomp(scope);
  applyPrivileged(scope);
  const capabilities = applyCapabilities(scope);
  applyContainerHost(scope);
  applyReadOnlyRoot(scope);
  applyEscalation(scope, capabilities);
  return scope.writes;
}

/**
 * Defaults and validates one pod under one SCC, whoever may use it. Every violation is reported, and the pod is left
 * untouched: a fit carries the changes that `applyChanges` makes. All containers must pass under the same SCC.
 */
export function evaluate(scc: CompiledSCC, pod: Pod, namespace: NamespaceValues): Fit {
  const context = pod.spec.securityContext ?? NO_POD_CONTEXT;
  const annotations = pod.metadata.annotations ?? NO_ANNOTATIONS;
  const scope: PodScope = {
    scc,
    namespace,
    pod,
    annotations,
    context,
    violations: [],
    messages: [],
    writes: undefined,
    seLinuxOptions: context.seLinuxOptions,
    seccompAnnotation: annotations[SECCOMP_POD_ANNOTATION] ?? '',
    seccompProfile: context.seccompProfile ?? undefined,
  };
  applyFsGroup(scope);
  applySupplementalGroups(scope);
  applyPodSeccomp(scope);
  applyPodSELinux(scope);
  applyHost(scope);
  applySysctls(scope);
  applyVolumes(scope);
  const containers: ContainerChange[] = [];
  for (const list of CONTAINER_LISTS)
    for (const [index, container] of (pod.spec[list] ?? []).entries()) {
      const writes = judgeContainer(scope, list, { index, container });
      if (writes) containers.push({ list, index, writes });
    }
  if (scope.violations.length > 0) return { fits: false, violations: scope.violations, messages: scope.messages };
  return { fits: true, changes: { pod: scope.writes, containers } };
}
