import { z } from 'zod';
import { likePatterns, type Scope } from '../access/scope.js';
import { type Queryable, rowsOf } from '../database/rows.js';

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

const podRow = z
  .object({
    uid: z.string(),
    namespace: z.string(),
    name: z.string(),
    scc: z.string().nullable(),
    subject_type: z.string().nullable(),
    image: z.string().nullable(),
    node: z.string().nullable(),
    owner_kind: z.string().nullable(),
    owner_name: z.string().nullable(),
    plan: z.string().nullable(),
    first_seen: z.date(),
    last_seen: z.date(),
    gone_at: z.date().nullable(),
    confirmed: z.boolean(),
  })
  .transform((row) => ({
    uid: row.uid,
    namespace: row.namespace,
    name: row.name,
    scc: row.scc,
    subjectType: row.subject_type,
    image: row.image,
    node: row.node,
    owner: row.owner_kind && row.owner_name ? { kind: row.owner_kind, name: row.owner_name } : null,
    plan: row.plan,
    firstSeen: row.first_seen.toISOString(),
    lastSeen: row.last_seen.toISOString(),
    goneAt: row.gone_at?.toISOString() ?? null,
    confirmed: row.confirmed,
  }));
export type TrackedPod = z.infer<typeof podRow>;

/** Pods by namespace and name; one page. */
export function findPods(
  db: Queryable,
  filter: PodFilter,
  page: { limit: number; after: PodPosition | null; scope: Scope },
): Promise<TrackedPod[]> {
  const conditions: string[] = filter.running ? ['gone_at is null'] : [];
  const parameters: unknown[] = [];
  const add = (sql: (place: string) => string, value: unknown): void => {
    if (value !== undefined) conditions.push(sql(`$${parameters.push(value)}`));
  };
  add((place) => `scc = ${place}`, filter.scc);
  add((place) => `namespace = ${place}`, filter.namespace);
  add((place) => `owner_kind = ${place}`, filter.ownerKind);
  add((place) => `owner_name = ${place}`, filter.ownerName);
  add((place) => `namespace like any(${place}::text[])`, likePatterns(page.scope) ?? undefined);
  if (page.after) {
    const { namespace, name, uid } = page.after;
    const at = parameters.push(namespace, name, uid);
    conditions.push(`(namespace, name, uid) > ($${at - 2}, $${at - 1}, $${at})`);
  }
  const where = conditions.length > 0 ? `where ${conditions.join(' and ')}` : '';
  return rowsOf(
    db,
    podRow,
    `select uid, namespace, name, scc, subject_type, image, node, owner_kind, owner_name, plan, first_seen, last_seen,
       gone_at, confirmed from tracked_pod ${where} order by namespace, name, uid limit $${parameters.push(page.limit)}`,
    parameters,
  );
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

const transitionRow = z
  .object({
    at: z.date(),
    change: z.enum(['appeared', 'changed', 'gone']),
    from_scc: z.string().nullable(),
    to_scc: z.string().nullable(),
    node: z.string().nullable(),
  })
  .transform(({ at, change, from_scc: from, to_scc: to, node }) => ({ at: at.toISOString(), change, from, to, node }));

/** The newest 1,000 transitions of a pod, oldest first. */
export const transitionsOf = (db: Queryable, uid: string): Promise<z.infer<typeof transitionRow>[]> =>
  rowsOf(
    db,
    transitionRow,
    `select at, change, from_scc, to_scc, node from
       (select * from pod_transition where uid = $1 order by id desc limit 1000) newest order by id`,
    [uid],
  );
