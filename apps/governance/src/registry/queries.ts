import { containment, compileSCC, defaultSCCs, sccSchema } from '@scc/scc';
import { z } from 'zod';
import { likePatterns, type Scope } from '../access/scope.js';
import { type Queryable, rowOf, rowsOf } from '../database/rows.js';
import type { WorkloadKey } from '../migrations/claims.js';
import { hashOf } from '../migrations/content-hash.js';
import { contentOf } from './versions.js';

const activationRow = z
  .object({
    scc: z.string(),
    scc_version: z.string().nullable(),
    plan_uid: z.string().nullable(),
    actor: z.string().nullable(),
    reason: z.enum(['observed', 'migrated', 'restored']),
    activated_at: z.date(),
    deactivated_at: z.date().nullable(),
    deactivated_by: z.string().nullable(),
  })
  .transform((row) => ({
    scc: row.scc,
    version: row.scc_version,
    planUid: row.plan_uid,
    actor: row.actor,
    reason: row.reason,
    activatedAt: row.activated_at.toISOString(),
    deactivatedAt: row.deactivated_at?.toISOString() ?? null,
    deactivatedBy: row.deactivated_by,
  }));
export type ActivationEntry = z.infer<typeof activationRow>;
const ACTIVATION = 'scc, scc_version, plan_uid, actor, reason, activated_at, deactivated_at, deactivated_by';

/** Under which SCC, and which version of it, a workload ran at a time; undefined when nobody knows. */
export const workloadAt = (
  db: Queryable,
  { namespace, kind, name }: WorkloadKey,
  at: Date,
): Promise<ActivationEntry | undefined> =>
  rowOf(
    db,
    activationRow,
    `select ${ACTIVATION} from scc_activation
     where namespace = $1 and kind = $2 and name = $3 and activated_at <= $4
       and (deactivated_at is null or deactivated_at > $4) order by activated_at desc limit 1`,
    [namespace, kind, name, at],
  );

/** Under what a workload ran, newest first. */
export const workloadHistory = (db: Queryable, { namespace, kind, name }: WorkloadKey): Promise<ActivationEntry[]> =>
  rowsOf(
    db,
    activationRow,
    `select ${ACTIVATION} from scc_activation where namespace = $1 and kind = $2 and name = $3
     order by activated_at desc, id desc limit 1000`,
    [namespace, kind, name],
  );

const versionRow = z
  .object({
    id: z.string(),
    name: z.string(),
    content_hash: z.string(),
    content: sccSchema,
    first_seen: z.date(),
    present: z.boolean(),
  })
  .transform(({ content_hash: contentHash, first_seen: firstSeen, ...row }) => ({
    ...row,
    contentHash,
    firstSeen: firstSeen.toISOString(),
  }));
export type SCCVersion = z.infer<typeof versionRow>;
const VERSION = `v.id, v.name, v.content_hash, v.content, v.first_seen,
  exists (select from scc_presence p where p.version = v.id and p.present_to is null) as present`;

/** Every known version of an SCC, or of all SCCs, newest first. */
export const versionsOf = (db: Queryable, name: string | null): Promise<SCCVersion[]> =>
  rowsOf(
    db,
    versionRow,
    `select ${VERSION} from scc_version v where $1::text is null or v.name = $1 order by v.name, v.id desc limit 1000`,
    [name],
  );

export interface Drift {
  name: string;
  version: string;
  /** How the cluster's SCC relates to OpenShift's default of that name; `custom` when there is no such default. */
  relation: 'equal' | 'narrower' | 'wider' | 'incomparable' | 'custom';
  changedFields: string[];
}

/** How the SCCs of the cluster differ from OpenShift's defaults, by name. */
export async function driftFromDefaults(db: Queryable): Promise<Drift[]> {
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

const affectedRow = z.object({ namespace: z.string(), kind: z.string(), name: z.string(), activated_at: z.date() });

/** Workloads that run under a version now, and how many of the tracked pods run under its name, as far as they are in scope. */
export async function affectedBy(
  db: Queryable,
  version: string,
  scope: Scope,
): Promise<{ workloads: { namespace: string; kind: string; name: string; since: string }[]; pods: number }> {
  const rows = await rowsOf(
    db,
    affectedRow,
    `select namespace, kind, name, activated_at from scc_activation
     where scc_version = $1 and deactivated_at is null and ($2::text[] is null or namespace like any($2))
     order by namespace, kind, name limit 1000`,
    [version, likePatterns(scope)],
  );
  const counted = await rowOf(
    db,
    z.object({ pods: z.int() }),
    `select count(*)::int as pods from tracked_pod
     where gone_at is null and scc = (select name from scc_version where id = $1)
       and ($2::text[] is null or namespace like any($2))`,
    [version, likePatterns(scope)],
  );
  return {
    workloads: rows.map(({ activated_at: since, ...row }) => ({ ...row, since: since.toISOString() })),
    pods: counted?.pods ?? 0,
  };
}
