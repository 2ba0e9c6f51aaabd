import { type CompiledSCC } from '../model/compile.js';
import { podSecurityLevel } from '../security/scc-level.js';
import type { PodSecurityLevel } from '../security/level.js';
import { compareDimensions, type Containment, containment, type DimensionName } from './lattice.js';

export interface SCCComparison {
  readonly source: string;
  readonly target: string;
  /** How the target relates to the source: narrower = it permits nothing new. */
  readonly relation: Containment;
  readonly podSecurity: { readonly source: PodSecurityLevel; readonly target: PodSecurityLevel };
  readonly gains: readonly { readonly dimension: DimensionName; readonly what: readonly string[] }[];
  readonly losses: readonly { readonly dimension: DimensionName; readonly what: readonly string[] }[];
}

/** Gains and losses of a pod, per kind of privilege and weightiest first, when it moves from one SCC to another. */
export function compare(source: CompiledSCC, target: CompiledSCC): SCCComparison {
  const dimensions = compareDimensions(source, target);
  return {
    source: source.name,
    target: target.name,
    relation: containment(target, source),
    podSecurity: { source: podSecurityLevel(source), target: podSecurityLevel(target) },
    gains: dimensions.flatMap(({ dimension, gained }) => (gained.length > 0 ? [{ dimension, what: gained }] : [])),
    losses: dimensions.flatMap(({ dimension, lost }) => (lost.length > 0 ? [{ dimension, what: lost }] : [])),
  };
}
