import { hashOf } from '@scc/audit';
import { compileSCC, containment, defaultSCCs } from '@scc/scc';
import { IsNull } from 'typeorm';
import type { Scope } from '../call/scope.js';
import type { Database } from '../database/rows.js';
import { inScope } from '../paging/filters.js';
import type { WorkloadKey } from '../plans/store.js';
import { TrackedPodEntity } from '../pods/pod.entity.js';
import { Refusal } from '../refusal/refusal.js';
import { observedAt } from './observed.js';
import { SCCActivationEntity, SCCPresenceEntity, SCCVersionEntity } from './scc.entity.js';
import { contentOf } from './versions.js';

const ownedBy = (ownerKind: string, ownerName: string) => ({ ownerKind, ownerName });

const toActivation = (row: SCCActivationEntity) => ({
  scc: row.scc,
  version: row.sccVersionId,
  planUid: row.planUid,
  actor: row.actor,
  reason: row.reason,
  activatedAt: row.activatedAt.toISOString(),
  deactivatedAt: row.deactivatedAt?.toISOString() ?? null,
  deactivatedBy: row.deactivatedBy,
});
export type ActivationEntry = ReturnType<typeof toActivation>;

export interface WorkloadSCC extends ActivationEntry {
  /** Of the pods that ran then: several during a rollout. Empty when none was tracked. */
  observed: { scc: string | null; version: string | null; pods: number }[];
}

/**
 * Under which SCC, and which version of it, a workload ran at a time; undefined when unknown. Its pods decide: an
 * entry that does not say the same as most of them explains nothing.
 */
export async function workloadAt(db: Database, workload: WorkloadKey, at: Date): Promise<WorkloadSCC | undefined> {
  const entry = await entryAt(db, workload, at);
  const seen = await observedAt(db, workload, at);
  const most = seen.find(({ scc }) => scc !== null);
  const observed = seen.map(({ scc, version, pods }) => ({ scc, version, pods }));
  if (!most?.scc) return entry && { ...entry, observed };
  const isSame = entry?.scc === most.scc && (entry.version === most.version || most.version === null);
  if (entry && isSame) return { ...entry, observed };
  return {
    ...{ scc: most.scc, version: most.version, planUid: null, actor: null, reason: 'observed' },
    ...{ activatedAt: most.since.toISOString(), deactivatedAt: null, deactivatedBy: null, observed },
  };
}

async function entryAt(
  db: Database,
  { namespace, kind, name }: WorkloadKey,
  at: Date,
): Promise<ActivationEntry | undefined> {
  const found = await db
    .getRepository(SCCActivationEntity)
    .createQueryBuilder('a')
    .where({ namespace, kind, name })
    .andWhere('a.activatedAt <= :at and (a.deactivatedAt is null or a.deactivatedAt > :at)', { at })
    .orderBy('a.activatedAt', 'DESC')
    .limit(1)
    .getOne();
  return found ? toActivation(found) : undefined;
}

/** Under what a workload ran, newest first. @throws Refusal `notFound` for one that was never seen. */
export async function workloadHistory(
  db: Database,
  { namespace, kind, name }: WorkloadKey,
): Promise<ActivationEntry[]> {
  const rows = await db
    .getRepository(SCCActivationEntity)
    .find({ where: { namespace, kind, name }, order: { activatedAt: 'DESC', id: 'DESC' }, take: 1000 });
  if (rows.length === 0 && !(await db.getRepository(TrackedPodEntity).existsBy({ namespace, ...ownedBy(kind, name) })))
    throw new Refusal('notFound', `no workload ${kind} ${namespace}/${name} was ever seen`);
  return rows.map(toActivation);
}

export interface SCCVersion {
  id: string;
  name: string;
  contentHash: string;
  content: SCCVersionEntity['content'];
  firstSeen: string;
  /** Whether it is the one in the cluster. */
  present: boolean;
}

/** Every known version of an SCC, or of all SCCs, newest first. */
export async function versionsOf(db: Database, name: string | null): Promise<SCCVersion[]> {
  const rows = await db
    .getRepository(SCCVersionEntity)
    .find({ where: name === null ? {} : { name }, order: { name: 'ASC', id: 'DESC' }, take: 1000 });
  const presences = await db.getRepository(SCCPresenceEntity).findBy({ presentTo: IsNull() });
  const present = new Set(presences.map(({ versionId }) => versionId));
  return rows.map(({ firstSeen, ...row }) => ({
    ...row,
    firstSeen: firstSeen.toISOString(),
    present: present.has(row.id),
  }));
}

export interface Drift {
  name: string;
  version: string;
  /** How the cluster's SCC relates to OpenShift's default of that name; `custom` when there is no such default. */
  relation: 'equal' | 'narrower' | 'wider' | 'incomparable' | 'custom';
  changedFields: string[];
}

/** How the SCCs of the cluster differ from OpenShift's defaults, by name. */
export async function driftFromDefaults(db: Database): Promise<Drift[]> {
  const present = (await versionsOf(db, null)).filter((version) => version.present);
  return present.map(({ id, name, content }) => {
    const standard = defaultSCCs().find(({ metadata }) => metadata.name === name);
    if (!standard) return { name, version: id, relation: 'custom', changedFields: [] };
    return {
      name,
      version: id,
      relation: containment(compileSCC(content), compileSCC(standard)),
      changedFields: changedFields(contentOf(content), contentOf(standard)),
    };
  });
}

function changedFields(a: Record<string, unknown>, b: Record<string, unknown>): string[] {
  const ignored = new Set(['metadata', 'apiVersion', 'kind']);
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => !ignored.has(key));
  return keys.filter((key) => hashOf(a[key] ?? null) !== hashOf(b[key] ?? null)).sort();
}

/**
 * Workloads that run under a version now, and how many tracked pods do, as far as they are in scope.
 * @throws Refusal `notFound`
 */
export async function affectedBy(
  db: Database,
  version: string,
  scope: Scope,
): Promise<{ workloads: { namespace: string; kind: string; name: string; since: string }[]; pods: number }> {
  if (!(await db.getRepository(SCCVersionEntity).existsBy({ id: version })))
    throw new Refusal('notFound', `no version ${version} of an SCC`);
  const activations = db
    .getRepository(SCCActivationEntity)
    .createQueryBuilder('a')
    .where('a.sccVersionId = :version and a.deactivatedAt is null', { version })
    .orderBy({ 'a.namespace': 'ASC', 'a.kind': 'ASC', 'a.name': 'ASC' })
    .limit(1000);
  const workloads = await inScope(activations, 'a.namespace', scope).getMany();
  const pods = db
    .getRepository(TrackedPodEntity)
    .createQueryBuilder('p')
    .where('p.goneAt is null and p.sccVersion = :version', { version });
  return {
    workloads: workloads.map(({ namespace, kind, name, activatedAt }) => ({
      ...{ namespace, kind, name },
      since: activatedAt.toISOString(),
    })),
    pods: await inScope(pods, 'p.namespace', scope).getCount(),
  };
}
