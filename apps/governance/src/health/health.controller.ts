import { Controller, Get, ServiceUnavailableException } from '@nestjs/common';
import { HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { Public } from '../access/require-permission.js';
import { Observer } from './observer.js';

const componentSchema = z.looseObject({ status: z.enum(['up', 'degraded', 'down']) });
export const healthSchema = z.object({
  status: z.enum(['ok', 'degraded', 'error']),
  components: z.record(z.string(), componentSchema),
});
type Health = z.infer<typeof healthSchema>;

/** The log is promised to be sealed within a second; beyond this, nobody seals. */
const MAX_SEALING_LAG_SECONDS = 30;
const MAX_OUTBOX_AGE_SECONDS = 300;

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
    try {
      const { status, details } = await this.health.check([
        () => this.database(),
        () => this.state('outbox', this.observer.now.outbox, ({ oldestSeconds: age }) => age < MAX_OUTBOX_AGE_SECONDS),
        () => this.state('audit', this.observer.now.sealing, ({ lagSeconds: lag }) => lag < MAX_SEALING_LAG_SECONDS),
      ]);
      return healthSchema.parse({ status, components: details });
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      const { details } = z.object({ details: z.unknown() }).parse(error.getResponse());
      return healthSchema.parse({ status: 'error', components: details });
    }
  }

  private async database() {
    const indicator = this.indicators.check('database');
    const started = performance.now();
    try {
      await this.source.query('select 1');
      return indicator.up({ ms: Math.round(performance.now() - started) });
    } catch {
      return indicator.down({ reason: 'it does not answer' });
    }
  }

  private state<State extends Record<string, number>>(name: string, state: State, isGood: (state: State) => boolean) {
    const indicator = this.indicators.check(name);
    const numbers: Record<string, number> = { ...state };
    return isGood(state) ? indicator.up(numbers) : indicator.degraded(numbers);
  }
}
