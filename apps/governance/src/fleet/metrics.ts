import { Histogram } from 'prom-client';
import type { DataSource } from 'typeorm';
import type { Logger } from 'pino';
import type { GovernanceMetrics } from '../health/metrics.js';
import type { FleetFigures } from './figures.js';
import { FleetWatch } from './watch.js';

const PREFIX = 'scc_governance_';
const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** Each replica shows the same figures, as they stand in the database: take their maximum, not their sum. */
export function watchFleet(metrics: GovernanceMetrics, { source, logger }: { source: DataSource; logger: Logger }) {
  const stays = new Histogram({
    name: `${PREFIX}migration_phase_seconds`,
    help: 'How long migrations that completed or were undone stood in each phase.',
    labelNames: ['phase'],
    buckets: [1, 5, 15, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, 12 * HOUR, 48 * HOUR],
    registers: [metrics.registry],
  });
  const watch = new FleetWatch({
    source,
    logger,
    onStays: (seen) => {
      for (const { phase, seconds } of seen) stays.observe({ phase }, seconds);
    },
  });
  const byKey =
    <Label extends string>(label: Label, select: (figures: FleetFigures) => Readonly<Record<string, number>>) =>
    () =>
      Object.entries(watch.now ? select(watch.now) : {}).map(([key, value]) => ({
        labels: { [label]: key } as Record<Label, string>,
        value,
      }));
  const numbers = (name: string, help: string, read: (figures: FleetFigures) => number): void =>
    metrics.gauge(`${PREFIX}${name}`, help, () => (watch.now ? read(watch.now) : Number.NaN));

  metrics.gauges(
    { name: `${PREFIX}migrations`, help: 'Migrations by the phase that they stand in.', labelNames: ['phase'] },
    byKey('phase', ({ phases }) => phases),
  );
  metrics.counter(
    { name: `${PREFIX}migrations_ended_total`, help: 'Migrations that ended, by outcome.', labelNames: ['outcome'] },
    byKey('outcome', ({ outcomes }) => outcomes),
  );
  metrics.counter(
    {
      name: `${PREFIX}migration_undos_total`,
      help: 'Migrations that were taken back, by cause.',
      labelNames: ['cause'],
    },
    byKey('cause', ({ undos }) => undos),
  );
  metrics.counter(
    { name: `${PREFIX}gate_checks_total`, help: 'Checks of gates, by verdict.', labelNames: ['verdict'] },
    byKey('verdict', ({ gateChecks }) => gateChecks),
  );
  metrics.gauges(
    {
      name: 'scc_governance_migrations_waiting',
      help: 'Migrations that wait within their phase, by reason.',
      labelNames: ['reason'],
    },
    byKey('reason', ({ waiting }) => waiting),
  );
  metrics.gauges(
    { name: `${PREFIX}pods`, help: 'Running pods by the SCC that they run under.', labelNames: ['scc'] },
    byKey('scc', ({ pods }) => pods),
  );
  metrics.gauges(
    {
      name: `${PREFIX}scc_drift`,
      help: "SCCs of the cluster that differ from OpenShift's default of their name, by how they do.",
      labelNames: ['relation'],
    },
    () => Object.entries(watch.drift).map(([relation, value]) => ({ labels: { relation }, value })),
  );
  metrics.gauges(
    {
      name: `${PREFIX}migration_canary_weight`,
      help: 'Share of the requests that the canary of a running migration gets, in percent; the latest 100.',
      labelNames: ['namespace', 'name'],
    },
    () => (watch.now?.weights ?? []).map(({ weight, ...labels }) => ({ labels, value: weight })),
  );
  numbers(
    'migration_silence_seconds',
    'The longest time that a migration which waits for nothing has told nothing.',
    ({ silenceSeconds }) => silenceSeconds,
  );
  numbers('approvals_waiting', 'Requests for approval that are not decided.', ({ approvals }) => approvals.waiting);
  numbers('approvals_oldest_seconds', 'Age of the oldest of them.', ({ approvals }) => approvals.oldestSeconds);
  return watch;
}
