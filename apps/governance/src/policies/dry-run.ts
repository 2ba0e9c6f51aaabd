import { hashOf } from '@scc/audit';
import {
  type CelData,
  POLICY_INPUTS,
  type PolicyBinding,
  type PolicyDocument,
  type PolicyDryRun,
  type RuleResult,
} from '@scc/policy';
import { DeadlineExceeded } from '@scc/runtime';
import type { Database } from '../database/rows.js';
import { EvaluationEntity, MigrationEntity } from '../plans/migration.entity.js';
import { knownSCCs } from '../registry/versions.js';
import { Refusal } from '../refusal/refusal.js';
import { policyContext } from './context.js';
import { compiledPolicy } from './decide.js';
import { checkDocument } from './store.js';
import { TRIAL_MS, trials } from './threads.js';
import { appliesTo, type BoundPolicy, verdictsFrom } from './verdicts.js';

/**
 * Asks a policy about the newest evaluation of each past plan, as if it had been enforced then: with the facts and the
 * risk of that time. SCCs are compared as they are now; the history of the workload is not replayed.
 * @throws Refusal `invalid` when the policy cannot be used.
 */
export async function dryRunPolicy(
  db: Database,
  document: PolicyDocument,
  binding: Pick<PolicyBinding, 'parameters' | 'namespaces' | 'kinds'>,
  limit: number,
): Promise<PolicyDryRun> {
  await checkDocument(document);
  const past = await db
    .getRepository(EvaluationEntity)
    .createQueryBuilder('e')
    .innerJoin(MigrationEntity, 'm', 'm.evaluation = e.id')
    .orderBy({ 'e.evaluatedAt': 'DESC', 'e.id': 'DESC' })
    .limit(limit)
    .getMany();
  const bound = {
    binding: { ...binding, name: 'dry-run', policy: document.name, version: 1, action: 'enforce' as const },
    policy: compiledPolicy(hashOf(document), document),
  };
  const report: PolicyDryRun = { plans: past.length, concerned: 0, refused: [], approvalRequired: [] };
  for (const { planUid, request, answer, evaluatedAt } of past) {
    if (!appliesTo(binding, request)) continue;
    report.concerned += 1;
    const data = policyContext({
      request,
      risk: answer.risk,
      sccs: await knownSCCs(db, request.facts),
      history: { completed: 0, undone: 0 },
      now: evaluatedAt,
    });
    const { violations, approvals } = verdictsFrom([bound], await inTime(bound, data, request.plan), new Set());
    const { namespace, name } = request.plan;
    const entry = { planUid, namespace, name, evaluatedAt: evaluatedAt.toISOString(), was: answer.verdict };
    if (violations.length > 0)
      report.refused.push({ ...entry, would: 'deny', reasons: violations.map(({ message }) => message) });
    else if (approvals.length > 0)
      report.approvalRequired.push({
        ...entry,
        would: 'requireApproval',
        reasons: approvals.map(({ reason }) => reason),
      });
  }
  return report;
}

/** @throws Refusal `invalid` when the expressions take too long on a plan */
async function inTime(
  { binding, policy }: BoundPolicy,
  data: Record<string, CelData>,
  { namespace, name }: { namespace: string; name: string },
): Promise<RuleResult[][]> {
  const asked = [{ document: policy.document, parameters: binding.parameters }];
  try {
    return await trials.call('evaluateEach', asked, POLICY_INPUTS, data);
  } catch (error) {
    if (!(error instanceof DeadlineExceeded)) throw error;
    throw new Refusal('invalid', `the policy ${policy.document.name} cannot be used`, [
      { field: 'rules', message: `take longer than ${TRIAL_MS} ms on the plan ${namespace}/${name}` },
    ]);
  }
}
