import type { Violation } from '@scc/plan';
import {
  applyTemplatePatch,
  mergePatches,
  podTemplateSchema,
  remediate,
  REQUIRED_SCC_ANNOTATION,
  type CompiledSCC,
  type Pod,
  type PodTemplate,
  type Remediation,
  type TemplatePatch,
  type WorkloadFacts,
} from '@scc/scc';
import { stringify } from 'yaml';
import type { Facts } from './facts.js';

export type ChangedTemplate =
  | { ok: true; template: PodTemplate; pod: Pod; patch: string; warnings: string[] }
  | { ok: false; violations: Violation[] };

const isEmpty = (patch: TemplatePatch): boolean => Object.keys(patch).length === 0;

const shown = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));

/** What no change of a field can lift. */
const blockersOf = ({ blockers, target }: Remediation): Violation[] =>
  blockers.map(({ field, message, bound, remedy, value }) => ({
    code: 'NotAdmitted',
    field: `template.${field}`,
    message: `${target} does not admit it: ${message} (asked for ${shown(value)}, ${bound})`,
    remedy,
  }));

/** Risks that the known facts prove: the pods would not work, so somebody has to act first. */
const provenRisks = ({ risks }: Remediation): Violation[] =>
  risks
    .filter(({ uncertain, name }) => !uncertain && name !== 'seccomp-removed' && name !== 'host-resources-withdrawn')
    .map(({ name, cause, symptom, remedy, containers }) => ({
      code: 'WouldNotWork',
      field: containers.length ? `template.spec.containers[${containers.join(', ')}]` : 'template.spec',
      message: `${name}: ${cause}; ${symptom}`,
      remedy,
    }));

const warningsOf = ({ risks }: Remediation): string[] =>
  risks.map(({ name, cause, check, remedy, containers }) => {
    const where = containers.length ? ` (${containers.join(', ')})` : '';
    return `${name}${where}: ${cause}. Check: ${check}. Remedy: ${remedy}`;
  });

/** The user's own patch, then his other ServiceAccount. */
function asUserWants(template: PodTemplate, { spec }: Facts): { template: PodTemplate; patch: TemplatePatch } {
  const account = spec.serviceAccountName;
  const ownAccount: TemplatePatch =
    account === undefined ? {} : { spec: { serviceAccountName: account, serviceAccount: account } };
  const patch = mergePatches(spec.podSecurity.patch, ownAccount);
  return { template: isEmpty(patch) ? template : applyTemplatePatch(template, patch), patch };
}

/**
 * The pod template of the migrated workload: the user's patch, the evaluator's smallest one on top, and the pin to the
 * target. Every reason why that can not be is reported at once.
 */
export function changeTemplate(facts: Facts, written: unknown, target: CompiledSCC): ChangedTemplate {
  const { spec, namespace, sccs, serviceAccount } = facts;
  const before = podTemplateSchema.parse(written);
  const known: WorkloadFacts = {
    kind: 'Deployment',
    name: spec.workloadRef.name,
    namespace,
    sccs,
    automountToken: serviceAccount.automountToken,
  };
  let wanted;
  try {
    wanted = asUserWants(before, facts);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const remedy = 'Write a strategic-merge patch of the pod template, such as {spec: {securityContext: {…}}}.';
    return { ok: false, violations: [{ code: 'PatchInvalid', field: 'spec.podSecurity.patch', message, remedy }] };
  }
  const remediation = remediate(wanted.template, target, known);
  const { pod } = remediation;
  const violations = [...blockersOf(remediation), ...provenRisks(remediation)];
  if (violations.length || !pod) return { ok: false, violations };
  if (spec.podSecurity.mode === 'Require' && !isEmpty(remediation.patch))
    return { ok: false, violations: [patchRequired(remediation)] };
  const pin: TemplatePatch = { metadata: { annotations: { [REQUIRED_SCC_ANNOTATION]: target.name } } };
  const patch = [wanted.patch, remediation.patch, pin].reduce(mergePatches);
  return {
    ok: true,
    template: applyTemplatePatch(remediation.template, pin),
    pod,
    patch: stringify(patch),
    warnings: warningsOf(remediation),
  };
}

const patchRequired = ({ edits, patch, target }: Remediation): Violation => ({
  code: 'PatchRequired',
  field: 'spec.podSecurity.mode',
  message: `${target} admits the template only with changes: ${edits.map(({ field, change }) => `${change} ${field}`).join(', ')}`,
  remedy: `Set mode: Apply, or change the template yourself:\n${stringify(patch)}`,
});
