import { compileSCC, type PodTemplate, type SecurityContextConstraints } from '@scc/scc';
import { EVERYTHING, NOTHING, privilegeGain, privilegeLoss } from './privilege.js';
import type { Signals } from './signals.js';
import { USE } from './use.js';

export interface SCCPair {
  /** Null names mean pods that run under no SCC: they may do everything. */
  readonly sourceName: string | null;
  readonly targetName: string;
  /** Null when nobody knows the content. */
  readonly source: SecurityContextConstraints | null;
  readonly target: SecurityContextConstraints | null;
  /** Null when nobody could read it. */
  readonly template: PodTemplate | null;
}

/**
 * What changes between both SCCs for pods of the template. What an SCC that nobody knows may permit is the worst: everything as a target, nothing as a source.
 */
export function privilegeSignal({ sourceName, targetName, source, target, template }: SCCPair): Signals['privilege'] {
  const from = sourceName === null ? EVERYTHING : source && compileSCC(source);
  const to = target && compileSCC(target);
  const unknown = [...(from ? [] : [sourceName ?? '']), ...(to ? [] : [targetName])];
  const gain = privilegeGain(from ?? NOTHING, to ?? EVERYTHING);
  const gained = gain.parts.map(({ dimension }) => dimension);
  const exposed = { exposure: gain.exposure, gained, unknown };
  if (!from || !to || !template)
    return { ...{ loss: null, lossIfDeclared: null, spread: 0, used: [], undeclared: [] }, ...exposed };
  const { loss, lossIfDeclared, spread, parts } = privilegeLoss(from, to, template);
  const named = (wanted: number): string[] =>
    parts.flatMap(({ dimension, use }) => (use === wanted ? [dimension] : []));
  return { loss, lossIfDeclared, spread, used: named(USE.declared), undeclared: named(USE.undeclared), ...exposed };
}
