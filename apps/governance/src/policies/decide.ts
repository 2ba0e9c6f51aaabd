import type { ApprovalNeed, Evaluation, EvaluationRequest } from '@scc/governance-api';
import type { Violation } from '@scc/plan';
import type { EntityManager } from 'typeorm';

export interface PolicyQuestion {
  request: EvaluationRequest;
  risk: Evaluation['risk'];
  now: Date;
}

export interface PolicyDecision {
  /** Hash of the policies, bindings and parameters that decided. */
  revision: string;
  violations: Violation[];
  warnings: string[];
  approvals: ApprovalNeed[];
  /** Ids of the exceptions that were used. */
  exceptions: string[];
}

export function decidePolicies(_tx: EntityManager, _question: PolicyQuestion): Promise<PolicyDecision> {
  return Promise.resolve({ revision: 'none', violations: [], warnings: [], approvals: [], exceptions: [] });
}
