import { hashOf } from '@scc/audit';
import { compileSCC, containment, defaultSCCs } from '@scc/scc';
import { IsNull } from 'typeorm';
import { z } from 'zod';
import { EVERYWHERE, likePatterns, type Scope } from '../call/scope.js';
import { type Database, rowsOf } from '../database/rows.js';
import { inScope } from '../paging/filters.js';
import type { WorkloadKey } from '../plans/store.js';
import { TrackedPodEntity } from '../pods/pod.entity.js';
import { Refusal } from '../refusal/refusal.js';
import { observedAt, type ObservedSCC } from './observed.js';
import { SCCActivationEntity, SCCPresenceEntity, SCCVersionEntity } from './scc.entity.js';
import { contentOf } from './versions.js';

const ownedBy = (ownerKind: string, ownerName: string) => ({ ownerKind, ownerName });

const toActivation = (row: SCCActivationEntity) => ({
  scc: row.scc,
  version: row.sccVersionId,
  planUid: row.planUid,
  actor: row.actor,
  manager: row.manager,
  reason: row.reason,
  activatedAt: row.activatedAt.toISOString(),
  deactivatedAt: row.deactivatedAt?.toISOString() ?? null,
  deactivatedAfter: row.deactivatedAfter?.toISOString() ?? null,
  deactivatedBy: row.deactivatedBy,
});
export type ActivationEntry = ReturnType<typeof toActivation>;

export interface WorkloadSCC extends Omit<ActivationEntry, 'scc'> {
  /** Null when its pods ran under none. */
  scc: string | null;
  /** Of the pods that ran then: several during a rollout. Empty when none was tracked. */
  observed: Omit<ObservedSCC, 'since'>[];
  /**
   * Where a pod was started while nobody followed the SCCs of the cluster, and its SCC was another afterwards: between
   * which times the change came, and the versions before and after. Null where the version is certain.
   */
  uncertain: { from: string; to: string; versions: (string | null)[] } | null;
}

/**
 * Under which SCC, and which version of it, a workload ran at a time; undefined when unknown. Its pods decide: an
 * entry that does not say the same as most of them explains nothing.
 */
export async function workloadAt(db: Database, workload: WorkloadKey, at: Date): Promise<WorkloadSCC | undefined> {
  const entry = await entryAt(db, workload, at);
  const seen = await observedAt(db, workload, at);
  const most = seen.find(({ scc }) => scc !== null) ?? seen[0];
  const observed = seen.map(({ since: _since, ...under }) => under);
  const uncertain = await uncertainAt(db, workload, at);
  if (!most) return entry && { ...entry, observed, uncertain };
  const isSame = entry?.scc === most.scc && isSameVersion(entry.version, most.version);
  if (entry && isSame) return { ...entry, version: entry.version ?? most.version, observed, uncertain };
  return {
    ...{ scc: most.scc, version: most.version, planUid: null, actor: null, manager: null, reason: 'observed' },
    ...{ activatedAt: most.since.toISOString(), deactivatedAt: null, deactivatedAfter: null },
    ...{ deactivatedBy: null, observed, uncertain },
  };
}

const unseenRow = z.object({ from: z.date(), to: z.date(), before: z.string().nullable(), after: z.string() });

/** The change of an SCC, not seen as it came, of which a pod that ran at a time may or may not know. */
async function uncertainAt(
  db: Database,
  { namespace, kind, name }: WorkloadKey,
  at: Date,
): Promise<WorkloadSCC['uncertain']> {
  const [found] = await rowsOf(
    db,
    unseenRow,
    `select s.unseen_from as from, s.present_from as to, s.version::text as after,
       (select b.version::text from scc_presence b where b.name = s.name and b.present_from < s.present_from
         order by b.present_from desc limit 1) as before
     from tracked_pod p join scc_presence s on s.name = p.scc and p.first_seen >= s.unseen_from and p.first_seen <= s.present_from
     where p.namespace = $1 and p.owner_kind = $2 and p.owner_name = $3
       and p.first_seen <= $4 and (p.gone_at is null or p.gone_at > $4)
     order by s.present_from desc limit 1`,
    [namespace, kind, name, at],
  );
  if (!found) return null;
  const { from, to, before, after } = found;
  return { from: from.toISOString(), to: to.toISOString(), versions: [before, after] };
}

/** A version that one side does not know contradicts none. */
const isSameVersion = (a: string | null, b: string | null): boolean => a === null || b === null || a === b;

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

/** Every known version of an SCC, or of all SCCs, newest first. @throws Refusal `notFound` for an SCC that was never seen. */
export async function versionsOf(db: Database, name: string | null): Promise<SCCVersion[]> {
  const rows = await db
    .getRepository(SCCVersionEntity)
    .find({ where: name === null ? {} : { name }, order: { name: 'ASC', id: 'DESC' }, take: 1000 });
  if (rows.length === 0 && name !== null) throw new Refusal('notFound', `no SCC ${name} was ever seen`);
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
  /** False for a content that the cluster has no more, while pods still run under it. */
  present: boolean;
  /** How many pods run under this content now, as far as they are in scope. */
  pods: number;
  /** How it relates to OpenShift's default of that name; `custom` when there is no such default. */
  relation: 'equal' | 'narrower' | 'wider' | 'incomparable' | 'custom';
  changedFields: string[];
}

const podsRow = z.object({ version: z.string(), pods: z.int() });

/** How the contents that the cluster has, or that pods run under, differ from OpenShift's defaults, by name. */
export async function driftFromDefaults(db: Database, scope: Scope = EVERYWHERE): Promise<Drift[]> {
  const counted = await rowsOf(
    db,
    podsRow,
    `select scc_version::text as version, count(*)::int as pods from tracked_pod
     where gone_at is null and confirmed and scc_version is not null
       and ($1::text[] is null or namespace like any($1)) group by scc_version`,
    [likePatterns(scope)],
  );
  const pods = new Map(counted.map(({ version, pods: running }) => [version, running]));
  const versions = (await versionsOf(db, null)).filter(({ id, present }) => present || pods.has(id));
  return versions.map(({ id, name, content, present }) => {
    const about = { name, version: id, present, pods: pods.get(id) ?? 0 };
    const standard = defaultSCCs().find(({ metadata }) => metadata.name === name);
    if (!standard) return { ...about, relation: 'custom', changedFields: [] };
    return {
      ...about,
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

export interface Affected {
  /** With how many of its pods run under the version; none of an entry that no pod speaks against. */
  workloads: { namespace: string; kind: string; name: string; since: string; pods: number }[];
  /** All tracked pods under the version, also those that belong to no workload. */
  pods: number;
}

const affectedRow = z.object({
  namespace: z.string(),
  kind: z.string(),
  name: z.string(),
  since: z.date(),
  pods: z.int(),
});

/** The pods decide; the entry of a workload counts while no pod of it is known to run. */
const AFFECTED = `
  select namespace, kind, name, since, pods from (
    select namespace, owner_kind as kind, owner_name as name, min(first_seen) as since, count(*)::int as pods
    from tracked_pod where gone_at is null and scc_version = $1 and owner_kind is not null and owner_name is not null
    group by namespace, owner_kind, owner_name
    union all
    select a.namespace, a.kind, a.name, a.activated_at, 0 from scc_activation a
    where a.scc_version = $1 and a.deactivated_at is null and not exists (select from tracked_pod p
      where p.namespace = a.namespace and p.owner_kind = a.kind and p.owner_name = a.name and p.gone_at is null)
  ) as found
  where $2::text[] is null or namespace like any($2)
  order by namespace, kind, name limit 1000`;

/**
 * Workloads that run under a version now, and how many tracked pods do, as far as they are in scope.
 * @throws Refusal `notFound`
 */
export async function affectedBy(db: Database, version: string, scope: Scope): Promise<Affected> {
  if (!(await db.getRepository(SCCVersionEntity).existsBy({ id: version })))
    throw new Refusal('notFound', `no version ${version} of an SCC`);
  const workloads = await rowsOf(db, affectedRow, AFFECTED, [version, likePatterns(scope)]);
  const pods = db
    .getRepository(TrackedPodEntity)
    .createQueryBuilder('p')
    .where('p.goneAt is null and p.sccVersion = :version', { version });
  return {
    workloads: workloads.map(({ since, ...workload }) => ({ ...workload, since: since.toISOString() })),
    pods: await inScope(pods, 'p.namespace', scope).getCount(),
  };
}
