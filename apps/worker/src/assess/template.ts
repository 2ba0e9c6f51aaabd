import { apiVersionOf, type Violation, type WorkloadRef } from '@scc/plan';
import {
  applyTemplatePatch,
  mergePatches,
  podTemplateSchema,
  REQUIRED_SCC_ANNOTATION,
  type CompiledSCC,
  type Pod,
  type PodTemplate,
  type Remediation,
  type TemplatePatch,
  type ImageFacts,
  type WorkloadContext,
} from '@scc/scc';
import { DeadlineExceeded, messageOf } from '@scc/runtime';
import { stringify } from 'yaml';
import { templatePathOf } from '../cluster/objects.js';
import { asUserWants } from './account.js';
import type { Facts } from './facts.js';
import { concealed } from './concealed.js';
import { REMEDIATION_MS, remediateInThread } from './remediation.js';

/** Containers of a pod template. */
const MAX_CONTAINERS = 250;

export type ChangedTemplate =
  | {
      ok: true;
      template: PodTemplate;
      pod: Pod;
      /** What the plan changes, with hashes for values that are nobody else's business. */
      changes: TemplatePatch;
      patch: string;
      kustomizePatch: string;
      warnings: string[];
      relabels: boolean;
    }
  | { ok: false; violations: Violation[] };

const isEmpty = (patch: TemplatePatch): boolean => Object.keys(patch).length === 0;

const shown = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));

/** Reasons that no change of a field can lift. */
const blockersOf = ({ blockers, target }: Remediation): Violation[] =>
  blockers.map(({ field, message, bound, remedy, value }) => ({
    code: 'NotAdmitted',
    field: `template.${field}`,
    message: `${target} does not admit it: ${message} (asked for ${shown(value)}, ${bound})`,
    remedy,
  }));

/** Risks that the known facts prove: the pods would not work, so a person has to act first. */
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

/** The SCC that a template is to fit, and what is known of the pods beside it. */
interface Aim {
  target: CompiledSCC;
  runningPod?: Pod | undefined;
  images?: ImageFacts;
}

/**
 * The pod template of the migrated workload: the user's patch, the evaluator's smallest one on top, and the pin to the
 * target. Every reason why that cannot be is reported at once.
 */
export async function changeTemplate(
  facts: Facts,
  written: unknown,
  { target, runningPod, images }: Aim,
): Promise<ChangedTemplate> {
  const { spec, namespace, sccs, serviceAccount } = facts;
  const before = podTemplateSchema.parse(written);
  const large = sizeViolations(before);
  if (large.length) return { ok: false, violations: large };
  const known: WorkloadContext = {
    kind: spec.workloadRef.kind,
    name: spec.workloadRef.name,
    volumeClaimTemplates: facts.workload?.ordered?.volumeClaimTemplates.map(({ metadata }) => metadata.name),
    namespace,
    sccs,
    automountToken: serviceAccount.automountToken,
    runningPod,
    imageUsers: images?.imageUsers,
    imagePorts: images?.imagePorts,
  };
  let wanted;
  try {
    wanted = asUserWants(before, spec);
  } catch (error) {
    const message = messageOf(error);
    const remedy = 'Write a strategic-merge patch of the pod template, such as {spec: {securityContext: {…}}}.';
    return { ok: false, violations: [{ code: 'PatchInvalid', field: 'spec.podSecurity.patch', message, remedy }] };
  }
  const remediation = await remediateInThread(wanted.template, target, known).catch(noPatchInTime);
  if (!remediation) return { ok: false, violations: [tookTooLong] };
  const { pod } = remediation;
  const violations = [...blockersOf(remediation), ...provenRisks(remediation)];
  if (violations.length || !pod) return { ok: false, violations };
  if (spec.podSecurity.mode === 'Require' && !isEmpty(remediation.patch))
    return { ok: false, violations: [patchRequired(remediation)] };
  const pin: TemplatePatch = { metadata: { annotations: { [REQUIRED_SCC_ANNOTATION]: target.name } } };
  const patch = [concealed(wanted.patch), remediation.patch, pin].reduce(mergePatches);
  return {
    ok: true,
    template: applyTemplatePatch(remediation.template, pin),
    pod,
    ...shownAs(patch, spec.workloadRef),
    relabels: remediation.risks.some(({ name }) => name === 'selinux-relabel'),
    warnings: warningsOf(remediation),
  };
}

const shownAs = (changes: TemplatePatch, ref: WorkloadRef) => ({
  changes,
  patch: stringify(changes),
  kustomizePatch: kustomizePatchOf(ref, changes),
});

/** The same with one change more, of which the target's decision is independent. */
export const changedFurther = (
  changed: Extract<ChangedTemplate, { ok: true }>,
  patch: TemplatePatch | undefined,
  ref: WorkloadRef,
): Extract<ChangedTemplate, { ok: true }> =>
  patch
    ? {
        ...changed,
        template: applyTemplatePatch(changed.template, patch),
        ...shownAs(mergePatches(changed.changes, patch), ref),
      }
    : changed;

const sizeViolations = ({ spec }: PodTemplate): Violation[] => {
  const count = spec.containers.length + (spec.initContainers?.length ?? 0);
  if (count <= MAX_CONTAINERS) return [];
  return [
    {
      code: 'TemplateTooLarge',
      field: 'spec.workloadRef',
      message: `the pod template has ${count} containers; a migration judges at most ${MAX_CONTAINERS}`,
      remedy: 'Split the workload into smaller ones.',
    },
  ];
};

function noPatchInTime(error: unknown): undefined {
  if (!(error instanceof DeadlineExceeded)) throw error;
}

const tookTooLong: Violation = {
  code: 'TemplateTooLarge',
  field: 'spec.podSecurity.patch',
  message: `no patch of the pod template was found within ${REMEDIATION_MS / 1000} s`,
  remedy: 'Make the template and the patch smaller, or write the patch that the target needs yourself.',
};

/** A change of the pod template as kustomize takes it from the source of a workload. */
const kustomizePatchOf = ({ kind, name }: WorkloadRef, template: TemplatePatch): string =>
  stringify({
    ...{ apiVersion: apiVersionOf(kind), kind, metadata: { name } },
    ...templatePathOf(kind).reduceRight<object>((inner, field) => ({ [field]: inner }), template),
  });

const patchRequired = ({ edits, patch, target }: Remediation): Violation => ({
  code: 'PatchRequired',
  field: 'spec.podSecurity.mode',
  message: `${target} admits the template only with changes: ${edits.map(({ field, change }) => `${change} ${field}`).join(', ')}`,
  remedy: `Set mode: Apply, or change the template yourself:\n${stringify(patch)}`,
});
