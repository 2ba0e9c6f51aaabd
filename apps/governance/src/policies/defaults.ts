import { type PolicyBinding, policyBindingSchema, type PolicyDocument, policyDocumentSchema } from '@scc/policy';
import type { EntityManager } from 'typeorm';
import { SYSTEM } from '../call/caller.js';
import { newestVersion, saveBinding, storePolicy } from './store.js';

/** The policies that every installation starts with; all of them can be bound differently or not at all. */
export const defaultPolicies = (): PolicyDocument[] =>
  [
    {
      name: 'privileged-needs-expiry',
      description: 'Running privileged is never for good: it takes a time-boxed exception.',
      rules: [
        {
          name: 'no-exception',
          when: 'scc.targetPrivileged',
          verdict: 'deny',
          field: 'spec.targetSCC',
          message: 'the target SCC permits privileged containers, and no exception with an expiry is in force',
          messageExpression:
            '"the SCC " + scc.target + " permits privileged containers, and no exception with an expiry is in force"',
          remedy: 'Choose an SCC without privileged containers, or let a second person agree to an exception.',
        },
      ],
    },
    {
      name: 'privileged-needs-two-approvals',
      description: 'Two people agree before anything runs privileged.',
      rules: [
        {
          name: 'two-people',
          when: 'scc.targetPrivileged',
          verdict: 'requireApproval',
          approval: { role: 'approver', count: 2 },
          field: 'spec.targetSCC',
          message: 'the target SCC permits privileged containers',
          remedy: 'Ask two approvers other than the author.',
        },
      ],
    },
    {
      name: 'host-access-needs-approval',
      description: 'Somebody else agrees before pods may use the node: its network, processes, ports or files.',
      rules: [
        {
          name: 'somebody-else',
          when: 'scc.targetHost && !scc.targetPrivileged',
          verdict: 'requireApproval',
          approval: { role: 'approver', count: 1 },
          field: 'spec.targetSCC',
          message: 'the target SCC permits the use of the node',
          messageExpression:
            '"the SCC " + scc.target + " permits the use of the network, processes or files of the node"',
          remedy: 'Choose an SCC without host access, or ask an approver other than the author.',
        },
      ],
    },
    {
      name: 'patch-needs-approval',
      description: 'Somebody else agrees before a migration changes more of a workload than its target SCC needs.',
      rules: [
        {
          name: 'somebody-else',
          when: 'size(patch.extras) > 0',
          verdict: 'requireApproval',
          approval: { role: 'approver', count: 1 },
          field: 'spec.podSecurity.patch',
          message: 'the plan changes more of the workload than the target SCC needs',
          messageExpression:
            '"the plan changes more of the workload than the SCC " + scc.target + " needs: " + patch.fields',
          remedy:
            'Change these fields in the workload itself and leave them out of the plan, or ask an approver other than the author.',
        },
      ],
    },
    {
      name: 'owner-change-needs-approval',
      description: 'Somebody else agrees before a workload is stopped so that the owners of its data can change.',
      rules: [
        {
          name: 'somebody-else',
          when: 'has(plan.volumes) && has(plan.volumes.ownerChange)',
          verdict: 'requireApproval',
          approval: { role: 'approver', count: 1 },
          field: 'spec.volumes.ownerChange',
          message: 'all pods may be stopped, which is an outage, so that the owners of their data change',
          messageExpression:
            '"all " + string(workload.replicas) + " pods may be stopped, which is an outage, so that the owners of their data change"',
          remedy:
            'Change the owners by hand as the refusal of a plan without it says, or ask an approver other than the author.',
        },
      ],
    },
    {
      name: 'loosening-needs-justification',
      description: 'Whoever gives a workload more rights says why.',
      parameters: { length: { type: 'int', default: 20, description: 'Characters that a reason has at least.' } },
      rules: [
        {
          name: 'reason-is-given',
          when: 'scc.loosens && size(plan.justification) < params.length',
          verdict: 'deny',
          field: 'spec.justification',
          message: 'the target SCC permits what the source SCC does not, and the plan does not say why',
          remedy: 'State the reason in spec.justification, or choose an SCC that permits no more.',
        },
      ],
    },
    {
      name: 'blast-radius',
      description: 'Large workloads take an approval, very large ones an exception.',
      parameters: {
        pods: { type: 'int', default: 50, description: 'More pods take an approval.' },
        dependents: { type: 'int', default: 20, description: 'More callers take an approval.' },
        ceiling: { type: 'int', default: 500, description: 'More pods are refused.' },
      },
      variables: [
        { name: 'pods', expression: 'workload.pods > workload.replicas ? workload.pods : workload.replicas' },
        { name: 'callers', expression: 'workload.dependents == null ? 0 : workload.dependents' },
      ],
      rules: [
        {
          name: 'large',
          when: 'variables.pods > params.pods || variables.callers > params.dependents',
          verdict: 'requireApproval',
          approval: { role: 'approver', count: 1 },
          field: 'spec.workloadRef',
          message: 'many pods or callers depend on it',
          messageExpression: 'string(variables.pods) + " pods, " + string(variables.callers) + " callers"',
          remedy: 'Ask an approver other than the author.',
        },
        {
          name: 'too-large',
          when: 'variables.pods > params.ceiling',
          verdict: 'deny',
          field: 'spec.workloadRef',
          message: 'more pods than may be migrated at once',
          messageExpression: 'string(variables.pods) + " pods are more than " + string(params.ceiling)',
          remedy: 'Split the workload, or let a second person agree to an exception.',
        },
      ],
    },
    {
      name: 'risk-ceiling',
      description: 'The riskier, the more people look at it; what will probably fail is refused.',
      parameters: {
        ceiling: { type: 'double', default: 0.8, description: 'The change risk above which it is refused.' },
      },
      rules: [
        {
          name: 'high',
          when: 'risk.band == "high"',
          verdict: 'requireApproval',
          approval: { role: 'approver', count: 1 },
          message: 'the risk is high',
          remedy: 'Ask an approver other than the author, or lower the risk as the assessment says.',
        },
        {
          name: 'critical',
          when: 'risk.band == "critical"',
          verdict: 'requireApproval',
          approval: { role: 'approver', count: 2 },
          message: 'the risk is critical',
          remedy: 'Ask two approvers other than the author, or lower the risk as the assessment says.',
        },
        {
          name: 'too-likely-to-fail',
          when: 'risk.changeRisk > params.ceiling',
          verdict: 'deny',
          message: 'the migration will more likely fail than is accepted',
          remedy: 'Lower the risk as the assessment says, or let a second person agree to an exception.',
        },
      ],
    },
  ].map((document) => policyDocumentSchema.parse(document));

/** All of them are enforced everywhere. */
export const defaultBindings = (): PolicyBinding[] =>
  defaultPolicies().map(({ name }) =>
    policyBindingSchema.parse({ name, policy: name, version: 1, action: 'enforce', namespaces: ['*'] }),
  );

/** Stores and binds the default policies that the database has never had. Changed or unbound ones stay as they are. */
export async function installDefaultPolicies(tx: EntityManager, now: Date): Promise<string[]> {
  const context = { actor: SYSTEM, requestId: null, now };
  const installed: string[] = [];
  await tx.query('select pg_advisory_xact_lock(44)');
  for (const document of defaultPolicies()) {
    if (await newestVersion(tx, document.name)) continue;
    await storePolicy(tx, document, 0, context);
    const binding = defaultBindings().find(({ policy }) => policy === document.name);
    if (binding) await saveBinding(tx, binding, 0, context);
    installed.push(document.name);
  }
  return installed;
}
