import type { Namespace } from '../model/namespace.js';
import type { Pod } from '../model/pod.js';
import type { RuleViolation } from '../rules/violation.js';
import type { IgnoredReason } from './ignored.js';

export type SubjectType = 'serviceaccount' | 'user';

export interface Subject {
  readonly name: string;
  readonly groups: readonly string[];
}

export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE';
  /** '' or absent for the pod itself. */
  readonly subresource?: string | undefined;
  /** The pod as an admission webhook sees it, with Kubernetes' defaults. Never written to. */
  readonly pod: Pod;
  /** Required for an UPDATE. */
  readonly oldPod?: Pod | undefined;
  readonly namespace: Namespace;
  readonly subjects: {
    /** The identity of the pod's ServiceAccount (see `serviceAccountSubject`); absent when the pod names none. */
    readonly serviceAccount?: Subject | undefined;
    readonly requester: Subject;
  };
  /** RBAC: may the subject `use` the SCC in the pod's namespace? `users` and `groups` of the SCC are checked here. */
  mayUse(subject: SubjectType, sccName: string): boolean;
}

export type RejectionReason =
  | 'no-scc-fits'
  | 'required-scc-unknown'
  | 'required-scc-changed'
  | 'required-scc-not-used'
  | 'namespace-not-ready'
  | 'scc-invalid';

/** Why one SCC was passed over. */
export interface PassedOver {
  readonly scc: string;
  /** At most `MAX_VIOLATIONS`. */
  readonly violations: readonly RuleViolation[];
  /** How many more there are. */
  readonly omitted: number;
}

export interface Ignored {
  readonly decision: 'ignored';
  readonly why: IgnoredReason;
}

export interface Rejected {
  readonly decision: 'rejected';
  readonly reason: RejectionReason;
  /**
   * The sentence for the client, in OpenShift's wording, without `pods "NAME" is forbidden`. It names the first 100
   * things, or 32 Ki characters of them, and how many more there are.
   */
  readonly message: string;
  readonly failures: readonly PassedOver[];
}

export interface Admitted {
  readonly decision: 'admitted';
  readonly scc: string;
  readonly subjectType: SubjectType;
  /** All annotations of the resulting pod. */
  readonly annotations: Readonly<Record<string, string>>;
  /** The resulting pod; shares everything unchanged with the request's. */
  readonly pod: Pod;
  /** True when the SCC's defaulting changed more than the two annotations that record the decision. */
  readonly mutated: boolean;
  /** The SCCs that were tried before, in order. */
  readonly failures: readonly PassedOver[];
}

export type Decision = Ignored | Rejected | Admitted;

export type Validation =
  Ignored | Rejected | { readonly decision: 'accepted'; readonly scc: string; readonly subjectType: SubjectType };

/** The identity under which a ServiceAccount's own SCC grants are looked up: without `system:authenticated`. */
export const serviceAccountSubject = (namespace: string, name: string): Subject => ({
  name: `system:serviceaccount:${namespace}:${name}`,
  groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`],
});
