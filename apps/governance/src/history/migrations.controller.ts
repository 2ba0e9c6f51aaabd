import { Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Actor, Call, type User } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { RequirePermission } from '../call/require-permission.js';
import { SharedAnswer } from '../call/shared-answer.js';
import { type ListPage, pageOf, pageQuery, positionOf } from '../paging/paging.js';
import { findMigration, uidSchema } from '../plans/store.js';
import { migrationProof, ProofSigner, type SignedProof } from './proof.js';
import {
  eventPositionSchema,
  type EventRow,
  eventsOf,
  listMigrations,
  type ReportedMigrationDetail,
  migrationDetail,
  migrationFilterSchema,
  migrationPositionSchema,
  type ReportedMigration,
  type StepRecord,
  stepsOf,
} from './read.js';
import { rebuildReadModel } from './rebuild.js';

const uid = { schema: uidSchema };
const pageSchema = z.object(pageQuery);
type PageQuery = z.infer<typeof pageSchema>;
const listSchema = migrationFilterSchema.extend(pageQuery);
const stepPosition = z.string().regex(/^[0-9]{1,18}$/);

/** The read model of migrations. */
@Controller('v1/migrations')
export class MigrationsController {
  constructor(
    private readonly source: DataSource,
    private readonly proofSigner: ProofSigner,
  ) {}

  @Get()
  @RequirePermission('migrations:read', 'list')
  @SharedAnswer()
  async list(
    @Query({ schema: listSchema }) query: z.infer<typeof listSchema>,
    @Actor() { scope }: User,
  ): Promise<ListPage<ReportedMigration>> {
    const { limit, cursor, ...filter } = query;
    const after = positionOf(migrationPositionSchema, cursor);
    const found = await listMigrations(this.source, filter, { limit: limit + 1, after, scope });
    return pageOf(found, limit, ({ startedAt, uid: id }) => ({ startedAt, uid: id }));
  }

  @Get(':id')
  @RequirePermission('migrations:read', 'migration')
  @SharedAnswer()
  detail(@Param('id', uid) id: string): Promise<ReportedMigrationDetail> {
    return migrationDetail(this.source, id);
  }

  @Get(':id/steps')
  @RequirePermission('migrations:read', 'migration')
  async steps(
    @Param('id', uid) id: string,
    @Query({ schema: pageSchema }) { limit, cursor }: PageQuery,
  ): Promise<ListPage<StepRecord>> {
    await findMigration(this.source, id);
    const found = await stepsOf(this.source, id, { limit: limit + 1, after: positionOf(stepPosition, cursor) });
    return pageOf(found, limit, (step) => step.id);
  }

  @Get(':id/events')
  @RequirePermission('migrations:read', 'migration')
  @SharedAnswer()
  async events(
    @Param('id', uid) id: string,
    @Query({ schema: pageSchema }) { limit, cursor }: PageQuery,
  ): Promise<ListPage<EventRow>> {
    await findMigration(this.source, id);
    const found = await eventsOf(this.source, id, { limit: limit + 1, after: positionOf(eventPositionSchema, cursor) });
    return pageOf(found, limit, ({ at, runId, sequence }) => ({ at, runId, sequence }));
  }

  @Get(':id/proof')
  @RequirePermission('proofs:read', 'migration')
  proof(@Param('id', uid) id: string, @Call() { now }: CallContext): Promise<SignedProof> {
    const { signer, origin } = this.proofSigner;
    return migrationProof(this.source, id, { signer, origin, now });
  }

  /** Drops and rebuilds what is read of migrations from the stored events. */
  @Post('rebuild')
  @HttpCode(200)
  @RequirePermission('migrations:rebuild')
  async rebuild(@Call() call: CallContext): Promise<{ migrations: number }> {
    return { migrations: await rebuildReadModel(this.source, call) };
  }
}
