import type { CompiledSCC } from '../model/compile.js';
import { SECCOMP_CONTAINER_ANNOTATION_PREFIX, SECCOMP_POD_ANNOTATION } from '../model/names.js';
import { type Container, CONTAINER_LISTS, type ContainerList, type Pod, type PodTemplate } from '../model/pod.js';
import type { RuleViolation } from '../rules/violation.js';
import { type Edit, editsFor, type FoundEdit } from './edits.js';
import { judgeTemplate, resultingPod, type WorkloadContext } from './facts.js';
import { applyTemplatePatch, joinPatches, type TemplatePatch } from './patch.js';
import type { Risk } from './risk.js';
import { migrationRisks } from './risks.js';

export interface Remediation {
  readonly target: string;
  /** True when the target admits the patched template. */
  readonly admitted: boolean;
  /** Strategic-merge patch of the pod template; empty when nothing has to change. */
  readonly patch: TemplatePatch;
  readonly edits: readonly Edit[];
  /** Reasons that no edit of a field can lift: another volume, another SCC or another namespace is needed. */
  readonly blockers: readonly RuleViolation[];
  /** Risks although the target admits the pod; each with how to find out and what to do. */
  readonly risks: readonly Risk[];
  readonly template: PodTemplate;
  /** The pod as the target's defaulting leaves it. */
  readonly pod: Pod | undefined;
}

/** The functions that can be called in a thread: arguments and results are plain data. */
export interface RemediationFunctions {
  remediate: typeof remediate;
}

/** The module of `RemediationFunctions`. */
export const REMEDIATION_MODULE = new URL('./remediate.js', import.meta.url);

const patchOf = (edits: Iterable<Edit>): TemplatePatch => joinPatches([...edits].map(({ patch }) => patch));

/** Several edits of one field, made in turn, as one. */
function joined(edits: readonly FoundEdit[]): FoundEdit[] {
  const byField = new Map<string, FoundEdit>();
  for (const edit of edits) {
    const earlier = byField.get(edit.field);
    byField.set(edit.field, earlier ? { ...edit, from: earlier.from } : edit);
  }
  return [...byField.values()];
}

/** Lifts violations until none is left or none can be lifted. Lifting one may uncover another. */
function collectEdits(template: PodTemplate, target: CompiledSCC, facts: WorkloadContext) {
  const edits: FoundEdit[] = [];
  let current = template;
  for (;;) {
    const fit = judgeTemplate(target, current, facts);
    if (fit.fits) return { edits: joined(edits), blockers: [] };
    const round = editsFor(current, fit.violations);
    const next = applyTemplatePatch(current, patchOf(round));
    if (round.length === 0 || JSON.stringify(next) === JSON.stringify(current))
      return { edits: joined(edits), blockers: fit.violations };
    edits.push(...round);
    current = next;
  }
}

/**
 * The template as it concerns one container: the same for the pod, but without the other containers, and without
 * volumes and annotations, which no edit touches or which are not this container's.
 */
function templatesByContainer(template: PodTemplate): (name: string) => PodTemplate {
  const { volumes: _volumes, ...spec } = template.spec;
  const byName = new Map<string, Record<ContainerList, Container[]>>();
  for (const list of CONTAINER_LISTS)
    for (const container of template.spec[list] ?? []) {
      const own = byName.get(container.name) ?? { initContainers: [], containers: [], ephemeralContainers: [] };
      own[list].push(container);
      byName.set(container.name, own);
    }
  const annotations = template.metadata?.annotations ?? {};
  return (name) => {
    const kept = [SECCOMP_POD_ANNOTATION, SECCOMP_CONTAINER_ANNOTATION_PREFIX + name].flatMap((key) => {
      const value = annotations[key];
      return value === undefined ? [] : [[key, value] as const];
    });
    const containers = byName.get(name) ?? { containers: [] };
    return { metadata: { annotations: Object.fromEntries(kept) }, spec: { ...spec, ...containers } };
  };
}

/**
 * Leaves out each edit without which the target still admits the template. An edit of one container is tried on that
 * container alone: whether the target admits the others does not depend on it.
 */
function smallest(
  edits: readonly FoundEdit[],
  admits: (edits: Iterable<Edit>, container?: string) => boolean,
): FoundEdit[] {
  const kept = new Set(edits);
  const byContainer = new Map<string | undefined, Set<FoundEdit>>();
  const ownOf = (container: string | undefined): Set<FoundEdit> => {
    const own = byContainer.get(container) ?? new Set();
    byContainer.set(container, own);
    return own;
  };
  for (const edit of edits) ownOf(edit.container).add(edit);
  for (const edit of edits) {
    const { container } = edit;
    const own = ownOf(container);
    own.delete(edit);
    kept.delete(edit);
    const isNeeded =
      container === undefined ? !admits(inOrder(edits, kept)) : !admits([...ownOf(undefined), ...own], container);
    if (!isNeeded) continue;
    own.add(edit);
    kept.add(edit);
  }
  return inOrder(edits, kept);
}

const inOrder = (edits: readonly FoundEdit[], kept: ReadonlySet<FoundEdit>): FoundEdit[] =>
  edits.filter((edit) => kept.has(edit));

/**
 * The smallest patch of a pod template that makes one SCC admit it. No edit of the result can be left out; grants and
 * what the template cannot show (the image's user, who owns files) are not its business, the latter are its risks.
 * The work grows in proportion to the number of containers.
 */
export function remediate(template: PodTemplate, target: CompiledSCC, facts: WorkloadContext): Remediation {
  const { edits: found, blockers } = collectEdits(template, target, facts);
  const ofContainer = templatesByContainer(template);
  const admits = (edits: Iterable<Edit>, container?: string) => {
    const concerned = container === undefined ? template : ofContainer(container);
    return judgeTemplate(target, applyTemplatePatch(concerned, patchOf(edits)), facts).fits;
  };
  const needed: readonly FoundEdit[] = blockers.length === 0 ? smallest(found, admits) : found;
  const edits = needed.map(({ container: _container, ...edit }): Edit => edit);
  const patch = patchOf(edits);
  const patched = applyTemplatePatch(template, patch);
  const pod = resultingPod(target, patched, facts);
  const risks = pod ? migrationRisks({ template, after: pod, target, facts }) : [];
  return { target: target.name, admitted: pod !== undefined, patch, edits, blockers, risks, template: patched, pod };
}
