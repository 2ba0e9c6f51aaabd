import { z } from 'zod';
import { likePatterns, type Scope } from '../call/scope.js';
import { type Database, type Queryable, rowsOf } from '../database/rows.js';
import { inScope, matching } from '../paging/filters.js';
import { PodTransitionEntity, TrackedPodEntity } from './pod.entity.js';

export interface PodFilter {
  scc?: string | undefined;
  namespace?: string | undefined;
  ownerKind?: string | undefined;
  ownerName?: string | undefined;
  /** Only pods that run now, unless false. */
  running: boolean;
}

/** Where a page ended. */
export const podPositionSchema = z.object({ namespace: z.string(), name: z.string(), uid: z.string() });
export type PodPosition = z.infer<typeof podPositionSchema>;

const toPod = ({
  sccVersion: version,
  ownerKind,
  ownerName,
  firstSeen,
  lastSeen,
  goneAt,
  ...pod
}: TrackedPodEntity) => ({
  ...pod,
  version,
  owner: ownerKind && ownerName ? { kind: ownerKind, name: ownerName } : null,
  firstSeen: firstSeen.toISOString(),
  lastSeen: lastSeen.toISOString(),
  goneAt: goneAt?.toISOString() ?? null,
});
export type TrackedPod = ReturnType<typeof toPod>;

/** Pods by namespace and name; one page. */
export async function findPods(
  db: Database,
  { running, scc, namespace, ownerKind, ownerName }: PodFilter,
  { limit, after, scope }: { limit: number; after: PodPosition | null; scope: Scope },
): Promise<TrackedPod[]> {
  const query = db.getRepository(TrackedPodEntity).createQueryBuilder('p');
  query.orderBy({ 'p.namespace': 'ASC', 'p.name': 'ASC', 'p.uid': 'ASC' }).limit(limit);
  if (running) query.andWhere('p.goneAt is null');
  matching(query, { scc, namespace, ownerKind, ownerName });
  if (after) query.andWhere('(p.namespace, p.name, p.uid) > (:namespace, :name, :uid)', after);
  return (await inScope(query, 'p.namespace', scope).getMany()).map(toPod);
}

/** How many running pods each SCC has; null stands for pods under none. */
export const countBySCC = (db: Queryable, scope: Scope): Promise<{ scc: string | null; pods: number }[]> =>
  rowsOf(
    db,
    z.object({ scc: z.string().nullable(), pods: z.int() }),
    `select scc, count(*)::int as pods from tracked_pod
     where gone_at is null and ($1::text[] is null or namespace like any($1)) group by scc order by pods desc, scc`,
    [likePatterns(scope)],
  );

/** So many points in time, the last of them now. */
const POINTS = 31;
const pointRow = z.object({
  at: z.date(),
  counts: z.array(z.object({ scc: z.string().nullable(), pods: z.int() })),
});

/**
 * How many pods each SCC had over the last hours. A pod counts under the SCC that it was last seen under: admission
 * decides about a pod once.
 */
export async function countsOverTime(
  db: Queryable,
  { hours, now, scope }: { hours: number; now: Date; scope: Scope },
): Promise<{ at: string; counts: { scc: string | null; pods: number }[] }[]> {
  const rows = await rowsOf(
    db,
    pointRow,
    `select p.at, coalesce(jsonb_agg(jsonb_build_object('scc', c.scc, 'pods', c.pods) order by c.pods desc, c.scc)
              filter (where c.pods is not null), '[]') as counts
     from (select $1::timestamptz - n * ($2::float8 * interval '1 hour' / ($3::int - 1)) as at
           from generate_series(0, $3::int - 1) n) p
     left join lateral (
       select scc, count(*)::int as pods from tracked_pod t
       where t.first_seen <= p.at and (t.gone_at is null or t.gone_at > p.at)
         and ($4::text[] is null or namespace like any ($4)) group by scc
     ) c on true group by p.at order by p.at`,
    [now, hours, POINTS, likePatterns(scope)],
  );
  return rows.map(({ at, counts }) => ({ at: at.toISOString(), counts }));
}

const toTransition = ({ at, change, fromScc: from, toScc: to, node }: PodTransitionEntity) => ({
  at: at.toISOString(),
  change,
  from,
  to,
  node,
});

/** The newest 1,000 transitions of a pod, oldest first. */
export async function transitionsOf(db: Database, uid: string): Promise<ReturnType<typeof toTransition>[]> {
  const newest = await db
    .getRepository(PodTransitionEntity)
    .find({ where: { uid }, order: { id: 'DESC' }, take: 1000 });
  return newest.reverse().map(toTransition);
}
