import { Controller, Get, Param, Query } from '@nestjs/common';
import { WORKLOAD_KINDS } from '@scc/plan';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Actor, Call, type User } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { namespaceQuery, RequirePermission } from '../call/require-permission.js';
import { InvalidInput } from '../http/validation.js';
import { Refusal } from '../refusal/refusal.js';
import { type Mixture, mixturesOf } from './mixtures.js';
import {
  type ActivationEntry,
  affectedBy,
  type Drift,
  driftFromDefaults,
  type SCCVersion,
  versionsOf,
  workloadAt,
  workloadHistory,
  type WorkloadSCC,
} from './queries.js';

const listSchema = z.object({ name: z.string().max(253).optional() });
const id = { schema: z.string().regex(/^[0-9]{1,18}$/) };
const namespace = { schema: z.string().min(1).max(63) };
const kind = { schema: z.enum(WORKLOAD_KINDS) };
const name = { schema: z.string().min(1).max(253) };
const atSchema = z.object({ at: z.iso.datetime({ offset: true }).optional() });

/** Versions of SCCs, and which workload ran under which one when. */
@Controller('v1')
export class RegistryController {
  constructor(private readonly source: DataSource) {}

  @Get('scc-versions')
  @RequirePermission('registry:read', 'shared')
  async versions(@Query({ schema: listSchema }) query: z.infer<typeof listSchema>): Promise<{ items: SCCVersion[] }> {
    return { items: await versionsOf(this.source, query.name ?? null) };
  }

  /** The workloads that a change of this version would affect. */
  @Get('scc-versions/:id/affected')
  @RequirePermission('registry:read', 'list')
  affected(
    @Param('id', id) version: string,
    @Query({ schema: namespaceQuery }) _query: z.infer<typeof namespaceQuery>,
    @Actor() { scope }: User,
  ): ReturnType<typeof affectedBy> {
    return affectedBy(this.source, version, scope);
  }

  @Get('scc-drift')
  @RequirePermission('registry:read', 'shared')
  async drift(@Actor() { scope }: User): Promise<{ items: Drift[] }> {
    return { items: await driftFromDefaults(this.source, scope) };
  }

  /** Under which SCC, and which version of it, the workload ran at a time; now when no time is given. */
  @Get('workloads/:namespace/:kind/:name/scc')
  @RequirePermission('registry:read', 'path')
  async workload(
    @Param({ schema: z.object({ namespace: namespace.schema, kind: kind.schema, name: name.schema }) })
    key: { namespace: string; kind: string; name: string },
    @Query({ schema: atSchema }) { at }: z.infer<typeof atSchema>,
    @Call() { now }: CallContext,
  ): Promise<WorkloadSCC> {
    const when = at === undefined ? now : new Date(at);
    if (when > now)
      throw new InvalidInput('The request does not fit its schema', [
        { field: 'at', message: 'lies in the future: what will be is not known' },
      ]);
    const found = await workloadAt(this.source, key, when);
    if (!found) throw new Refusal('notFound', 'nothing is known of the workload at that time');
    return found;
  }

  @Get('workloads/:namespace/:kind/:name/history')
  @RequirePermission('registry:read', 'path')
  async history(
    @Param({ schema: z.object({ namespace: namespace.schema, kind: kind.schema, name: name.schema }) })
    key: {
      namespace: string;
      kind: string;
      name: string;
    },
  ): Promise<{ items: ActivationEntry[]; mixtures: Mixture[] }> {
    return { items: await workloadHistory(this.source, key), mixtures: await mixturesOf(this.source, key) };
  }
}
