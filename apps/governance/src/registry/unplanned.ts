import type { KubeEvent } from '@scc/kube';
import { compare, compileSCC } from '@scc/scc';
import type { EntityManager } from 'typeorm';
import { appendAudit } from '../audit/append.js';
import { SYSTEM } from '../call/caller.js';
import type { WorkloadKey } from '../plans/store.js';
import type { WrittenActivation } from '../audit/activation-rows.js';
import { SCCVersionEntity } from './scc.entity.js';
import type { Writer } from './writes.js';

interface Content {
  scc: string;
  version: string | null;
}

/** Pods of a workload run under a content that no plan explains. */
export interface UnplannedChange extends Writer {
  workload: WorkloadKey;
  from: Content;
  to: Content;
  /** `mixed`: only some of its pods do. */
  reason: 'changed' | 'sccEdited' | 'mixed';
  since: Date;
}

/** The same with how the new content relates to the one before. */
export interface JudgedChange extends UnplannedChange {
  relation: string;
  isLooser: boolean;
  /** The rows of the registry that it made and ended; none for a mixture. */
  activations?: WrittenActivation[];
}

const counts = { changed: 0, looser: 0 };
/** How many changes without a plan were seen since the process began, and how many of them permit more. */
export const unplannedChanges = (): Readonly<typeof counts> => counts;

/** Counts changes that are recorded. */
export function countChanges(changes: readonly JudgedChange[]): void {
  counts.changed += changes.length;
  counts.looser += changes.filter(({ isLooser }) => isLooser).length;
}

/** How the new content relates to the one before. One that is unknown to the registry does not count as looser. */
export async function judgeChange(tx: EntityManager, change: UnplannedChange): Promise<JudgedChange> {
  const relation = await relationOf(tx, change.from.version, change.to.version);
  return { ...change, relation, isLooser: relation === 'wider' || relation === 'incomparable' };
}

/** How the second content relates to the first; `unknown` when the registry has not seen one of them. */
async function relationOf(tx: EntityManager, from: string | null, to: string | null): Promise<string> {
  if (from === null || to === null) return 'unknown';
  const versions = tx.getRepository(SCCVersionEntity);
  const [source, target] = [await versions.findOneByOrFail({ id: from }), await versions.findOneByOrFail({ id: to })];
  return compare(compileSCC(source.content), compileSCC(target.content)).relation;
}

/** Writes a change without a plan into the audit log. */
export async function auditChange(tx: EntityManager, change: JudgedChange): Promise<void> {
  const { workload, reason, relation, since, from, to, manager, user, activations = [] } = change;
  const { namespace, kind, name } = workload;
  await appendAudit(tx, {
    actor: { name: SYSTEM.name },
    action: reason === 'mixed' ? 'workload.sccMixed' : 'workload.sccChanged',
    object: { kind, namespace, name },
    requestId: null,
    details: {
      ...{ reason, relation, since: since.toISOString(), from: { ...from }, to: { ...to }, manager, user },
      ...(activations.length > 0 ? { activations } : {}),
    },
  });
}

const named = ({ scc, version }: Content): string => (version === null ? scc : `${scc} (version ${version})`);

/** The person or program that a change comes from, in words. */
export function writerInWords({ manager, user }: Writer): string {
  if (user !== null) return manager === null ? user : `${user} with ${manager}`;
  return manager ?? 'an unknown client';
}

/** The change as the event of the workload that `kubectl describe` shows. */
export function eventOf({ workload, reason, from, to, isLooser, ...writer }: JudgedChange): KubeEvent {
  const { namespace, kind, name } = workload;
  const which = reason === 'mixed' ? 'some of its pods run' : 'its pods run';
  const cause = reason === 'sccEdited' ? 'the SCC was edited' : 'it was changed';
  return {
    regarding: { apiVersion: 'apps/v1', kind, namespace, name },
    type: isLooser ? 'Warning' : 'Normal',
    reason: isLooser ? 'SCCLoosenedWithoutPlan' : 'SCCChangedWithoutPlan',
    action: 'Observe',
    message:
      `${which} under ${named(to)} instead of ${named(from)}, without a plan: ` +
      `${cause} by ${writerInWords(writer)}${isLooser ? ', and permits more than before' : ''}`,
  };
}
