import type { MakeInformer } from '@scc/kube';
import { sccSchema } from '@scc/scc';
import type { Logger } from 'pino';
import { type DataSource, In, IsNull, Not } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import { follow } from '../cluster/follow.js';
import { inTransaction } from '../database/transaction.js';
import { SCCPresenceEntity } from './scc.entity.js';
import { observeSCC } from './versions.js';

const SCC_KIND = { apiVersion: 'security.openshift.io/v1', kind: 'SecurityContextConstraints' };
const RECONCILE_MS = 60_000;

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
  return follow({
    ...{ kind: SCC_KIND, makeInformer, logger, everyMs: RECONCILE_MS },
    enter: (name, { current, at }) => enter(source, { name, object: current, at }, logger),
    reconcile: async (present) => {
      const at = new Date();
      for (const object of present) await enter(source, { name: nameOf(object), object, at }, logger);
      for (const name of await missing(source, present.map(nameOf)))
        await enter(source, { name, object: undefined, at }, logger);
    },
  });
}

const named = z.object({ metadata: z.object({ name: z.string() }) });
const nameOf = (object: unknown): string => named.parse(object).metadata.name;

async function enter(
  source: DataSource,
  { name, object, at }: { name: string; object: unknown; at: Date },
  logger: Logger,
): Promise<void> {
  const parsed = object === undefined ? null : sccSchema.safeParse(object);
  if (parsed && !parsed.success) {
    logger.error({ scc: name, issues: parsed.error.issues }, 'an SCC of the cluster cannot be read');
    return;
  }
  await inTransaction(source, async (tx) => {
    const { version, changed } = await observeSCC(tx, name, parsed?.data ?? null, at);
    if (!changed) return;
    await appendAudit(tx, {
      actor: { name: 'system:governance' },
      action: version === null ? 'scc.gone' : 'scc.observed',
      object: { kind: 'SecurityContextConstraints', name },
      requestId: null,
      details: { version },
    });
  });
}

async function missing(source: DataSource, present: string[]): Promise<string[]> {
  const lost = await source.getRepository(SCCPresenceEntity).findBy({ presentTo: IsNull(), name: Not(In(present)) });
  return lost.map(({ name }) => name);
}
