import { Controller, Get, Query } from '@nestjs/common';
import type { SignedReport } from '@scc/audit';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Actor, Call, type User } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { namespaceQuery, RequirePermission } from '../call/require-permission.js';
import { ProofSigner } from '../history/proof.js';
import { buildReport } from './build.js';

const instant = z.iso.datetime({ offset: true });
const reportSchema = namespaceQuery.extend({
  from: instant.describe('Inclusive.'),
  to: instant.optional().describe('Exclusive; now when absent.'),
  map: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional()
    .describe('SHA-256 of the canonical JSON of a mapping to controls, which the report then names.'),
});

const utc = (time: string | Date): string => new Date(time).toISOString();

/** What the audit log says about a period. */
@Controller('v1/reports')
export class ReportsController {
  constructor(
    private readonly source: DataSource,
    private readonly proofSigner: ProofSigner,
  ) {}

  /** One signed document about a period, with the audit entries that it rests on. */
  @Get()
  @RequirePermission('reports:read', 'list')
  report(
    @Query({ schema: reportSchema }) { from, to, map }: z.infer<typeof reportSchema>,
    @Actor() { scope }: User,
    @Call() { now }: CallContext,
  ): Promise<SignedReport> {
    const { signer, origin } = this.proofSigner;
    const period = { from: utc(from), to: utc(to ?? now) };
    return buildReport(this.source, { period, scope, map: map ?? null }, { signer, origin, now });
  }
}
