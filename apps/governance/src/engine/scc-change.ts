import { compare, compileSCC, type SecurityContextConstraints } from '@scc/scc';
import type { EntityManager } from 'typeorm';
import type { StoredEvaluation } from '../plans/store.js';
import { defaultNamed, hashesOf, type SCCVersions, versionsSeenAt } from '../registry/versions.js';
import { contentHashOf } from './content-hash.js';

/** A change of the SCCs of a plan since it was evaluated. */
export interface SCCChange {
  /** How the target permits more than what was evaluated, in words; null when it does not. */
  loosened: string | null;
  /** When the target as it is now was first seen. */
  since: Date;
}

/** Whether the cluster has other SCCs now than those that a plan was evaluated with; null when it has the same. */
export async function sccChange(
  tx: EntityManager,
  { request, answer, evaluatedAt }: StoredEvaluation,
): Promise<SCCChange | null> {
  const { facts } = request;
  const isEvaluated = (versions: SCCVersions): boolean =>
    contentHashOf(request, versions, answer.risk.band) === answer.contentHash;
  const now = await versionsSeenAt(tx, facts, null);
  if (isEvaluated(hashesOf(now))) return null;
  const then = await versionsSeenAt(tx, facts, evaluatedAt);
  const evaluated = isEvaluated(hashesOf(then)) ? (then.target?.content ?? defaultNamed(facts.targetSCC)) : null;
  const { target } = now;
  return {
    loosened: target && loosenedBy(evaluated, target.content, facts.targetSCC),
    since: target?.from ?? evaluatedAt,
  };
}

/** An SCC that is not known by content is taken for one that permitted less. */
function loosenedBy(
  before: SecurityContextConstraints | null,
  after: SecurityContextConstraints,
  name: string,
): string | null {
  const said = `the SCC ${name} was changed since the plan was evaluated`;
  if (!before) return `${said}, and nothing is known of how`;
  const gains = compare(compileSCC(before), compileSCC(after)).gains.map(({ dimension }) => dimension);
  return gains.length === 0 ? null : `${said} and permits more now: ${gains.join(', ')}`;
}
