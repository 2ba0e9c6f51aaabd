import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import { type Health, healthSchema } from '@scc/governance-api';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Public } from '../call/require-permission.js';
import { Observer } from './observer.js';
import type { PartState } from './parts.js';

/** The log is promised to be sealed within a second; beyond this, nobody seals. */
const MAX_SEALING_LAG_SECONDS = 30;
const MAX_OUTBOX_AGE_SECONDS = 300;
const LAST_KNOWN = 'the database does not answer; these are the last numbers known';

/** How the parts of the service are, for people. Machines ask /livez and /readyz of the health port. */
@Controller('v1/health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly source: DataSource,
    private readonly observer: Observer,
  ) {}

  @Get()
  @Public()
  async read(): Promise<Health> {
    const database = await this.database();
    const components = await this.check([
      () => this.indicated('database', database.state, { ms: database.ms }),
      ...['kubernetes', 'temporal'].flatMap((name) => {
        const state = this.observer.parts.get(name);
        return state ? [() => this.indicated(name, state)] : [];
      }),
      () => this.outbox(database.state),
      () => this.sealer(database.state),
    ]);
    return { status: overall(components), components };
  }

  private async check(indicators: Parameters<HealthCheckService['check']>[0]): Promise<Health['components']> {
    const checked = z.object({ details: healthSchema.shape.components });
    try {
      return checked.parse(await this.health.check(indicators)).details;
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      return checked.parse(error.getResponse()).details;
    }
  }

  private async database(): Promise<{ state: PartState; ms: number }> {
    const started = performance.now();
    const isThere = await this.source.query('select 1').then(
      () => true,
      () => false,
    );
    const { parts } = this.observer;
    const state = isThere ? parts.see('database', 'up') : parts.see('database', 'down', 'it does not answer');
    return { state, ms: Math.round(performance.now() - started) };
  }

  private outbox(database: PartState) {
    const { outbox } = this.observer.now;
    const late = `messages to workflows wait for more than ${MAX_OUTBOX_AGE_SECONDS} s: they are not delivered`;
    return this.work('outbox', database, outbox, outbox.oldestSeconds < MAX_OUTBOX_AGE_SECONDS ? null : late);
  }

  private sealer(database: PartState) {
    const { sealing } = this.observer.now;
    const late = `audit entries wait for more than ${MAX_SEALING_LAG_SECONDS} s: nobody seals`;
    return this.work('audit', database, sealing, sealing.lagSeconds < MAX_SEALING_LAG_SECONDS ? null : late);
  }

  /** Work that waits in the database, in numbers. */
  private work(name: string, database: PartState, numbers: Record<string, number>, late: string | null) {
    const reason = database.status === 'up' ? late : LAST_KNOWN;
    const { parts } = this.observer;
    return this.indicated(name, reason === null ? parts.see(name, 'up') : parts.see(name, 'degraded', reason), numbers);
  }

  private indicated(name: string, { status, since, reason }: PartState, numbers: Record<string, number> = {}) {
    const said = { since: since.toISOString(), ...(reason === undefined ? {} : { reason }), ...numbers };
    const indicator = this.indicators.check(name);
    if (status === 'up') return indicator.up(said);
    return status === 'down' ? indicator.down(said) : indicator.degraded(said);
  }
}

/** Only the database is an error: what the others do is late without them, and admission goes on from memory. */
function overall({ database, ...others }: Health['components']): Health['status'] {
  if (database?.status !== 'up') return 'error';
  return Object.values(others).every(({ status }) => status === 'up') ? 'ok' : 'degraded';
}
