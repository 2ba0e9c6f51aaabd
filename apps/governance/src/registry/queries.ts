import { hashOf } from '@scc/audit';
import { compileSCC, containment, defaultSCCs } from '@scc/scc';
import { IsNull } from 'typeorm';
import type { Scope } from '../call/scope.js';
import type { Database } from '../database/rows.js';
import { inScope } from '../paging/filters.js';
import type { WorkloadKey } from '../plans/store.js';
import { TrackedPodEntity } from '../pods/pod.entity.js';
import { SCCActivationEntity, SCCPresenceEntity, SCCVersionEntity } from './scc.entity.js';
import { contentOf } from './versions.js';

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

/** Under which SCC, and which version of it, a workload ran at a time; undefined when nobody knows. */
export async function workloadAt(
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

/** Under what a workload ran, newest first. */
export async function workloadHistory(
  db: Database,
  { namespace, kind, name }: WorkloadKey,
): Promise<ActivationEntry[]> {
  const rows = await db
    .getRepository(SCCActivationEntity)
    .find({ where: { namespace, kind, name }, order: { activatedAt: 'DESC', id: 'DESC' }, take: 1000 });
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

/** Workloads that run under a version now, and how many of the tracked pods run under its name, as far as they are in scope. */
export async function affectedBy(
  db: Database,
  version: string,
  scope: Scope,
): Promise<{ workloads: { namespace: string; kind: string; name: string; since: string }[]; pods: number }> {
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
    .innerJoin(SCCVersionEntity, 'v', 'v.name = p.scc')
    .where('p.goneAt is null and v.id = :version', { version });
  return {
    workloads: workloads.map(({ namespace, kind, name, activatedAt }) => ({
      ...{ namespace, kind, name },
      since: activatedAt.toISOString(),
    })),
    pods: await inScope(pods, 'p.namespace', scope).getCount(),
  };
}
