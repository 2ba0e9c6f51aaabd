import type { Logger } from 'pino';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { workflowIdOf } from '../../../../workflows/migration/contract.js';
import { rowOf } from '../database/rows.js';

interface PlanKey {
  plan_uid: string;
  namespace: string;
  name: string;
}

/** Asks for the plan's workflow to be woken, in the transaction of the change that it should look at. */
export async function wakeWorkflow(
  tx: EntityManager,
  { plan_uid: uid, namespace, name }: PlanKey,
  payload: { actor: string; outcome: string },
): Promise<void> {
  await tx.query(`insert into outbox (plan_uid, workflow_id, signal, payload) values ($1, $2, 'approve', $3)`, [
    uid,
    workflowIdOf({ namespace, name, uid }),
    JSON.stringify({ actor: payload.actor, reason: payload.outcome }),
  ]);
}

interface OutboxMessage {
  id: string;
  workflowId: string;
  signal: string;
  payload: Record<string, unknown>;
}

/** Hands a message to the workflow. `gone`: there is no such workflow, or it is over. Throws when it should be tried again. */
export type Deliver = (message: OutboxMessage) => Promise<'delivered' | 'gone'>;

const messageRow = z.object({
  id: z.string(),
  workflow_id: z.string(),
  signal: z.string(),
  payload: z.record(z.string(), z.unknown()),
  attempts: z.int(),
  created_at: z.date(),
});

const MAX_DELAY_MS = 60_000;
/** A plan may be approved before its workflow was started; after this long nobody will start it. */
const GIVE_UP_AFTER_MS = 60 * 60 * 1000;

/**
 * Delivers the oldest message that is due. The row stays locked until the outcome is committed, so that of several
 * relays one has it; a crash after the delivery and before the commit delivers it again, which wakes the workflow twice
 * and changes nothing.
 * @returns false when nothing was due.
 */
export async function relayOne(source: DataSource, deliver: Deliver, now: () => Date): Promise<boolean> {
  return source.transaction(async (tx) => {
    const row = await rowOf(
      tx,
      messageRow,
      `select id, workflow_id, signal, payload, attempts, created_at from outbox
       where delivered_at is null and abandoned_at is null and due_at <= $1
       order by due_at, id limit 1 for update skip locked`,
      [now()],
    );
    if (!row) return false;
    const { id, workflow_id: workflowId, signal, payload } = row;
    try {
      const outcome = await deliver({ id, workflowId, signal, payload });
      const isOver = now().getTime() - row.created_at.getTime() > GIVE_UP_AFTER_MS;
      if (outcome === 'delivered') await finish(tx, id, 'delivered_at', now());
      else if (isOver) await finish(tx, id, 'abandoned_at', now());
      else await postpone(tx, row, { now: now(), error: 'no such workflow is running' });
    } catch (error) {
      await postpone(tx, row, { now: now(), error: error instanceof Error ? error.message : String(error) });
    }
    return true;
  });
}

async function finish(
  tx: EntityManager,
  id: string,
  column: 'delivered_at' | 'abandoned_at',
  now: Date,
): Promise<void> {
  await tx.query(`update outbox set ${column} = $2, attempts = attempts + 1, last_error = null where id = $1`, [
    id,
    now,
  ]);
}

async function postpone(
  tx: EntityManager,
  { id, attempts }: { id: string; attempts: number },
  { now, error }: { now: Date; error: string },
): Promise<void> {
  const delayMs = Math.min(500 * 2 ** Math.min(attempts, 10), MAX_DELAY_MS);
  await tx.query('update outbox set attempts = attempts + 1, due_at = $2, last_error = $3 where id = $1', [
    id,
    new Date(now.getTime() + delayMs),
    error.slice(0, 500),
  ]);
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
