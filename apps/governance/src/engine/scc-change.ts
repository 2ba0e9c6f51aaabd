import type { EvaluationRequest } from '@scc/governance-api';
import { compare, compileSCC, defaultSCCs, type SecurityContextConstraints } from '@scc/scc';
import type { EntityManager } from 'typeorm';
import type { StoredEvaluation } from '../plans/store.js';
import { currentVersions, knownSCCs, type SCCVersions, versionsSeenAt } from '../registry/versions.js';
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
  const now = await currentVersions(tx, facts);
  if (isEvaluated(now)) return null;
  const then = await versionsSeenAt(tx, facts, evaluatedAt);
  const { target } = await knownSCCs(tx, facts);
  const evaluated = then.target?.content ?? defaultOf(facts);
  const isKnown = isEvaluated({ source: then.source?.hash ?? null, target: then.target?.hash ?? null });
  const loosened = now.target === null ? null : loosenedBy(isKnown ? evaluated : null, target, facts.targetSCC);
  const { target: seen } = await versionsSeenAt(tx, facts, null);
  return { loosened, since: seen?.from ?? evaluatedAt };
}

/** An SCC that the registry had not seen was taken for OpenShift's of that name. */
const defaultOf = ({ targetSCC }: EvaluationRequest['facts']): SecurityContextConstraints | null =>
  defaultSCCs().find(({ metadata }) => metadata.name === targetSCC) ?? null;

/** An SCC that is not known by content is taken for one that permitted less. */
function loosenedBy(
  before: SecurityContextConstraints | null,
  after: SecurityContextConstraints | null,
  name: string,
): string | null {
  const said = `the SCC ${name} was changed since the plan was evaluated`;
  if (!before || !after) return `${said}, and nothing is known of how`;
  const gains = compare(compileSCC(before), compileSCC(after)).gains.map(({ dimension }) => dimension);
  return gains.length === 0 ? null : `${said} and permits more now: ${gains.join(', ')}`;
}
