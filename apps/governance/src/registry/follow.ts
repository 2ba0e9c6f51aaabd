import type { MakeInformer } from '@scc/kube';
import { sccSchema } from '@scc/scc';
import type { Logger } from 'pino';
import { type DataSource, In, IsNull, Not } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import { follow } from '../cluster/follow.js';
import { inTransaction } from '../database/transaction.js';
import { SCCPresenceEntity } from './scc.entity.js';
import { confirmSCCs, observeSCC } from './versions.js';

const SCC_KIND = { apiVersion: 'security.openshift.io/v1', kind: 'SecurityContextConstraints' };
const RECONCILE_MS = 60_000;
/** A watch that is dead is noticed after 150 s, and looked at once a minute: after so long nothing followed the cluster. */
const FOLLOWED_MS = 4 * 60_000;

interface Deps {
  source: DataSource;
  makeInformer: MakeInformer;
  logger: Logger;
}

/**
 * Keeps the registry in line with the SCCs of the cluster. Changes are entered one after the other; what could not be
 * written, and what was deleted while no watch was open, is found by the next reconciliation.
 */
export function followSCCs({ source, makeInformer, logger }: Deps): { stop: () => Promise<void> } {
  /** Until when this process knows what the cluster had; null before its first look. */
  let known: Date | null = null;
  const take = (name: string, object: unknown, at: Date): Promise<void> => {
    const wasFollowed = known !== null && at.getTime() - known.getTime() < FOLLOWED_MS;
    return enter(source, { name, object, at, wasFollowed }, logger);
  };
  return follow({
    ...{ kind: SCC_KIND, makeInformer, logger, everyMs: RECONCILE_MS },
    enter: (name, { current, at }) => take(name, current, at),
    reconcile: async (present, lastContactMs) => {
      const at = new Date();
      for (const object of present) await take(nameOf(object), object, at);
      for (const name of await missing(source, present.map(nameOf))) await take(name, undefined, at);
      known = new Date(at.getTime() - lastContactMs);
      await confirmSCCs(source, known);
    },
  });
}

const named = z.object({ metadata: z.object({ name: z.string() }) });
const nameOf = (object: unknown): string => named.parse(object).metadata.name;

async function enter(
  source: DataSource,
  { name, object, ...when }: { name: string; object: unknown; at: Date; wasFollowed: boolean },
  logger: Logger,
): Promise<void> {
  const parsed = object === undefined ? null : sccSchema.safeParse(object);
  if (parsed && !parsed.success) {
    logger.error({ scc: name, issues: parsed.error.issues }, 'an SCC of the cluster cannot be read');
    return;
  }
  await inTransaction(source, async (tx) => {
    const { changed, unseenFrom, ...entered } = await observeSCC(tx, name, parsed?.data ?? null, when);
    if (!changed) return;
    await appendAudit(tx, {
      actor: { name: 'system:governance' },
      action: entered.version === null ? 'scc.gone' : 'scc.observed',
      object: { kind: 'SecurityContextConstraints', name },
      requestId: null,
      details: { ...entered, ...(unseenFrom ? { unseenFrom: unseenFrom.toISOString() } : {}) },
    });
  });
}

async function missing(source: DataSource, present: string[]): Promise<string[]> {
  const lost = await source.getRepository(SCCPresenceEntity).findBy({ presentTo: IsNull(), name: Not(In(present)) });
  return lost.map(({ name }) => name);
}
