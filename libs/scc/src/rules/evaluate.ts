import type { CompiledSCC } from '../model/compile.js';
import type { NamespaceValues } from '../model/namespace.js';
import { SECCOMP_POD_ANNOTATION } from '../model/names.js';
import {
  CONTAINER_LISTS,
  type Container,
  type ContainerList,
  type ContainerSecurityContext,
  type Pod,
  type PodSecurityContext,
} from '../model/pod.js';
import { applyCapabilities } from './capabilities.js';
import { applyContainerHost, applyEscalation, applyHost, applyPrivileged, applyReadOnlyRoot } from './flags.js';
import { applyFsGroup, applySupplementalGroups } from './groups.js';
import { RuleFindings } from './findings.js';
import type { ContainerScope, ContainerWrites, PodScope, PodWrites } from './scope.js';
import type { RuleViolation } from './violation.js';
import { applyContainerSeccomp, applyPodSeccomp } from './seccomp.js';
import { applyContainerSELinux, applyPodSELinux } from './selinux.js';
import { applySysctls } from './sysctls.js';
import { applyUser } from './user.js';
import { applyVolumes } from './volumes.js';

export interface ContainerChange {
  readonly list: ContainerList;
  readonly index: number;
  readonly writes: ContainerWrites;
}

/** The changes of a pod by the defaults of an SCC. */
export interface Changes {
  readonly pod: PodWrites | undefined;
  readonly containers: readonly ContainerChange[];
}

export type Fit =
  | { readonly fits: true; readonly changes: Changes }
  | {
      readonly fits: false;
      readonly violations: readonly RuleViolation[];
      /** How many more there are. */
      readonly omitted: number;
    };

const NO_ANNOTATIONS: Readonly<Record<string, string>> = {};
const NO_POD_CONTEXT: PodSecurityContext = {};
const NO_CONTAINERS: readonly Container[] = [];
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
 * Defaults and validates one pod under one SCC, regardless of its users. Every violation is reported to `findings`, and
 * the pod is left untouched: a fit carries the changes that `applyChanges` makes. All containers must pass under the
 * same SCC. The work grows with the size of the pod.
 */
export function evaluate(
  scc: CompiledSCC,
  pod: Pod,
  namespace: NamespaceValues,
  findings = new RuleFindings(Infinity),
): Fit {
  const context = pod.spec.securityContext ?? NO_POD_CONTEXT;
  const annotations = pod.metadata.annotations ?? NO_ANNOTATIONS;
  const scope: PodScope = {
    scc,
    namespace,
    pod,
    annotations,
    context,
    findings,
    hostPorts: undefined,
    seLinuxMismatches: undefined,
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
  for (const list of CONTAINER_LISTS) {
    let index = 0;
    for (const container of pod.spec[list] ?? NO_CONTAINERS) {
      const writes = judgeContainer(scope, list, { index, container });
      if (writes) containers.push({ list, index, writes });
      index += 1;
    }
  }
  const { violations, omitted } = findings;
  if (violations.length > 0) return { fits: false, violations, omitted };
  return { fits: true, changes: { pod: scope.writes, containers } };
}
