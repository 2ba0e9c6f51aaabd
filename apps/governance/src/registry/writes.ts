import { type KubeClient, writerOf } from '@scc/kube';
import { z } from 'zod';
import { type Queryable, rowOf } from '../database/rows.js';
import type { WorkloadKey } from '../plans/store.js';

/** A write that may lead to other pods, as admission saw it. */
export interface SeenWrite {
  /** Empty for an SCC. */
  namespace: string;
  kind: string;
  name: string;
  by: string;
  /** ISO 8601. */
  at: string;
}

/** The object whose edit changes under which content pods run. */
export type Edited = WorkloadKey;
export const SCC_KIND = 'SecurityContextConstraints';
export const sccObject = (name: string): Edited => ({ namespace: '', kind: SCC_KIND, name });

/** Who wrote an object, as far as it is known. */
export interface Writer {
  /** As the API server keeps it in the managed fields. */
  manager: string | null;
  /** As admission saw the write. */
  user: string | null;
}
export const UNKNOWN_WRITER: Writer = { manager: null, user: null };

const KEPT_DAYS = 7;

/** Keeps writes that admission has let pass. */
export async function keepWrites(db: Queryable, writes: readonly SeenWrite[]): Promise<void> {
  if (writes.length === 0) return;
  await db.query(
    `insert into observed_write (namespace, kind, name, written_by, written_at)
     select namespace, kind, name, by, at
     from jsonb_to_recordset($1::jsonb) as t (namespace text, kind text, name text, by text, at timestamptz)`,
    [JSON.stringify(writes)],
  );
}

/** Forgets writes that no change is explained by any more. */
export async function forgetWrites(db: Queryable, now: Date): Promise<void> {
  await db.query('delete from observed_write where written_at < $1::timestamptz - make_interval(days => $2)', [
    now,
    KEPT_DAYS,
  ]);
}

interface Between {
  /** Exclusive. */
  after: Date;
  /** Inclusive. */
  until: Date;
}

/** The user who wrote an object last within a time, as admission saw it; null when it saw none. */
export async function writingUserOf(
  db: Queryable,
  { namespace, kind, name }: Edited,
  { after, until }: Between,
): Promise<string | null> {
  const row = await rowOf(
    db,
    z.object({ by: z.string() }),
    `select written_by as by from observed_write
     where namespace = $1 and kind = $2 and name = $3 and written_at > $4 and written_at <= $5
     order by written_at desc, id desc limit 1`,
    [namespace, kind, name, after, until],
  );
  return row?.by ?? null;
}

const ASK_MS = 5000;

/** Asks the cluster who wrote an object last within a time; null when it does not say. */
export async function managerOf(
  cluster: Pick<KubeClient, 'list'>,
  { namespace, kind, name }: Edited,
  between: Between,
): Promise<string | null> {
  const isSCC = kind === SCC_KIND;
  const { items } = await cluster.list(
    { apiVersion: isSCC ? 'security.openshift.io/v1' : 'apps/v1', kind },
    { ...(isSCC ? {} : { namespace }), fieldSelector: `metadata.name=${name}`, timeoutMs: ASK_MS },
  );
  const [object] = items;
  return object ? writerOf(object, isSCC ? [] : ['spec', 'template'], between) : null;
}
