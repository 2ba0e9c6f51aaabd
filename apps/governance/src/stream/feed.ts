import { PLAN_KIND } from '@scc/plan';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { isInScope, type Scope } from '../call/scope.js';
import { rowOf, rowsOf } from '../database/rows.js';
import { Refusal } from '../refusal/refusal.js';

/** Governance's record about a plan. */
export interface PlanChange {
  action: string;
  namespace: string;
  name: string;
}

/** Takes what is told; `index` is the place in the sealed log, which a follower names to go on from there. */
export interface Taker {
  change: (index: number, change: PlanChange) => void;
  /** More may have been missed than is told one by one: everything has to be loaded again. */
  reset: (index: number) => void;
}

interface Follower {
  user: string;
  scope: Scope;
  /** The newest entry that it was told of, or that does not concern it; null until the first look. */
  last: number | null;
  taker: Taker;
}

const BATCH = 500;
/** A follower that is further behind loads everything again, which costs less. */
const MAX_BEHIND = 1000;
const MAX_OF_USER = 30;
const MAX_OF_ALL = 1000;
const EVERY_MS = 400;

const newestRow = z.object({ newest: z.coerce.number() });
const changeRow = z.object({
  index: z.coerce.number(),
  action: z.string(),
  object_namespace: z.string(),
  object_name: z.string(),
});

/**
 * Tells followers what governance records about plans, in the order of the sealed log, which has no gaps: a follower
 * that comes back is told what it missed. One look at the database serves them all, and none is made without followers.
 */
export class Feed {
  private readonly followers = new Set<Follower>();
  private timer: NodeJS.Timeout | null = null;
  private isStopped = false;

  constructor(
    private readonly source: DataSource,
    private readonly logger: Pick<Logger, 'warn'>,
    private readonly everyMs = EVERY_MS,
  ) {}

  /**
   * Follows from an entry on, or from now.
   * @returns ends it
   * @throws Refusal `tooMany`
   */
  follow(follower: Follower): () => void {
    const ofUser = [...this.followers].filter(({ user }) => user === follower.user).length;
    if (ofUser >= MAX_OF_USER || this.followers.size >= MAX_OF_ALL)
      throw new Refusal('tooMany', 'too many streams are open; close a page of the console and try again');
    this.followers.add(follower);
    this.schedule();
    return () => void this.followers.delete(follower);
  }

  get size(): number {
    return this.followers.size;
  }

  stop(): void {
    this.isStopped = true;
    this.followers.clear();
    if (this.timer) clearTimeout(this.timer);
  }

  private schedule(): void {
    if (this.timer || this.isStopped || this.followers.size === 0) return;
    this.timer = setTimeout(() => {
      this.look()
        .catch((error: unknown) => this.logger.warn({ err: error }, 'the stream of changes could not be read'))
        .finally(() => {
          this.timer = null;
          this.schedule();
        });
    }, this.everyMs);
  }

  /** Reads what is new once, and tells each follower its part. */
  async look(): Promise<void> {
    const row = await rowOf(this.source, newestRow, 'select coalesce(max(index), -1) as newest from audit_seal');
    const newest = row?.newest ?? -1;
    for (const follower of this.followers) {
      const { last } = follower;
      // Events between the load of a new follower and this look are told by none of these entries.
      if (last !== null && last <= newest && newest - last <= MAX_BEHIND) continue;
      follower.last = newest;
      follower.taker.reset(newest);
    }
    const from = Math.min(...[...this.followers].map(({ last }) => last ?? newest));
    for (let at = from; at < newest; at += BATCH) await this.tell(at, Math.min(at + BATCH, newest));
  }

  /** Tells of the entries after `from`, up to `to`. */
  private async tell(from: number, to: number): Promise<void> {
    const rows = await rowsOf(
      this.source,
      changeRow,
      `select s.index, e.action, e.object_namespace, e.object_name from audit_seal s join audit_entry e on e.id = s.entry
       where s.index > $1 and s.index <= $2 and e.object_kind = $3 and e.object_namespace is not null and e.object_name is not null
       order by s.index`,
      [from, to, PLAN_KIND],
    );
    for (const follower of this.followers) {
      const { last } = follower;
      // It came during this look, and waits for its first one.
      if (last === null) continue;
      for (const { index, action, object_namespace: namespace, object_name: name } of rows)
        if (index > last && isInScope(follower.scope, namespace))
          follower.taker.change(index, { action, namespace, name });
      follower.last = Math.max(last, to);
    }
  }
}
