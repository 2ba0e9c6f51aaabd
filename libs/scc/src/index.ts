export { allocateNamespace, occupiedBlocks } from './model/allocation.js';
export { type CompiledSCC, type CompiledSCCs, compileSCC, compileSCCs } from './model/compile.js';
export { type ConformanceCase, conformanceCaseSchema, requestOfCase, resultOfCase } from './admission/conformance.js';
export { sccCustomResourceDefinition } from './cluster/crd.js';
export {
  type AdmissionRequest,
  type Decision,
  type PassedOver,
  serviceAccountSubject,
  type SubjectType,
  type Validation,
} from './admission/request.js';
export { decide, listsSubject, validatePass } from './admission/decide.js';
export { defaultSCCs } from './cluster/default-sccs.js';
export {
  type Binding,
  bindingSchema,
  covers,
  Grants,
  type RBACRole,
  roleKey,
  roleSchema,
  subjectKey,
  type UseRight,
  useRightOf,
} from './cluster/grants.js';
export { checkExec } from './admission/exec.js';
export { compare, type SCCComparison } from './migration/compare.js';
export { extrasOf } from './migration/extras.js';
export type { WorkloadContext } from './migration/facts.js';
export { imageFacts, type ImageFacts, imagesOf } from './migration/images.js';
export { containment } from './migration/lattice.js';
export { applyTemplatePatch, mergePatches, type TemplatePatch } from './migration/patch.js';
export { recommend, type Recommendation } from './migration/recommend.js';
export { remediate, type Remediation, REMEDIATION_MODULE, type RemediationFunctions } from './migration/remediate.js';
export type { RiskName } from './migration/risk.js';
export type { ViolationRule } from './rules/violation.js';
export { sccSchema, type SecurityContextConstraints } from './model/scc.js';
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
export { accountOf, namedAccount, type Pod, podSchema, type PodTemplate, podTemplateSchema } from './model/pod.js';
export { isLaxer, type PodSecurityLevel } from './security/level.js';
export { isLabelSynced, type LevelChange, levelAfterGrantChange } from './security/namespace-level.js';
export { requiredPodSecurityLevel } from './security/pod-level.js';
export { podSecurityLevel } from './security/scc-level.js';
export { controllerSubject, podFromTemplate, type WorkloadKind } from './migration/template.js';
export { validateSCC } from './cluster/validation.js';
export { defaultSCC } from './model/write-defaults.js';
