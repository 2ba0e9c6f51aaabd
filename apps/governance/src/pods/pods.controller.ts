import { Controller, Get, Param, Query } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Actor, Call, type User } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { namespaceQuery, RequirePermission } from '../call/require-permission.js';
import { SharedAnswer } from '../call/shared-answer.js';
import { type ListPage, pageOf, pageQuery, positionOf } from '../paging/paging.js';
import { countBySCC, countsOverTime, findPods, podPositionSchema, type TrackedPod, transitionsOf } from './queries.js';

const listSchema = z.object({
  ...pageQuery,
  scc: z.string().max(253).optional(),
  namespace: z.string().max(63).optional(),
  ownerKind: z.string().max(63).optional(),
  ownerName: z.string().max(253).optional(),
  running: z.enum(['true', 'false']).default('true').describe('false also lists pods that are gone.'),
});

/** A quarter of a year, in hours. */
const MAX_HOURS = 2160;
const historySchema = namespaceQuery.extend({
  hours: z.coerce.number().int().min(1).max(MAX_HOURS).default(24).describe('How far back.'),
});

/** Which pods run under which SCC: `GET /v1/pods?scc=anyuid`. */
@Controller('v1')
export class PodsController {
  constructor(private readonly source: DataSource) {}

  @Get('pods')
  @RequirePermission('pods:read', 'list')
  @SharedAnswer()
  async list(
    @Query({ schema: listSchema }) query: z.infer<typeof listSchema>,
    @Actor() { scope }: User,
  ): Promise<ListPage<TrackedPod>> {
    const { limit, cursor, running, ...filter } = query;
    const after = positionOf(podPositionSchema, cursor);
    const found = await findPods(
      this.source,
      { ...filter, running: running === 'true' },
      { limit: limit + 1, after, scope },
    );
    return pageOf(found, limit, ({ namespace, name, uid }) => ({ namespace, name, uid }));
  }

  @Get('pod-counts')
  @RequirePermission('pods:read', 'list')
  @SharedAnswer()
  async counts(
    @Query({ schema: namespaceQuery }) _query: z.infer<typeof namespaceQuery>,
    @Actor() { scope }: User,
  ): Promise<{ items: Awaited<ReturnType<typeof countBySCC>> }> {
    return { items: await countBySCC(this.source, scope) };
  }

  @Get('pod-counts/history')
  @RequirePermission('pods:read', 'list')
  @SharedAnswer()
  async history(
    @Query({ schema: historySchema }) { hours }: z.infer<typeof historySchema>,
    @Call() { now }: CallContext,
    @Actor() { scope }: User,
  ): Promise<{ items: Awaited<ReturnType<typeof countsOverTime>> }> {
    return { items: await countsOverTime(this.source, { hours, now, scope }) };
  }

  @Get('pods/:uid/transitions')
  @RequirePermission('pods:read', 'pod')
  async transitions(
    @Param('uid', { schema: z.string().min(1).max(64) }) uid: string,
  ): Promise<{ items: Awaited<ReturnType<typeof transitionsOf>> }> {
    return { items: await transitionsOf(this.source, uid) };
  }
}
