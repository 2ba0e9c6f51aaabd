import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { type Database, type Queryable, rowsOf } from '../database/rows.js';
import { type AuditRecord, appendAuditBatch } from '../audit/append.js';
import { SYSTEM } from '../call/caller.js';
import type { WorkloadKey } from '../plans/store.js';
import { ACTIVATION, type WrittenActivation, writtenActivation } from '../audit/activation-rows.js';
import { endActivation } from './activations.js';
import {
  auditChange,
  countChanges,
  judgeChange,
  type JudgedChange,
  type UnplannedChange,
  writerInWords,
} from './unplanned.js';
import { type Edited, sccObject, UNKNOWN_WRITER, writingUserOf, type Writer } from './writes.js';

/** How many pods of a workload ran under one content of an SCC. */
export interface ObservedSCC {
  scc: string | null;
  version: string | null;
  pods: number;
  /** How many of them may have ended before: nothing watched their end. */
  mayHaveEnded: number;
  /** When the first of these pods was seen. */
  since: Date;
}

const observedRow = z.object({
  scc: z.string().nullable(),
  version: z.string().nullable(),
  pods: z.int(),
  mayHaveEnded: z.int(),
  since: z.date(),
});

/** Under what the pods of a workload ran at a time: several during a rollout, most pods first. */
export const observedAt = (db: Database, { namespace, kind, name }: WorkloadKey, at: Date): Promise<ObservedSCC[]> =>
  rowsOf(
    db,
    observedRow,
    `select scc, scc_version::text as version, count(*)::int as pods, min(first_seen) as since,
       (count(*) filter (where gone_at > last_seen and last_seen < $4))::int as "mayHaveEnded" from tracked_pod
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

/** Under what the running pods of workloads run. */
const SEEN = `seen as (
    select namespace, owner_kind as kind, owner_name as name, scc, scc_version, min(first_seen) as since from tracked_pod
    where gone_at is null and confirmed and scc is not null and owner_kind in ('Deployment', 'StatefulSet', 'DaemonSet')
    group by namespace, owner_kind, owner_name, scc, scc_version
  )`;
const BEFORE = `a.id::text as before, a.scc as "beforeSCC", a.scc_version::text as "beforeVersion",
    a.activated_at as "beforeAt"`;

/** Workloads whose pods all run under one content that the registry has no entry of. */
const CHANGES = `
  with ${SEEN}, uniform as (
    select namespace, kind, name, min(scc) as scc, min(scc_version) as version, min(since) as since from seen
    group by namespace, kind, name having count(*) = 1
  )
  select u.namespace, u.kind, u.name, u.scc, u.version::text as version, u.since, ${BEFORE}
  from uniform u left join scc_activation a
    on a.namespace = u.namespace and a.kind = u.kind and a.name = u.name and a.deactivated_at is null
  where ${UNCLAIMED('u')} and (a.id is null or a.scc <> u.scc or a.scc_version <> u.version)
  order by u.namespace, u.kind, u.name limit 500`;

/** Workloads of which only some pods run under another content than their entry says, and which were not told of yet. */
const MIXTURES = `
  with ${SEEN}, several as (
    select namespace, kind, name from seen group by namespace, kind, name having count(*) > 1
  )
  select s.namespace, s.kind, s.name, s.scc, s.scc_version::text as version, s.since, ${BEFORE}
  from seen s join several using (namespace, kind, name) join scc_activation a
    on a.namespace = s.namespace and a.kind = s.kind and a.name = s.name and a.deactivated_at is null
  where ${UNCLAIMED('s')} and (a.scc <> s.scc or a.scc_version <> s.scc_version)
    and not exists (select from scc_mixture m where m.activation = a.id and m.content = ${contentOf('s')})
  order by s.namespace, s.kind, s.name limit 500`;

function contentOf(row: string): string {
  return `${row}.scc || coalesce(' ' || ${row}.scc_version, '')`;
}

/** The writers of the objects that changes come from, by `editKey`, as far as they were asked. */
export type Managers = ReadonlyMap<string, string>;
const NO_MANAGERS: Managers = new Map();
export const editKey = ({ namespace, kind, name }: Edited): string => `${kind} ${namespace}/${name}`;

/** An edit that would explain a change, and when it would have been made. */
export interface UnexplainedEdit {
  object: Edited;
  after: Date;
  until: Date;
}

const editOf = ({ namespace, kind, name, scc, since, beforeSCC, beforeAt }: Change): UnexplainedEdit => ({
  object: beforeSCC === scc ? sccObject(scc) : { namespace, kind, name },
  after: beforeAt ?? new Date(0),
  until: since,
});

/** The edits of the changes and mixtures that the registry does not know yet. */
export async function unexplainedEdits(db: Queryable): Promise<UnexplainedEdit[]> {
  const changes = [...(await rowsOf(db, changeRow, CHANGES)), ...(await rowsOf(db, changeRow, MIXTURES))];
  return changes.filter(({ before }) => before !== null).map(editOf);
}

interface Entering {
  managers?: Managers;
  /** Takes what was recorded: to be told of when the transaction is committed. */
  recorded?: JudgedChange[];
}

/**
 * Enters into the registry what is observed and no plan explains: another SCC, an edited one after the pods were started
 * again, and workloads that have no pods any more. A workload that is seen for the first time only gets its entry. A
 * mixture has no entry of its own; one that permits more than the entry is audited.
 * @returns how many entries began or ended.
 */
export async function enterObserved(
  tx: EntityManager,
  now: Date,
  { managers = NO_MANAGERS, recorded = [] }: Entering = {},
): Promise<number> {
  // One process at a time, so that each change is one entry.
  await tx.query('select pg_advisory_xact_lock(62)');
  await tx.query(LATE_VERSIONS, [now]);
  const changes = await rowsOf(tx, changeRow, CHANGES);
  const sightings: AuditRecord[] = [];
  for (const change of changes) {
    const unplanned = change.before === null ? null : await judgeChange(tx, await explain(tx, change, managers));
    const activations = await enter(tx, change, { unplanned, now });
    if (unplanned) recorded.push({ ...unplanned, activations });
    else if (activations.length > 0) sightings.push(firstSightOf(change, activations));
  }
  for (const change of await rowsOf(tx, changeRow, MIXTURES)) {
    const mixture = await enterMixture(tx, change, managers);
    if (mixture) recorded.push(mixture);
  }
  for (const change of recorded) await auditChange(tx, change);
  countChanges(recorded);
  const ended = await rowsOf(tx, writtenActivation, ENDED, [now, GONE_FOR_SECONDS]);
  await appendAuditBatch(tx, [...sightings, ...ended.map(endOf)]);
  return changes.length + ended.length;
}

/**
 * Pods are written in batches, and a batch may come before the SCC that they were started under is entered: a pod has
 * the content that was present when it was first seen.
 */
const LATE_VERSIONS = `
  update tracked_pod p set scc_version = s.version from scc_presence s
  where p.gone_at is null and p.first_seen > $1::timestamptz - interval '5 minutes' and s.name = p.scc
    and s.present_from <= p.first_seen and (s.present_to is null or s.present_to > p.first_seen)
    and p.scc_version is distinct from s.version
    and not exists (select from pod_transition t where t.uid = p.uid and t.change = 'changed'
      and t.from_scc is distinct from t.to_scc)`;

/** A workload may be without pods for a moment. */
const GONE_FOR_SECONDS = 60;
const ENDED = `
  update scc_activation set deactivated_at = greatest(activated_at, g.at), deactivated_by = 'its last pod is gone',
    deactivated_after = case when g.after < g.at and g.at > activated_at then greatest(activated_at, g.after) end
  from (
    select namespace as of_namespace, owner_kind, owner_name, max(gone_at) as at, max(least(last_seen, gone_at)) as after
    from tracked_pod where confirmed
    group by namespace, owner_kind, owner_name
    having bool_and(gone_at is not null) and max(gone_at) < $1::timestamptz - make_interval(secs => $2)
  ) as g
  where deactivated_at is null and namespace = g.of_namespace and kind = g.owner_kind and name = g.owner_name
    and g.at >= activated_at and ${UNCLAIMED('scc_activation')}
  returning ${ACTIVATION}`;

const sightingOf = (
  { namespace, kind, name }: WorkloadKey,
  { action, details }: Pick<AuditRecord, 'action' | 'details'>,
): AuditRecord => ({
  ...{ actor: { name: SYSTEM.name }, action, object: { kind, namespace, name }, requestId: null, details },
});

const firstSightOf = ({ since, scc, version, ...workload }: Change, activations: WrittenActivation[]): AuditRecord =>
  sightingOf(workload, {
    action: 'workload.sccObserved',
    details: { since: since.toISOString(), scc, version, activations },
  });

const endOf = (ended: WrittenActivation): AuditRecord =>
  sightingOf(ended.holds, {
    action: 'workload.gone',
    details: { at: ended.holds.to, after: ended.holds.toAfter, activations: [ended] },
  });

async function explain(tx: EntityManager, change: Change, managers: Managers): Promise<UnplannedChange> {
  const { namespace, kind, name, scc, version, since, beforeSCC, beforeVersion } = change;
  const { object, ...between } = editOf(change);
  const manager = managers.get(editKey(object)) ?? UNKNOWN_WRITER.manager;
  return {
    workload: { namespace, kind, name },
    from: { scc: beforeSCC ?? scc, version: beforeVersion },
    to: { scc, version },
    reason: beforeSCC === scc ? 'sccEdited' : 'changed',
    since,
    manager,
    user: await writingUserOf(tx, object, between),
  };
}

async function enterMixture(tx: EntityManager, change: Change, managers: Managers): Promise<JudgedChange | null> {
  const { before, scc, version, since } = change;
  await tx.query('insert into scc_mixture (activation, content, since) values ($1, $2, $3) on conflict do nothing', [
    before,
    version === null ? scc : `${scc} ${version}`,
    since,
  ]);
  const judged = await judgeChange(tx, { ...(await explain(tx, change, managers)), reason: 'mixed' });
  return judged.isLooser ? judged : null;
}

async function enter(
  tx: EntityManager,
  { namespace, kind, name, scc, version, since, before, beforeAt }: Change,
  { unplanned, now }: { unplanned: UnplannedChange | null; now: Date },
): Promise<WrittenActivation[]> {
  const at = beforeAt !== null && since <= beforeAt ? now : since;
  const writer: Writer = unplanned ?? UNKNOWN_WRITER;
  const by = `a change without a plan by ${writerInWords(writer)}`;
  const ended = before === null ? [] : await endActivation(tx, before, { at, by });
  const entered = await rowsOf(
    tx,
    writtenActivation,
    `insert into scc_activation (namespace, kind, name, scc, scc_version, actor, manager, reason, source_key, activated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing returning ${ACTIVATION}`,
    [
      ...[namespace, kind, name, scc, version, writer.user, writer.manager],
      unplanned?.reason ?? 'observed',
      `observed/${namespace}/${kind}/${name}/${at.toISOString()}/${scc}`,
      at,
    ],
  );
  return [...ended, ...entered];
}
