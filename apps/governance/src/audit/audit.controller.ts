import { pipeline } from 'node:stream/promises';
import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import {
  type AuditConsistency,
  type AuditEntryDetail,
  type AuditEntrySummary,
  type AuditState,
  formatExportLine,
  type LogRecord,
} from '@scc/audit';
import type { Receipt } from '@scc/governance-api';
import type { Response } from 'express';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Actor, Call, type User } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { RequirePermission } from '../call/require-permission.js';
import { type ListPage, pageOf, pageQuery, positionOf } from '../paging/paging.js';
import { readLog } from './log-reader.js';
import {
  consistencyOf,
  entryDetail,
  entryFilterSchema,
  entryIdSchema,
  listEntries,
  receiptOf,
  auditStateOf,
} from './queries.js';

const listSchema = entryFilterSchema.extend(pageQuery);
const position = z.string().regex(/^-?[0-9]{1,18}$/);
const entryId = { schema: entryIdSchema };
const size = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const proofSchema = z.object({ size: size.optional().describe('Of the tree whose root you hold.') });
const consistencySchema = z.object({ first: size, second: size });

/** The name of the log, part of every checkpoint. A class, so that Nest can inject it by type. */
export class AuditOrigin {
  constructor(readonly origin: string) {}
}

/** The audit log, with what lets a caller check it instead of believing it. */
@Controller('v1/audit')
export class AuditController {
  constructor(
    private readonly source: DataSource,
    private readonly log: AuditOrigin,
  ) {}

  /** Entries that match every filter, the newest first. */
  @Get('entries')
  @RequirePermission('audit:read', 'list')
  async list(
    @Query({ schema: listSchema }) query: z.infer<typeof listSchema>,
    @Actor() { scope }: User,
  ): Promise<ListPage<AuditEntrySummary>> {
    const { limit, cursor, ...filter } = query;
    const before = positionOf(position, cursor);
    const found = await listEntries(this.source, filter, { limit: limit + 1, before, scope });
    const { items, nextCursor } = pageOf(found, limit, ({ row }) => row);
    return { items: items.map(({ entry }) => entry), nextCursor };
  }

  /** One entry with its bytes and its inclusion proof. */
  @Get('entries/:id')
  @RequirePermission('audit:read')
  entry(
    @Param('id', entryId) id: string,
    @Query({ schema: proofSchema }) query: z.infer<typeof proofSchema>,
  ): Promise<AuditEntryDetail> {
    return entryDetail(this.source, id, query.size ?? null);
  }

  /** The newest signed checkpoint, the keys, and how far the sealer is behind. */
  @Get('checkpoint')
  @RequirePermission('audit:witness', 'shared')
  checkpoint(): Promise<AuditState> {
    return auditStateOf(this.source, this.log.origin);
  }

  /** Proves that the log of `first` entries is the beginning of the log of `second`. */
  @Get('consistency')
  @RequirePermission('audit:witness', 'shared')
  consistency(
    @Query({ schema: consistencySchema }) { first, second }: z.infer<typeof consistencySchema>,
  ): Promise<AuditConsistency> {
    return consistencyOf(this.source, first, second);
  }

  /** The receipt of an entry, with its index once it is sealed. */
  @Get('receipts/:id')
  @RequirePermission('audit:witness', 'shared')
  receipt(@Param('id', entryId) id: string): Promise<Receipt> {
    return receiptOf(this.source, id);
  }

  /** The whole log as it is stored, one JSON record a line, for `sccctl audit verify --export`. */
  @Get('export')
  @RequirePermission('audit:export')
  async export(@Call() { now }: CallContext, @Res() response: Response): Promise<void> {
    const batches = readLog(this.source, { origin: this.log.origin, exportedAt: now });
    // The first batch before the first byte: what fails here is still answered with a status.
    const first = await batches.next();
    response.status(200).setHeader('content-type', 'application/x-ndjson');
    // A caller that goes away ends the pipeline, that ends the generator, and that gives the connection back.
    await pipeline(exportLines(first, batches), response).catch((error: unknown) => {
      if (!response.destroyed) throw error;
    });
  }
}

async function* exportLines(
  first: IteratorResult<LogRecord[], void>,
  rest: AsyncGenerator<LogRecord[]>,
): AsyncGenerator<string> {
  try {
    if (!first.done) yield linesOf(first.value);
    for await (const batch of rest) if (batch.length > 0) yield linesOf(batch);
  } finally {
    await rest.return(undefined);
  }
}

const linesOf = (records: readonly LogRecord[]): string =>
  records.map((record) => `${formatExportLine(record)}\n`).join('');
