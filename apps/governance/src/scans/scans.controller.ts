import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import {
  type KeptScan,
  type KeptScanDetail,
  type ScanChanges,
  type ScanRequest,
  scanRequestSchema,
  type ScanRow,
  scanWorkloadQuery,
} from '@scc/scc/scan';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Actor, Call, type User } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { namespaceQuery, RequirePermission } from '../call/require-permission.js';
import { type ListPage, pageOf, pageQuery, positionOf } from '../paging/paging.js';
import { requestScan, ScanParts } from './request.js';
import { changesOf, firstStepsOf, listScans, scanIdSchema, scanOf, scannedWorkloads } from './store.js';

const workloadsSchema = z.object({ ...pageQuery, ...scanWorkloadQuery.shape });
const changesSchema = namespaceQuery.extend({
  since: scanIdSchema.optional().describe('The earlier scan; the one before when it is not named.'),
});
/** So many workloads to begin with; a longer list is the list of workloads. */
const FIRST = 5;
const positionSchema = z.object({ ordinal: z.int() });

/** Scans of the cluster: asked for, and kept. */
@Controller('v1/scans')
export class ScansController {
  constructor(
    private readonly source: DataSource,
    @Inject(ScanParts) private readonly parts: ScanParts,
  ) {}

  @Get()
  @RequirePermission('scans:read', 'list')
  async list(
    @Query({ schema: namespaceQuery }) _query: z.infer<typeof namespaceQuery>,
    @Actor() { scope }: User,
  ): Promise<{ items: KeptScan[] }> {
    return { items: await listScans(this.source, scope) };
  }

  @Post()
  @RequirePermission('scans:run', 'scanRequest')
  start(@Body({ schema: scanRequestSchema }) body: ScanRequest, @Call() call: CallContext): Promise<KeptScan> {
    return requestScan(this.source, this.parts, body, call);
  }

  @Get(':id')
  @RequirePermission('scans:read', 'list')
  one(
    @Param('id', { schema: scanIdSchema }) id: string,
    @Query({ schema: namespaceQuery }) _query: z.infer<typeof namespaceQuery>,
    @Actor() { scope }: User,
  ): Promise<KeptScanDetail> {
    return scanOf(this.source, id, scope);
  }

  @Get(':id/workloads')
  @RequirePermission('scans:read', 'list')
  async workloads(
    @Param('id', { schema: scanIdSchema }) id: string,
    @Query({ schema: workloadsSchema }) query: z.infer<typeof workloadsSchema>,
    @Actor() { scope }: User,
  ): Promise<ListPage<ScanRow>> {
    const { limit, cursor, ...filter } = query;
    const after = positionOf(positionSchema, cursor)?.ordinal ?? 0;
    const found = await scannedWorkloads(this.source, id, filter, { after, limit: limit + 1, scope });
    const { items, nextCursor } = pageOf(found, limit, ({ ordinal }) => ({ ordinal }));
    return { items: items.map(({ report }) => report), nextCursor };
  }

  @Get(':id/first-steps')
  @RequirePermission('scans:read', 'list')
  async firstSteps(
    @Param('id', { schema: scanIdSchema }) id: string,
    @Query({ schema: namespaceQuery }) _query: z.infer<typeof namespaceQuery>,
    @Actor() { scope }: User,
  ): Promise<{ items: { workload: ScanRow; why: string }[] }> {
    return { items: await firstStepsOf(this.source, id, FIRST, scope) };
  }

  @Get(':id/changes')
  @RequirePermission('scans:read', 'list')
  changes(
    @Param('id', { schema: scanIdSchema }) id: string,
    @Query({ schema: changesSchema }) { since }: z.infer<typeof changesSchema>,
    @Actor() { scope }: User,
  ): Promise<ScanChanges> {
    return changesOf(this.source, id, since, scope);
  }
}
