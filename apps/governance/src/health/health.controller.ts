import { Controller, Get } from '@nestjs/common';
import type { Health } from '@scc/governance-api';
import { DataSource } from 'typeorm';
import { Public } from '../call/require-permission.js';
import { Observer } from './observer.js';
import type { PartState } from './parts.js';

/** The log is promised to be sealed within a second; beyond this, no sealer works. */
const MAX_SEALING_LAG_SECONDS = 30;
const MAX_OUTBOX_AGE_SECONDS = 300;
const LAST_KNOWN = 'the database does not answer; these are the last numbers known';

type Component = Health['components'][string];

/** How the parts of the service are, for people. Machines ask /livez and /readyz of the health port. */
@Controller('v1/health')
export class HealthController {
  constructor(
    private readonly source: DataSource,
    private readonly observer: Observer,
  ) {}

  @Get()
  @Public()
  async read(): Promise<Health> {
    const { state, ms } = await this.database();
    const components: Health['components'] = { database: shown(state, { ms }) };
    for (const name of ['kubernetes', 'temporal']) {
      const seen = this.observer.parts.get(name);
      if (seen) components[name] = shown(seen);
    }
    components['outbox'] = this.outbox(state);
    components['audit'] = this.sealer(state);
    const untrusted = this.untrusted();
    if (untrusted) components['migrations'] = untrusted;
    return { status: overall(components), components };
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

  private outbox(database: PartState): Component {
    const { outbox } = this.observer.now;
    const late = `messages to workflows wait for more than ${MAX_OUTBOX_AGE_SECONDS} s: they are not delivered`;
    return this.work('outbox', database, outbox, outbox.oldestSeconds < MAX_OUTBOX_AGE_SECONDS ? null : late);
  }

  private sealer(database: PartState): Component {
    const { sealing } = this.observer.now;
    const contradicted = this.observer.contradicted();
    if (contradicted !== null) return shown(this.observer.parts.see('audit', 'down', contradicted), sealing);
    const late = `audit entries wait for more than ${MAX_SEALING_LAG_SECONDS} s: no sealer works`;
    return this.work('audit', database, sealing, sealing.lagSeconds < MAX_SEALING_LAG_SECONDS ? null : late);
  }

  /** Shown only while there is something to act on. */
  private untrusted(): Component | null {
    const { migrations } = this.observer.now;
    if (migrations.untrusted === 0) return null;
    const reason = `${migrations.untrusted} of them reported an end that was not done: another client works on their task queue`;
    return shown(this.observer.parts.see('migrations', 'degraded', reason), migrations);
  }

  /** Work that waits in the database, in numbers. */
  private work(name: string, database: PartState, numbers: Record<string, number>, late: string | null): Component {
    const reason = database.status === 'up' ? late : LAST_KNOWN;
    const { parts } = this.observer;
    return shown(reason === null ? parts.see(name, 'up') : parts.see(name, 'degraded', reason), numbers);
  }
}

const shown = ({ status, since, reason }: PartState, numbers: Record<string, number> = {}): Component => ({
  status,
  since: since.toISOString(),
  ...(reason === undefined ? {} : { reason }),
  ...numbers,
});

/**
 * A database that is away is an error, and an audit log that contradicts what was published. The work of the others is
 * late without them, and admission goes on from memory.
 */
function overall({ database, ...others }: Health['components']): Health['status'] {
  if (database?.status !== 'up' || others['audit']?.status === 'down') return 'error';
  return Object.values(others).every(({ status }) => status === 'up') ? 'ok' : 'degraded';
}
