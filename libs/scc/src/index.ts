export { type CompiledSCC, type CompiledSCCs, compileSCC, compileSCCs } from './compile.js';
export {
  type Admitted,
  type AdmissionRequest,
  decide,
  type Decision,
  type Failure,
  type Ignored,
  type Rejected,
  type RejectionReason,
  serviceAccountSubject,
  type Subject,
  type SubjectType,
  validatePass,
  type Validation,
} from './decide.js';
export { defaultSCCs, STANDARD_SCC_NAMES } from './default-sccs.js';
export { type IdRange, sccSchema, type SecurityContextConstraints } from './model.js';
export { isExemptNamespace, type Namespace, parseUidRange } from './namespace.js';
export * from './names.js';
export { type Pod, podSchema, type PodTemplate, podTemplateSchema } from './pod.js';
export { restrictivenessPoints } from './points.js';
export type { Violation, ViolationRule } from './rules/scope.js';
export { defaultSCC } from './write-defaults.js';
