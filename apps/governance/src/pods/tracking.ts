import type { DataSource, EntityManager } from 'typeorm';
import type { PodObservation } from './observation.js';

/**
 * One thing that was learnt of a pod. `hint`: by admission, before the pod exists; `seen` and `gone`: from the cluster.
 */
export type PodNews =
  { type: 'hint' | 'seen'; pod: PodObservation; at: Date } | { type: 'gone'; uid: string; at: Date };

/**
 * Writes news of pods, at most one item per pod. An observation of the cluster is never overwritten by a hint.
 * Observations are no decisions and leave no audit entries; what a decision rests on is in the entries of that
 * decision.
 */
export async function trackPods(source: DataSource, news: readonly PodNews[]): Promise<void> {
  const seen = news.filter((item) => item.type !== 'gone');
  const gone = news.filter((item) => item.type === 'gone');
  await source.transaction(async (tx) => {
    if (seen.length > 0) {
      // Two writers with the same pods take them in one order, and each sees what the other has written.
      await tx.query('select from tracked_pod where uid = any($1) order by uid for update', [
        seen.map(({ pod }) => pod.uid),
      ]);
      await tx.query(SEEN, [JSON.stringify(seen.map(rowOf))]);
    }
    if (gone.length > 0)
      await markGone(
        tx,
        gone.map(({ uid }) => uid),
        { at: gone[0]?.at ?? new Date(), isWatched: true },
      );
  });
}

/** A pod that is older than this when it is first seen was started while nobody watched. */
const LATE_MS = 5000;

/** Since when a pod runs: since it was seen, or, where that was late, since the API server made it. */
function since({ createdAt }: PodObservation, at: Date): Date {
  const created = createdAt === undefined ? at : new Date(createdAt);
  return at.getTime() - created.getTime() > LATE_MS ? created : at;
}

const rowOf = ({ type, pod, at }: Extract<PodNews, { pod: PodObservation }>) => ({
  ...pod,
  at: at.toISOString(),
  since: since(pod, at).toISOString(),
  confirmed: type === 'seen',
});

/** One statement per batch; `before` reads the snapshot from before the statement. */
const SEEN = `
  with input as (
    select t.*, coalesce(
      (select version from scc_presence s where s.name = t.scc
        and s.present_from <= case when exists (select from tracked_pod k where k.uid = t.uid) then t.at else t.since end
        order by s.present_from desc limit 1),
      -- The registry may see an SCC a moment after its first pod.
      (select version from scc_presence s where s.name = t.scc order by s.present_from limit 1)) as version
    from jsonb_to_recordset($1::jsonb) as t (uid text, namespace text, name text, scc text, "subjectType" text,
      image text, node text, "ownerKind" text, "ownerName" text, plan text, at timestamptz, since timestamptz,
      confirmed boolean)
  ), before as (
    select p.uid, p.scc, p.node, p.gone_at, p.confirmed from tracked_pod p join input using (uid)
  ), written as (
    insert into tracked_pod as p (uid, namespace, name, scc, subject_type, image, node, owner_kind, owner_name, plan,
      first_seen, last_seen, confirmed, scc_version)
    select uid, namespace, name, scc, "subjectType", image, node, "ownerKind", "ownerName", plan, since, at, confirmed, version
    from input order by uid
    on conflict (uid) do update set scc = excluded.scc, subject_type = excluded.subject_type, image = excluded.image,
      node = excluded.node, owner_kind = excluded.owner_kind, owner_name = excluded.owner_name, plan = excluded.plan,
      last_seen = greatest(p.last_seen, excluded.last_seen), gone_at = null, confirmed = true,
      scc_version = case when p.scc is not distinct from excluded.scc then coalesce(p.scc_version, excluded.scc_version)
        else excluded.scc_version end
    where excluded.confirmed
    returning p.uid
  )
  insert into pod_transition (uid, at, change, from_scc, to_scc, node)
  select i.uid, case when b.uid is null then i.since else i.at end, case when b.uid is null or b.gone_at is not null then 'appeared' else 'changed' end, b.scc, i.scc, i.node
  from input i join written using (uid) left join before b using (uid)
  where b.uid is null or b.gone_at is not null or b.scc is distinct from i.scc or b.node is distinct from i.node`;

/** Hints that the cluster did not confirm within this time were about pods that never came to be. */
const HINT_TTL_SECONDS = 120;

/** A pod whose end was not watched keeps the time at which it was last seen: it ended between both. */
async function markGone(
  tx: EntityManager,
  uids: readonly string[],
  { at, isWatched }: { at: Date; isWatched: boolean },
): Promise<void> {
  await tx.query(
    `with ended as (
       update tracked_pod set gone_at = $2, last_seen = case when $3 then greatest(last_seen, $2) else last_seen end
       where uid in (
         select uid from tracked_pod where uid = any($1) and gone_at is null order by uid for update)
       returning uid, scc, node)
     insert into pod_transition (uid, at, change, from_scc, to_scc, node)
     select uid, $2, 'gone', scc, null, node from ended`,
    [uids, at, isWatched],
  );
}

/**
 * Brings the table in line with what the cluster has now: a pod that is not there any more is gone, however the news of
 * it was lost. Pods that were tracked after the list was taken are left alone.
 * @param listedAt when the list was taken.
 */
export async function reconcilePods(source: DataSource, present: readonly string[], listedAt: Date): Promise<number> {
  return source.transaction(async (tx) => {
    const rows = await tx.query<{ uid: string }[]>(
      `select uid from tracked_pod
       where gone_at is null and not (uid = any($1))
         and last_seen < $2::timestamptz - case when confirmed then interval '0' else make_interval(secs => $3) end`,
      [present, listedAt, HINT_TTL_SECONDS],
    );
    if (rows.length > 0)
      await markGone(
        tx,
        rows.map(({ uid }) => uid),
        { at: listedAt, isWatched: false },
      );
    return rows.length;
  });
}
