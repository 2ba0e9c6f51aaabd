/** What promtool lets the alerts see, and which of them it then expects, just before their time and at it. */

export const INTERVAL = '15s';
const DAY = 24 * 60;

interface Rule {
  alert: string;
  for?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

/** A series and its values in promtool's words: `0x9` stays at 0, `0+1x9` rises. */
type Series = Readonly<Record<string, string>>;

/** Every figure, while all is well; counters do not rise. */
const WELL: Series = {
  scc_governance_database_up: '1',
  scc_governance_temporal_up: '1',
  scc_worker_polling: '1',
  scc_watcher_leading: '1',
  scc_watcher_task_wait_seconds: '1',
  'scc_governance_migrations_waiting{reason="Retry"}': '0',
  scc_governance_migration_silence_seconds: '3600',
  'scc_governance_migrations{phase="Failed"}': '0',
  scc_governance_migrations_untrusted: '0',
  scc_governance_approvals_oldest_seconds: '3600',
  scc_governance_audit_contradicted: '0',
  scc_governance_audit_sealing_lag_seconds: '1',
  scc_governance_outbox_oldest_seconds: '1',
  'scc_governance_notifications_dead{receiver="team"}': '0',
  scc_governance_notifications_oldest_seconds: '60',
  // promtool's clock begins at 1970.
  'scc_webhook_certificate_end_seconds{certificate="leaf"}': String(30 * DAY * 60),
  scc_webhook_certificate_failures_total: '0',
  scc_webhook_thread_ends_total: '0',
  'apiserver_admission_webhook_fail_open_count{name="pods.scc.poc"}': '0',
  scc_governance_break_glass_unreviewed: '0',
  'scc_governance_unplanned_changes_total{kind="looser"}': '0',
};

interface Fault {
  /** The series that are other than when all is well; null for one that is not there. */
  readonly series: Readonly<Record<string, string | null>>;
  /** Labels of the series that the alert keeps. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Minutes until its expression holds; 0 unless given. */
  readonly after?: number;
}

/** What raises each alert. */
const FAULTS: Readonly<Record<string, Fault>> = {
  SccGovernanceDown: { series: { scc_governance_database_up: null } },
  SccWorkerDown: { series: { scc_worker_polling: '0' } },
  SccMigrationStuck: {
    series: { 'scc_governance_migrations_waiting{reason="Retry"}': '1' },
    labels: { reason: 'Retry' },
  },
  SccMigrationSilent: { series: { scc_governance_migration_silence_seconds: String(7 * 3600) } },
  SccUndoFailing: { series: { 'scc_governance_migrations{phase="Failed"}': '1' } },
  SccMigrationUntrusted: { series: { scc_governance_migrations_untrusted: '1' } },
  SccApprovalsWait: { series: { scc_governance_approvals_oldest_seconds: String(25 * 3600) } },
  SccAuditLogContradicted: { series: { scc_governance_audit_contradicted: '1' } },
  SccAuditLogNotSealed: { series: { scc_governance_audit_sealing_lag_seconds: '601' } },
  SccDatabaseAway: { series: { scc_governance_database_up: '0' } },
  SccTemporalAway: { series: { scc_governance_temporal_up: '0' } },
  SccMessagesNotDelivered: { series: { scc_governance_outbox_oldest_seconds: '601' } },
  SccNotificationsNotDelivered: { series: { scc_governance_notifications_oldest_seconds: '3601' } },
  SccTasksWait: { series: { scc_watcher_task_wait_seconds: '16' } },
  SccPlansNotFollowed: { series: { scc_watcher_leading: '0' } },
  SccWebhookCertificateEnds: {
    series: { 'scc_webhook_certificate_end_seconds{certificate="leaf"}': String(2 * DAY * 60) },
  },
  SccWebhookCertificateNotTaken: { series: { scc_webhook_certificate_failures_total: '0+1' }, after: 4 },
  SccWebhookThreadEnds: { series: { scc_webhook_thread_ends_total: '0+1' }, after: 4 },
  SccWebhookFailsOpen: {
    series: { 'apiserver_admission_webhook_fail_open_count{name="pods.scc.poc"}': '0+1' },
    after: 1,
  },
  SccBreakGlassNotReviewed: { series: { scc_governance_break_glass_unreviewed: '1' } },
  SccLoosenedWithoutPlan: { series: { 'scc_governance_unplanned_changes_total{kind="looser"}': '0+1' }, after: 1 },
};

const minutesOf = (text = '0m'): number => {
  const [, count, unit = ''] = /^(\d+)([smh])$/.exec(text) ?? [];
  const per = { s: 1 / 60, m: 1, h: 60 }[unit];
  if (per === undefined) throw new Error(`${text} is no time`);
  return Number(count) * per;
};

/** A test for promtool of each rule: silent just before its time, alone at it. @throws Error for one without a fault */
export function alertCases(rules: readonly Rule[], runbook: string): unknown[] {
  const unknown = rules.filter(({ alert }) => FAULTS[alert] === undefined).map(({ alert }) => alert);
  const gone = Object.keys(FAULTS).filter((alert) => !rules.some((rule) => rule.alert === alert));
  if (unknown.length > 0 || gone.length > 0)
    throw new Error(`alerts without a case: ${unknown.join(', ')}; cases without an alert: ${gone.join(', ')}`);
  return rules.map((rule) => {
    const fault = FAULTS[rule.alert] ?? { series: {} };
    const at = (fault.after ?? 0) + minutesOf(rule.for);
    const longer = Math.ceil(at) + 2;
    const series: Readonly<Record<string, string | null>> = { ...WELL, ...fault.series };
    const fires = {
      exp_labels: { ...rule.labels, ...fault.labels },
      exp_annotations: { ...rule.annotations, runbook_url: `${runbook}#alerts` },
    };
    return {
      name: rule.alert,
      interval: '1m',
      input_series: Object.entries(series).flatMap(([name, value]) =>
        value === null ? [] : [{ series: name, values: `${value}x${longer}` }],
      ),
      alert_rule_test: rules.flatMap(({ alert }) => {
        const own = alert === rule.alert;
        const when = `${Math.round(at * 60)}s`;
        const expected = { eval_time: when, alertname: alert, exp_alerts: own ? [fires] : [] };
        const before = {
          eval_time: `${Math.round(at * 60) - (fault.after === undefined ? 15 : 60)}s`,
          alertname: alert,
          exp_alerts: [],
        };
        return own && at > 0 ? [before, expected] : [expected];
      }),
    };
  });
}
