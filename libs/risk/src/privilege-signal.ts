import { type CompiledSCC, compileSCC, type PodTemplate, type SecurityContextConstraints } from '@scc/scc';
import { type SeenNeed, evidenceSentence, usersSeen } from '@scc/scc/scan';
import { EVERYTHING, NOTHING, privilegeGain, privilegeLoss } from './privilege.js';
import type { Signals } from './signals.js';
import { USE } from './use.js';

export interface SCCPair {
  /** Null: the pods run under several SCCs, or under one that is not known, unless `unbound`. */
  readonly sourceName: string | null;
  /** The pods run, and none of them under an SCC: they may do everything. */
  readonly unbound?: boolean;
  readonly targetName: string;
  /** Null when the content is unknown. */
  readonly source: SecurityContextConstraints | null;
  readonly target: SecurityContextConstraints | null;
  /** Null when it could not be read. */
  readonly template: PodTemplate | null;
  /** What was seen of the needs of its containers. */
  readonly evidence?: readonly SeenNeed[];
}

const sourceOf = ({ sourceName, unbound, source }: SCCPair): CompiledSCC | null =>
  unbound === true && sourceName === null ? EVERYTHING : source && compileSCC(source);

/** Shown in place of an unknown name. */
const SOURCE = 'the source SCC';

/**
 * The changes between both SCCs for pods of the template. An unknown one counts as the worst: everything as a
 * target, nothing as a source.
 */
export function privilegeSignal(pair: SCCPair): Signals['privilege'] {
  const { sourceName, targetName, target, template, evidence = [] } = pair;
  const from = sourceOf(pair);
  const to = target && compileSCC(target);
  const unknown = [...(from ? [] : [sourceName ?? SOURCE]), ...(to ? [] : [targetName])];
  const gain = privilegeGain(from ?? NOTHING, to ?? EVERYTHING);
  const gained = gain.parts.map(({ dimension }) => dimension);
  const exposed = { exposure: gain.exposure, gained, unknown, evidence: evidence.map(evidenceSentence) };
  if (!from || !to || !template)
    return { ...{ loss: null, lossIfDeclared: null, spread: 0, used: [], undeclared: [] }, ...exposed };
  const { loss, lossIfDeclared, spread, parts } = privilegeLoss(from, to, template, usersSeen(evidence));
  const named = (wanted: number): string[] =>
    parts.flatMap(({ dimension, use }) => (use === wanted ? [dimension] : []));
  return { loss, lossIfDeclared, spread, used: named(USE.declared), undeclared: named(USE.undeclared), ...exposed };
}
