import type { GovernanceMetrics } from './health/metrics.js';
import type { Observer } from './health/observer.js';
import { countedVerdicts } from './policies/recorded.js';
import { unplannedChanges } from './registry/unplanned.js';

/** Shows how the work of this process does. */
export function watchWork(
  metrics: GovernanceMetrics,
  observer: Observer,
  pods: { counts: () => { waiting: number; written: number; dropped: number } },
): void {
  const seen = (name: string, help: string, read: () => number): void =>
    metrics.gauge(`scc_governance_${name}`, help, read);
  seen('database_up', '1 while the database answers.', () => Number(observer.now.database));
  seen('kubernetes_up', '1 while the API server answers.', () => Number(observer.isUp('kubernetes')));
  seen('temporal_up', '1 while Temporal answers.', () => Number(observer.isUp('temporal')));
  seen('outbox_waiting', 'Messages to workflows that are not delivered.', () => observer.now.outbox.waiting);
  seen('outbox_oldest_seconds', 'Age of the oldest of them.', () => observer.now.outbox.oldestSeconds);
  seen('audit_unsealed', 'Audit entries that wait for the sealer.', () => observer.now.sealing.unsealed);
  seen('audit_sealing_lag_seconds', 'Age of the oldest of them.', () => observer.now.sealing.lagSeconds);
  seen(
    'break_glass_unreviewed',
    'Skipped approvals that are not reviewed yet.',
    () => observer.now.breakGlass.unreviewed,
  );
  seen(
    'migrations_untrusted',
    'Migrations of which an end was reported that the receipts of governance do not cover.',
    () => observer.now.migrations.untrusted,
  );
  metrics.counter(
    {
      name: 'scc_governance_policy_verdicts_total',
      help: 'Verdicts of policies without effect: of bindings that warn or audit, and those that exceptions lifted.',
      labelNames: ['policy', 'because'],
    },
    countedVerdicts,
  );
  metrics.counter(
    {
      name: 'scc_governance_unplanned_changes_total',
      help: 'Workloads whose SCC changed without a plan; looser: the new one permits more.',
      labelNames: ['kind'],
    },
    () => Object.entries(unplannedChanges()).map(([kind, value]) => ({ labels: { kind }, value })),
  );
  seen('pod_news_waiting', 'News of pods that wait to be written.', () => pods.counts().waiting);
  seen('pod_news_dropped', 'News of pods that were dropped since the start.', () => pods.counts().dropped);
}
