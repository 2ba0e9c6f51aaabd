import { auditBodySchema } from '@scc/audit';
import type { MakeInformer } from '@scc/kube';
import { CAMPAIGN_KIND, CAMPAIGN_TYPE } from '@scc/plan';
import type { Logger } from 'pino';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { appendAuditBatch, type AuditRecord } from '../audit/append.js';
import { follow } from '../cluster/follow.js';
import { rowsOf } from '../database/rows.js';
import { inTransaction } from '../database/transaction.js';
import { actKey, actsOf, campaignIn, deletion } from './acts.js';

const RECONCILE_MS = 60_000;

interface Deps {
  source: DataSource;
  makeInformer: MakeInformer;
  logger: Logger;
}

/**
 * Writes what happens to campaigns into the audit log. The log itself says what is in it already, so that several
 * processes may follow the same campaigns, and what was missed is written when it is seen.
 */
export function followCampaigns({ source, makeInformer, logger }: Deps): { stop: () => Promise<void> } {
  /** What this process knows to be in the log, by uid: most changes of a status are nothing new. */
  const written = new Map<string, Set<string>>();
  const write = async (uid: string, name: string, records: readonly AuditRecord[]): Promise<void> => {
    const known = written.get(uid);
    if (known && records.every((record) => known.has(actKey(record, uid) ?? ''))) return;
    written.set(uid, await inTransaction(source, (tx) => recordActs(tx, { uid, name }, records)));
  };
  const take = async (object: unknown): Promise<void> => {
    const campaign = campaignIn(object);
    if (campaign) await write(campaign.metadata.uid, campaign.metadata.name, actsOf(campaign, new Date()));
  };
  const gone = async (uid: string, name: string): Promise<void> => {
    await write(uid, name, [deletion(name, uid)]);
    written.delete(uid);
  };
  return follow({
    ...{ kind: CAMPAIGN_TYPE, makeInformer, logger, everyMs: RECONCILE_MS },
    enter: async (_key, { current, previous }) => {
      const [before, now] = [campaignIn(previous)?.metadata, campaignIn(current)?.metadata];
      if (before && before.uid !== now?.uid) await gone(before.uid, before.name);
      await take(current);
    },
    reconcile: async (present) => {
      const uids = new Set(present.map((object) => campaignIn(object)?.metadata.uid));
      for (const object of present) await take(object);
      for (const { uid, name } of await undeleted(source)) if (!uids.has(uid)) await gone(uid, name);
    },
  });
}

const bodyRow = z.object({ body: z.instanceof(Buffer) });
const bodyOf = ({ body }: z.infer<typeof bodyRow>) => auditBodySchema.parse(JSON.parse(body.toString('utf8')));

/**
 * Appends the records that the log does not hold yet.
 * @returns the keys of all that it holds of the campaign then
 */
async function recordActs(
  tx: EntityManager,
  { uid, name }: { uid: string; name: string },
  records: readonly AuditRecord[],
): Promise<Set<string>> {
  await tx.query(`select pg_advisory_xact_lock(hashtext('campaign ' || $1))`, [uid]);
  const rows = await rowsOf(
    tx,
    bodyRow,
    `select body from audit_entry
     where object_kind = $1 and object_namespace is null and object_name = $2 and action like 'campaign.%'`,
    [CAMPAIGN_KIND, name],
  );
  const known = new Set(rows.flatMap((row) => actKey(bodyOf(row), uid) ?? []));
  const fresh = records.filter((record) => {
    const key = actKey(record, uid) ?? '';
    return !known.has(key) && known.add(key);
  });
  await appendAuditBatch(tx, fresh);
  return known;
}

const uidIn = z.object({ uid: z.string() });

/** The campaigns of the log whose end as objects it does not hold. */
async function undeleted(source: DataSource): Promise<{ uid: string; name: string }[]> {
  const rows = await rowsOf(
    source,
    bodyRow,
    `select body from audit_entry where action in ('campaign.created', 'campaign.deleted') order by id`,
  );
  const open = new Map<string, string>();
  for (const row of rows) {
    const { action, object, details } = bodyOf(row);
    const uid = uidIn.safeParse(details).data?.uid;
    if (uid === undefined) continue;
    if (action === 'campaign.deleted') open.delete(uid);
    else open.set(uid, object.name ?? '');
  }
  return [...open].map(([uid, name]) => ({ uid, name }));
}
