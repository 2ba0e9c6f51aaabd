import type { CompiledSCC } from '../model/compile.js';
import type { Pod, PodTemplate } from '../model/pod.js';
import type { Violation } from '../rules/scope.js';
import { type Edit, editsFor, locate } from './edits.js';
import { judgeTemplate, resultingPod, type WorkloadFacts } from './facts.js';
import { applyTemplatePatch, mergePatches, type TemplatePatch } from './patch.js';
import { migrationRisks, type Risk } from './risks.js';

export interface Remediation {
  readonly target: string;
  /** True when the target admits the patched template. */
  readonly admitted: boolean;
  /** Strategic-merge patch of the pod template; empty when nothing has to change. */
  readonly patch: TemplatePatch;
  readonly edits: readonly Edit[];
  /** What no edit of a field can lift: another volume, another SCC or another namespace is needed. */
  readonly blockers: readonly Violation[];
  /** What may go wrong although the target admits the pod; each with how to find out and what to do. */
  readonly risks: readonly Risk[];
  readonly template: PodTemplate;
  /** The pod as the target's defaulting leaves it. */
  readonly pod: Pod | undefined;
}

const patchOf = (edits: readonly Edit[]): TemplatePatch =>
  edits.reduce<TemplatePatch>((patch, edit) => mergePatches(patch, edit.patch), {});

/** Several edits of one field, made in turn, as one. */
function joined(edits: readonly Edit[]): Edit[] {
  const byField = new Map<string, Edit>();
  for (const edit of edits) {
    const earlier = byField.get(edit.field);
    byField.set(edit.field, earlier ? { ...edit, from: earlier.from } : edit);
  }
  return [...byField.values()];
}

/** Lifts violations until none is left or none can be lifted. Lifting one may uncover another. */
function collectEdits(template: PodTemplate, target: CompiledSCC, facts: WorkloadFacts) {
  const edits: Edit[] = [];
  let current = template;
  for (;;) {
    const fit = judgeTemplate(target, current, facts);
    if (fit.fits) return { edits: joined(edits), blockers: [] };
    const template = current;
    const found = fit.violations.flatMap((violation) => editsFor(locate(template, violation)));
    const round = [...new Map(found.map((edit) => [edit.field, edit])).values()];
    const next = round.reduce((changed, edit) => applyTemplatePatch(changed, edit.patch), current);
    if (round.length === 0 || JSON.stringify(next) === JSON.stringify(current))
      return { edits: joined(edits), blockers: fit.violations };
    edits.push(...round);
    current = next;
  }
}

/** Leaves out each edit without which the target still admits the template. */
function smallest(edits: readonly Edit[], admits: (edits: readonly Edit[]) => boolean): readonly Edit[] {
  return edits.reduce<readonly Edit[]>((kept, edit) => {
    const without = kept.filter((other) => other !== edit);
    return admits(without) ? without : kept;
  }, edits);
}

/**
 * The smallest patch of a pod template that makes one SCC admit it. No edit of the result can be left out; grants and
 * what the template cannot show (the image's user, who owns files) are not its business, the latter are its risks.
 */
export function remediate(template: PodTemplate, target: CompiledSCC, facts: WorkloadFacts): Remediation {
  const { edits: found, blockers } = collectEdits(template, target, facts);
  const admits = (edits: readonly Edit[]) =>
    judgeTemplate(target, applyTemplatePatch(template, patchOf(edits)), facts).fits;
  const edits = blockers.length === 0 ? smallest(found, admits) : found;
  const patch = patchOf(edits);
  const patched = applyTemplatePatch(template, patch);
  const pod = resultingPod(target, patched, facts);
  const risks = pod ? migrationRisks({ template, edits, after: pod, target, facts }) : [];
  return { target: target.name, admitted: pod !== undefined, patch, edits, blockers, risks, template: patched, pod };
}
