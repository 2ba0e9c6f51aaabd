import { backoffMs, messageOf } from '@scc/runtime';
import type { Logger } from 'pino';
import { type DataSource, type EntityManager, IsNull, LessThanOrEqual } from 'typeorm';
import { workflowIdOf } from '@scc/migration/contract';
import type { MigrationEntity } from '../plans/migration.entity.js';
import { OutboxEntity } from './outbox.entity.js';

/** Asks for the plan's workflow to be woken, in the transaction of the change that it should look at. */
export async function wakeWorkflow(
  tx: EntityManager,
  { planUid, namespace, name }: Pick<MigrationEntity, 'planUid' | 'namespace' | 'name'>,
  payload: { actor: string; outcome: string },
  signal: 'approve' | 'rollback' = 'approve',
): Promise<void> {
  await tx.getRepository(OutboxEntity).insert({
    planUid,
    workflowId: workflowIdOf({ namespace, name, uid: planUid }),
    signal,
    payload: { actor: payload.actor, reason: payload.outcome },
  });
}

/** Asks the plan's workflow to read the settings of the plan again: what was held back of them may be in force now. */
export async function rereadSettings(
  tx: EntityManager,
  { planUid, namespace, name }: Pick<MigrationEntity, 'planUid' | 'namespace' | 'name'>,
  { actor, generation }: { actor: string; generation: number },
): Promise<void> {
  await tx.getRepository(OutboxEntity).insert({
    planUid,
    workflowId: workflowIdOf({ namespace, name, uid: planUid }),
    signal: 'planChanged',
    // The workflow reads for a generation that it does not have yet.
    payload: { actor, reason: 'an edit of the running plan is approved', generation: generation + 1 },
  });
}

type OutboxMessage = Pick<OutboxEntity, 'id' | 'workflowId' | 'signal' | 'payload'>;

/** Hands a message to the workflow. `gone`: there is no such workflow, or it is over. Throws when it should be tried again. */
export type Deliver = (message: OutboxMessage) => Promise<'delivered' | 'gone'>;

const BACKOFF = { firstMs: 500, lastMs: 60_000 };
/** A plan may be approved before its workflow was started; after this long it will not be started. */
const GIVE_UP_AFTER_MS = 60 * 60 * 1000;

/**
 * Delivers the oldest message that is due. The row stays locked until the outcome is committed, so that of several
 * relays one has it; a crash after the delivery and before the commit delivers it again, which wakes the workflow twice
 * and changes nothing.
 * @returns false when nothing was due.
 */
export async function relayOne(source: DataSource, deliver: Deliver, now: () => Date): Promise<boolean> {
  return source.transaction(async (tx) => {
    const row = await tx.getRepository(OutboxEntity).findOne({
      where: { deliveredAt: IsNull(), abandonedAt: IsNull(), dueAt: LessThanOrEqual(now()) },
      order: { dueAt: 'ASC', id: 'ASC' },
      lock: { mode: 'pessimistic_write', onLocked: 'skip_locked' },
    });
    if (!row) return false;
    const { id, workflowId, signal, payload } = row;
    try {
      const outcome = await deliver({ id, workflowId, signal, payload });
      const isOver = now().getTime() - row.createdAt.getTime() > GIVE_UP_AFTER_MS;
      if (outcome === 'delivered') await finish(tx, id, { deliveredAt: now() });
      else if (isOver) await finish(tx, id, { abandonedAt: now() });
      else await postpone(tx, row, { now: now(), error: 'no such workflow is running' });
    } catch (error) {
      await postpone(tx, row, { now: now(), error: messageOf(error) });
    }
    return true;
  });
}

const ONE_MORE = () => 'attempts + 1';

async function finish(
  tx: EntityManager,
  id: string,
  ended: { deliveredAt: Date } | { abandonedAt: Date },
): Promise<void> {
  await tx.getRepository(OutboxEntity).update({ id }, { ...ended, attempts: ONE_MORE, lastError: null });
}

async function postpone(
  tx: EntityManager,
  { id, attempts }: { id: string; attempts: number },
  { now, error }: { now: Date; error: string },
): Promise<void> {
  const dueAt = new Date(now.getTime() + backoffMs(attempts + 1, BACKOFF));
  await tx.getRepository(OutboxEntity).update({ id }, { attempts: ONE_MORE, dueAt, lastError: error.slice(0, 500) });
}

/** Relays messages until it is stopped. */
export class OutboxRelay {
  private stopped = false;
  private running: Promise<void> = Promise.resolve();
  private wake: () => void = () => undefined;

  constructor(
    private readonly source: DataSource,
    private readonly deliver: Deliver,
    private readonly logger: Logger,
    private readonly everyMs = 500,
  ) {}

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.wake();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.stopped) if (!(await this.relay())) await this.pause();
  }

  private async relay(): Promise<boolean> {
    try {
      return await relayOne(this.source, this.deliver, () => new Date());
    } catch (error) {
      this.logger.warn({ err: error }, 'outbox relay failed and will try again');
      return false;
    }
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.everyMs);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
