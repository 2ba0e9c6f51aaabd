import { hashOf } from '@scc/audit';
import type { WorkloadFacts } from '@scc/governance-api';
import { defaultSCCs, sccSchema, type SecurityContextConstraints } from '@scc/scc';
import { type EntityManager, IsNull } from 'typeorm';
import { z } from 'zod';
import { type Queryable, rowsOf } from '../database/rows.js';
import { SCCPresenceEntity, SCCVersionEntity } from './scc.entity.js';

/** The content of an SCC: what it permits to whom. Labels and annotations permit nothing. */
export function contentOf(scc: SecurityContextConstraints): SecurityContextConstraints {
  return { ...scc, metadata: { name: scc.metadata.name } };
}

const presentRow = z.object({
  ...{ name: z.string(), content_hash: z.string(), content: sccSchema },
  ...{ present_from: z.date(), unseen_from: z.date().nullable() },
});

type Pair = Pick<WorkloadFacts, 'sourceSCC' | 'targetSCC'>;

/** The content of the SCCs that a decision is made about, by hash; null while the registry has not seen one. */
export interface SCCVersions {
  source: string | null;
  target: string | null;
}

/** The content of an SCC, since it was seen. */
export interface SeenContent {
  scc: string;
  contentHash: string;
  seenAt: string;
  /** Where nothing followed the cluster as it came: it came between this and `seenAt`. */
  unseenFrom: string | null;
}

/** The versions of both SCCs that the cluster has now, and since when. */
export async function currentVersions(db: Queryable, pair: Pair): Promise<SCCVersions & { seen: SeenContent[] }> {
  const now = await versionsSeenAt(db, pair, null);
  const bySCC = new Map([now.source, now.target].flatMap((scc) => (scc ? [[scc.name, scc]] : [])));
  return {
    ...hashesOf(now),
    seen: [...bySCC.values()].map(({ name: scc, hash: contentHash, from, unseenFrom }) => ({
      ...{ scc, contentHash, seenAt: from.toISOString(), unseenFrom: unseenFrom?.toISOString() ?? null },
    })),
  };
}

/** An SCC as the registry saw it. */
interface SeenSCC {
  name: string;
  hash: string;
  content: SecurityContextConstraints;
  /** Since when the cluster had it. */
  from: Date;
  /** Where nothing followed the cluster as it came: it came between this and `from`. */
  unseenFrom: Date | null;
}
interface SeenSCCs {
  source: SeenSCC | null;
  target: SeenSCC | null;
}

export const hashesOf = ({ source, target }: SeenSCCs): SCCVersions => ({
  source: source?.hash ?? null,
  target: target?.hash ?? null,
});

/** Both SCCs as the registry saw them at a time, or as the cluster has them now; null where it had seen none. */
export async function versionsSeenAt(
  db: Queryable,
  { sourceSCC, targetSCC }: Pair,
  at: Date | null,
): Promise<SeenSCCs> {
  const rows = await rowsOf(
    db,
    presentRow,
    `select distinct on (v.name) v.name, v.content_hash, v.content, p.present_from, p.unseen_from
     from scc_presence p join scc_version v on v.id = p.version
     where p.name = any($1)
       and (($2::timestamptz is null and p.present_to is null)
         or (p.present_from <= $2 and (p.present_to is null or p.present_to > $2)))
     order by v.name, p.present_from desc, p.id desc`,
    [[sourceSCC, targetSCC].filter((name) => name !== null), at],
  );
  const find = (name: string | null): SeenSCC | null => {
    const row = rows.find((one) => one.name === name);
    if (!row) return null;
    const { content_hash: hash, content, present_from: from, unseen_from: unseenFrom } = row;
    return { name: row.name, hash, content, from, unseenFrom };
  };
  return { source: find(sourceSCC), target: find(targetSCC) };
}

/** Whether the pods run, and none of them under an SCC. A mixture of SCCs has no name either, and is not this. */
export const isUnbound = ({ sourceSCC, pods }: Pick<WorkloadFacts, 'sourceSCC' | 'pods'>): boolean =>
  sourceSCC === null && pods.length > 0 && pods.every(({ scc }) => scc === null);

export interface KnownSCCs {
  source: SecurityContextConstraints | null;
  target: SecurityContextConstraints | null;
}

/** OpenShift's default of a name, for which an SCC is taken that the registry has not seen; null where there is none. */
export const defaultNamed = (name: string | null): SecurityContextConstraints | null =>
  defaultSCCs().find(({ metadata }) => metadata.name === name) ?? null;

/** Both SCCs by content: what the cluster has, else OpenShift's default of that name, else unknown. */
export async function knownSCCs(db: Queryable, pair: Pair): Promise<KnownSCCs> {
  const { source, target } = await versionsSeenAt(db, pair, null);
  return {
    source: source?.content ?? defaultNamed(pair.sourceSCC),
    target: target?.content ?? defaultNamed(pair.targetSCC),
  };
}

/** What was entered, in the words of the audit log. */
export interface ObservedContent {
  version: string | null;
  /** When this content was seen first. */
  firstSeen: string | null;
  contentHash: string | null;
  changed: boolean;
  unseenFrom: Date | null;
  /** The row that began, and the one that ended. */
  presence: { id: string; at: string; unseenFrom: string | null } | null;
  ended: { id: string; at: string } | null;
}

/**
 * Enters what the cluster has under a name now, or that it has it no more. The same content is the same version, also
 * when it comes back.
 * @param wasFollowed whether the cluster was followed until now; otherwise the change is from some time since the last
 * look, and not from now
 * @returns the id of the version, null when the SCC is gone.
 */
export async function observeSCC(
  tx: EntityManager,
  name: string,
  scc: SecurityContextConstraints | null,
  { at, wasFollowed = true }: { at: Date; wasFollowed?: boolean },
): Promise<ObservedContent> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 41))', [name]);
  const { version, firstSeen } = scc ? await versionOf(tx, name, scc, at) : NO_VERSION;
  const present = await tx.getRepository(SCCPresenceEntity).findOneBy({ name, presentTo: IsNull() });
  const contentHash = scc && hashOf(contentOf(scc));
  const same = { version, firstSeen, contentHash, changed: false, unseenFrom: null, presence: null, ended: null };
  if ((present?.versionId ?? null) === version) return same;
  const unseenFrom = wasFollowed ? null : await lastLook(tx, at);
  return {
    ...{ version, firstSeen, contentHash, changed: true, unseenFrom },
    ended: present && (await endPresence(tx, present, at)),
    presence: version === null ? null : await beginPresence(tx, { name, version, at, unseenFrom }),
  };
}

async function endPresence(
  tx: EntityManager,
  { id, presentFrom }: SCCPresenceEntity,
  at: Date,
): Promise<ObservedContent['ended']> {
  const presentTo = new Date(Math.max(presentFrom.getTime(), at.getTime()));
  await tx.getRepository(SCCPresenceEntity).update({ id }, { presentTo });
  return { id, at: presentTo.toISOString() };
}

async function beginPresence(
  tx: EntityManager,
  { name, version, at, unseenFrom }: { name: string; version: string; at: Date; unseenFrom: Date | null },
): Promise<ObservedContent['presence']> {
  const began = { name, versionId: version, presentFrom: at, unseenFrom };
  const { identifiers } = await tx.getRepository(SCCPresenceEntity).insert(began);
  const { id } = insertedRow.parse(identifiers[0]);
  return { id, at: at.toISOString(), unseenFrom: unseenFrom?.toISOString() ?? null };
}

const insertedRow = z.object({ id: z.string() });

const lookRow = z.object({ at: z.date() });

/** When the SCCs of the cluster were last looked at before a time; null when they never were. */
async function lastLook(tx: EntityManager, before: Date): Promise<Date | null> {
  const [row] = await rowsOf(
    tx,
    lookRow,
    `select least(confirmed_at, $1) as at from scc_presence where confirmed_at is not null
     order by confirmed_at desc limit 1`,
    [before],
  );
  return row?.at ?? null;
}

/** Notes that the cluster had at a time what the registry says that it has. */
export async function confirmSCCs(db: Queryable, at: Date): Promise<void> {
  await db.query(
    `update scc_presence set confirmed_at = $1
     where present_to is null and present_from <= $1 and (confirmed_at is null or confirmed_at < $1)`,
    [at],
  );
}

type KnownVersion = Pick<ObservedContent, 'version' | 'firstSeen'>;
const NO_VERSION: KnownVersion = { version: null, firstSeen: null };

async function versionOf(
  tx: EntityManager,
  name: string,
  scc: SecurityContextConstraints,
  at: Date,
): Promise<KnownVersion> {
  const content = contentOf(scc);
  const hash = hashOf(content);
  await tx.query(
    `insert into scc_version (name, content_hash, content, first_seen) values ($1, $2, $3, $4) on conflict do nothing`,
    [name, hash, JSON.stringify(content), at],
  );
  const known = { select: { id: true, firstSeen: true }, where: { name, contentHash: hash } };
  const { id, firstSeen } = await tx.getRepository(SCCVersionEntity).findOneOrFail(known);
  return { version: id, firstSeen: firstSeen.toISOString() };
}
