import { changedFields } from '../rules/apply.js';
import type { CompiledSCC } from '../model/compile.js';
import type { PodTemplate } from '../model/pod.js';
import type { PodSecurityLevel } from '../security/level.js';
import { podSecurityLevel } from '../security/scc-level.js';
import { judgeTemplate, type WorkloadContext } from './facts.js';
import { compareByPrivilege, compareDimensions, containment } from './lattice.js';
import { remediate, type Remediation } from './remediate.js';

export interface FittingSCC {
  readonly scc: string;
  readonly podSecurity: PodSecurityLevel;
  /** Fields that the SCC's defaulting would write. */
  readonly defaults: readonly string[];
}

export interface Recommendation {
  /** Every SCC that admits the template as it is, regardless of its users, the least privileged first. */
  readonly fits: readonly FittingSCC[];
  readonly leastPrivileged: string | undefined;
  /** Fitting SCCs of which neither they nor the chosen one permits all that the other permits. */
  readonly alternatives: readonly string[];
  /** Why the chosen one comes before each other one that fits. */
  readonly reasons: readonly string[];
  /** Stricter SCCs that a patch of the template can reach: the smallest patch first, then the strictest. */
  readonly stricter: readonly Remediation[];
}

function reason(chosen: CompiledSCC, other: CompiledSCC): string {
  const wider = compareDimensions(chosen, other).filter(({ isPrivilege, gained }) => isPrivilege && gained.length > 0);
  const what = wider.map(({ dimension, gained }) => `${dimension} (${gained.join(', ')})`);
  return what.length > 0
    ? `${other.name} also permits ${what.join('; ')}`
    : `${other.name} permits the same and is tried later`;
}

/** The SCCs that admit the template as it is, whoever may use them, the least privileged first. */
export const fittingSCCs = (template: PodTemplate, facts: WorkloadContext): CompiledSCC[] =>
  facts.sccs.ordered.filter((scc) => judgeTemplate(scc, template, facts).fits).sort(compareByPrivilege);

/** Which SCC a workload should run under. Points decide nothing here: they do not mean containment. */
export function recommend(template: PodTemplate, facts: WorkloadContext): Recommendation {
  const judged = facts.sccs.ordered.map((scc) => ({ scc, fit: judgeTemplate(scc, template, facts) }));
  const fitting = judged.flatMap(({ scc, fit }) => (fit.fits ? [{ scc, changes: fit.changes }] : []));
  fitting.sort((a, b) => compareByPrivilege(a.scc, b.scc));
  const chosen = fitting[0]?.scc;
  const others = fitting.slice(1).map(({ scc }) => scc);
  const stricter = judged
    .filter(({ scc, fit }) => !fit.fits && (!chosen || compareByPrivilege(scc, chosen) < 0))
    .sort((a, b) => compareByPrivilege(a.scc, b.scc))
    .map(({ scc }) => remediate(template, scc, facts))
    .filter(({ admitted }) => admitted)
    .sort((a, b) => a.edits.length - b.edits.length);
  return {
    fits: fitting.map(({ scc, changes }) => ({
      scc: scc.name,
      podSecurity: podSecurityLevel(scc, facts.namespace),
      defaults: changedFields(changes),
    })),
    leastPrivileged: chosen?.name,
    alternatives: chosen
      ? others.filter((other) => containment(chosen, other) === 'incomparable').map(({ name }) => name)
      : [],
    reasons: chosen ? others.map((other) => reason(chosen, other)) : [],
    stricter,
  };
}
