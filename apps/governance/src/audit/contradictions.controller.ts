import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Call } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { RequirePermission } from '../call/require-permission.js';
import { inTransaction } from '../database/transaction.js';
import { Refusal } from '../refusal/refusal.js';
import { answerFor, type FoundContradiction } from './answers.js';
import type { AuthorityWatch } from './authority-watch.js';
import type { PublishedContradiction } from './publish.js';
import { publishedFinding } from './published-watch.js';

/** Contradictions of the audit log. A class, so that Nest can inject it by type. */
export class Contradictions {
  constructor(
    private readonly watch: AuthorityWatch,
    private readonly published: () => PublishedContradiction | null = () => null,
  ) {}

  /** In words; null while nothing does. */
  get reason(): string | null {
    return this.published()?.message ?? this.watch.contradicted;
  }

  async now(): Promise<Found> {
    const rows = await this.watch.look();
    return { published: this.published(), rows: rows.map((row) => ({ isOver: false, ...row })) };
  }
}

export const contradictionAnswerSchema = z.object({
  reason: z.string().min(10).max(2048).describe('The finding, and why it is accepted as it is.'),
  rows: z
    .array(z.object({ table: z.string().max(63), key: z.string().max(1024) }))
    .max(1000)
    .default([])
    .describe('Rows that contradict the log and are accepted as they are now.'),
  published: z.boolean().default(false).describe('Also accepts that the log does not continue what was published.'),
});

/** As `auditContradictionsSchema` of @scc/audit has it. */
interface Found {
  published: PublishedContradiction | null;
  rows: FoundContradiction[];
}

/** Rows, what is read of migrations, and published checkpoints that the log contradicts; each waits for an answer. */
@Controller('v1/audit/contradictions')
export class ContradictionsController {
  constructor(
    private readonly source: DataSource,
    private readonly contradictions: Contradictions,
  ) {}

  /** Contradictions of the log now. */
  @Get()
  @RequirePermission('audit:read')
  list(): Promise<Found> {
    return this.contradictions.now();
  }

  /** Accepts what contradicts the log, as it is now, under the caller's name. @returns what still contradicts it. */
  @Post('answers')
  @HttpCode(200)
  @RequirePermission('audit:answer')
  async answer(
    @Body({ schema: contradictionAnswerSchema }) { reason, rows, published }: z.infer<typeof contradictionAnswerSchema>,
    @Call() { actor, requestId }: CallContext,
  ): Promise<Found> {
    const now = await this.contradictions.now();
    const meant = rows.map(({ table, key }, at) => {
      const found = now.rows.find((one) => one.table === table && one.key === key);
      if (!found)
        throw new Refusal('conflict', 'the row does not contradict the log', [
          { field: `rows[${at}]`, message: `${table} ${key} is not among the contradictions` },
        ]);
      return found;
    });
    if (published && !now.published)
      throw new Refusal('conflict', 'the log continues what was published: there is nothing to answer for');
    if (meant.length === 0 && !published)
      throw new Refusal('invalid', 'nothing is answered for', [{ field: 'rows', message: 'name at least one' }]);
    const checkpoint = published ? now.published : null;
    if (checkpoint) meant.push(publishedFinding(checkpoint));
    await inTransaction(this.source, (tx) =>
      answerFor(tx, meant, { actor, requestId, reason, checkpoint: checkpoint?.checkpoint ?? null }),
    );
    // Those who watch see the answer at their next look.
    const left = await this.contradictions.now();
    const isMeant = ({ table, key }: FoundContradiction): boolean =>
      meant.some((one) => one.table === table && one.key === key);
    return { published: published ? null : left.published, rows: left.rows.filter((row) => !isMeant(row)) };
  }
}
