export { type Allocation, allocateNamespace, occupiedBlocks } from './model/allocation.js';
export { type CompiledSCC, type CompiledSCCs, compileSCC, compileSCCs } from './model/compile.js';
export {
  type ConformanceCase,
  conformanceCaseSchema,
  type ConformanceResult,
  requestOfCase,
  resultOfCase,
} from './admission/conformance.js';
export { sccCustomResourceDefinition } from './cluster/crd.js';
export {
  type Admitted,
  type AdmissionRequest,
  type Decision,
  type Failure,
  type Ignored,
  type Rejected,
  type RejectionReason,
  serviceAccountSubject,
  type Subject,
  type SubjectType,
  type Validation,
} from './admission/request.js';
export { decide, validatePass } from './admission/decide.js';
export { defaultSCCs } from './cluster/default-sccs.js';
export { checkExec, type ExecDecision, type ExecRequest } from './admission/exec.js';
export { compare, type SCCComparison } from './migration/compare.js';
export type { Edit } from './migration/edits.js';
export type { WorkloadFacts } from './migration/facts.js';
export { type Containment, containment } from './migration/lattice.js';
export { applyTemplatePatch, mergePatches, type TemplatePatch } from './migration/patch.js';
export { type FittingSCC, recommend, type Recommendation } from './migration/recommend.js';
export { remediate, type Remediation, REMEDIATION_MODULE, type RemediationFunctions } from './migration/remediate.js';
export type { Risk, RiskName } from './migration/risk.js';
export { type IdRange, sccSchema, type SecurityContextConstraints } from './model/scc.js';
export { isExemptNamespace, type Namespace } from './model/namespace.js';
export {
  MCS_ANNOTATION,
  REQUIRED_SCC_ANNOTATION,
  SCC_ANNOTATION,
  SUBJECT_TYPE_ANNOTATION,
  SECCOMP_POD_ANNOTATION,
  SUPPLEMENTAL_GROUPS_ANNOTATION,
  UID_RANGE_ANNOTATION,
} from './model/names.js';
export { type Pod, podSchema, type PodTemplate, podTemplateSchema } from './model/pod.js';
export type { Violation, ViolationRule } from './rules/scope.js';
export { isLaxer, type PodSecurityLevel } from './security/level.js';
export {
  type GrantChange,
  isLabelSynced,
  type LevelChange,
  levelAfterGrantChange,
} from './security/namespace-level.js';
export { requiredPodSecurityLevel } from './security/pod-level.js';
export { podSecurityLevel } from './security/scc-level.js';
export { controllerSubject, podFromTemplate, type WorkloadKind, type WorkloadOrigin } from './migration/template.js';
export { type SCCIssue, validateSCC } from './cluster/validation.js';
export { defaultSCC } from './model/write-defaults.js';
