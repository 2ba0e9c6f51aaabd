import { compare, compileSCC } from '@scc/scc';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import { SYSTEM } from '../call/caller.js';
import { type Database, rowsOf } from '../database/rows.js';
import type { WorkloadKey } from '../plans/store.js';
import { SCCVersionEntity } from './scc.entity.js';

/** How many pods of a workload ran under one content of an SCC. */
export interface ObservedSCC {
  scc: string | null;
  version: string | null;
  pods: number;
  /** When the first of these pods was seen. */
  since: Date;
}

const observedRow = z.object({
  scc: z.string().nullable(),
  version: z.string().nullable(),
  pods: z.int(),
  since: z.date(),
});

/** Under what the pods of a workload ran at a time: several during a rollout, most pods first. */
export const observedAt = (db: Database, { namespace, kind, name }: WorkloadKey, at: Date): Promise<ObservedSCC[]> =>
  rowsOf(
    db,
    observedRow,
    `select scc, scc_version::text as version, count(*)::int as pods, min(first_seen) as since from tracked_pod
     where namespace = $1 and owner_kind = $2 and owner_name = $3 and confirmed
       and first_seen <= $4 and (gone_at is null or gone_at > $4)
     group by scc, scc_version order by pods desc, since desc`,
    [namespace, kind, name, at],
  );

const changeRow = z.object({
  namespace: z.string(),
  kind: z.string(),
  name: z.string(),
  scc: z.string(),
  version: z.string().nullable(),
  since: z.date(),
  before: z.string().nullable(),
  beforeSCC: z.string().nullable(),
  beforeVersion: z.string().nullable(),
  beforeAt: z.date().nullable(),
});
type Change = z.infer<typeof changeRow>;

/** The plan that migrates a workload reports what it does; it is left alone until then. */
const UNCLAIMED = (of: string): string =>
  `not exists (select from workload_claim c where c.namespace = ${of}.namespace and c.kind = ${of}.kind
     and c.name = ${of}.name and c.released_at is null)`;

/** Workloads whose pods all run under one content that the registry has no entry of. */
const CHANGES = `
  with seen as (
    select namespace, owner_kind as kind, owner_name as name, scc, scc_version, min(first_seen) as since from tracked_pod
    where gone_at is null and confirmed and scc is not null and owner_kind in ('Deployment', 'StatefulSet', 'DaemonSet')
    group by namespace, owner_kind, owner_name, scc, scc_version
  ), uniform as (
    select namespace, kind, name, min(scc) as scc, min(scc_version) as version, min(since) as since from seen
    group by namespace, kind, name having count(*) = 1
  )
  select u.namespace, u.kind, u.name, u.scc, u.version::text as version, u.since, a.id::text as before,
    a.scc as "beforeSCC", a.scc_version::text as "beforeVersion", a.activated_at as "beforeAt"
  from uniform u left join scc_activation a
    on a.namespace = u.namespace and a.kind = u.kind and a.name = u.name and a.deactivated_at is null
  where ${UNCLAIMED('u')} and (a.id is null or a.scc <> u.scc or a.scc_version <> u.version)
  order by u.namespace, u.kind, u.name limit 500`;

const counts = { changed: 0, looser: 0 };
/** How many changes without a plan were seen since the process began, and how many of them permit more. */
export const unplannedChanges = (): Readonly<typeof counts> => counts;

/**
 * Enters into the registry what is observed and no plan explains: another SCC, an edited one after the pods were started
 * again, and workloads that have no pods any more. A workload that is seen for the first time only gets its entry.
 * @returns how many entries began or ended.
 */
export async function enterObserved(tx: EntityManager, now: Date): Promise<number> {
  // One process at a time, so that each change is one entry.
  await tx.query('select pg_advisory_xact_lock(62)');
  const changes = await rowsOf(tx, changeRow, CHANGES);
  for (const change of changes) await enter(tx, change, now);
  const ended = await rowsOf(tx, z.object({ id: z.string() }), ENDED, [now, GONE_FOR_SECONDS]);
  return changes.length + ended.length;
}

/** A workload may be without pods for a moment. */
const GONE_FOR_SECONDS = 60;
const ENDED = `
  update scc_activation a set deactivated_at = greatest(a.activated_at, g.at), deactivated_by = 'its last pod is gone'
  from (
    select namespace, owner_kind as kind, owner_name as name, max(gone_at) as at from tracked_pod where confirmed
    group by namespace, owner_kind, owner_name
    having bool_and(gone_at is not null) and max(gone_at) < $1::timestamptz - make_interval(secs => $2)
  ) as g
  where a.deactivated_at is null and a.namespace = g.namespace and a.kind = g.kind and a.name = g.name
    and g.at >= a.activated_at and ${UNCLAIMED('a')}
  returning a.id::text as id`;

async function enter(tx: EntityManager, change: Change, now: Date): Promise<void> {
  const { namespace, kind, name, scc, version, since, before, beforeSCC, beforeAt } = change;
  const at = beforeAt !== null && since <= beforeAt ? now : since;
  const reason = before === null ? 'observed' : beforeSCC === scc ? 'sccEdited' : 'changed';
  if (before !== null) {
    await tx.query(
      `update scc_activation set deactivated_at = $2, deactivated_by = 'a change without a plan' where id = $1`,
      [before, at],
    );
    await audit(tx, change, reason);
  }
  await tx.query(
    `insert into scc_activation (namespace, kind, name, scc, scc_version, reason, source_key, activated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`,
    [
      namespace,
      kind,
      name,
      scc,
      version,
      reason,
      `observed/${namespace}/${kind}/${name}/${at.toISOString()}/${scc}`,
      at,
    ],
  );
}

async function audit(tx: EntityManager, change: Change, reason: string): Promise<void> {
  const { namespace, kind, name, scc, version, since, beforeSCC, beforeVersion } = change;
  const relation = await relationOf(tx, beforeVersion, version);
  counts.changed += 1;
  if (relation === 'wider' || relation === 'incomparable') counts.looser += 1;
  await appendAudit(tx, {
    actor: { name: SYSTEM.name },
    action: 'workload.sccChanged',
    object: { kind, namespace, name },
    requestId: null,
    details: {
      ...{ reason, relation, since: since.toISOString() },
      from: { scc: beforeSCC, version: beforeVersion },
      to: { scc, version },
    },
  });
}

/** How the second content relates to the first; `unknown` when the registry has not seen one of them. */
async function relationOf(tx: EntityManager, from: string | null, to: string | null): Promise<string> {
  if (from === null || to === null) return 'unknown';
  const versions = tx.getRepository(SCCVersionEntity);
  const [source, target] = [await versions.findOneByOrFail({ id: from }), await versions.findOneByOrFail({ id: to })];
  return compare(compileSCC(source.content), compileSCC(target.content)).relation;
}
