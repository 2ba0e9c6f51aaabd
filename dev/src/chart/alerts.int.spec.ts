import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { CHART } from '../cluster/places.js';
import { startPrometheus } from '../prometheus.fixture.js';

/** The alerts of the chart in a real Prometheus, which reads figures that this file makes up. */

const rulesSchema = z.object({
  groups: z.array(
    z.object({ name: z.string(), rules: z.array(z.looseObject({ alert: z.string(), expr: z.string() })) }),
  ),
});
const alertsSchema = z.object({
  data: z.object({
    alerts: z.array(z.object({ state: z.string(), labels: z.looseObject({ alertname: z.string() }) })),
  }),
});
const groupsSchema = z.object({
  data: z.object({
    groups: z.array(
      z.object({
        rules: z.array(z.object({ name: z.string(), health: z.string(), lastError: z.string().optional() })),
      }),
    ),
  }),
});
const valueSchema = z.object({
  data: z.object({ result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) }),
});

type Figures = Record<string, number>;

const HEALTHY: Figures = {
  scc_governance_database_up: 1,
  scc_governance_temporal_up: 1,
  scc_worker_polling: 1,
  scc_watcher_leading: 1,
  scc_watcher_task_wait_seconds: 1,
  'scc_governance_migrations_waiting{reason="Retry"}': 0,
  'scc_governance_migrations_waiting{reason="Approval"}': 7,
  scc_governance_migration_silence_seconds: 3600,
  'scc_governance_migrations{phase="Failed"}': 0,
  'scc_governance_migrations{phase="Migrating"}': 7,
  scc_governance_migrations_untrusted: 0,
  scc_governance_approvals_oldest_seconds: 3600,
  scc_governance_audit_contradicted: 0,
  scc_governance_audit_sealing_lag_seconds: 1,
  scc_governance_outbox_oldest_seconds: 1,
  'scc_governance_notifications_dead{receiver="team"}': 0,
  scc_governance_notifications_oldest_seconds: 60,
  'scc_webhook_certificate_end_seconds{certificate="leaf"}': Date.now() / 1000 + 30 * 86_400,
  scc_webhook_certificate_failures_total: 0,
  scc_webhook_thread_ends_total: 0,
  'apiserver_admission_webhook_fail_open_count{name="pods.scc.poc"}': 0,
  scc_governance_break_glass_unreviewed: 0,
  'scc_governance_unplanned_changes_total{kind="looser"}': 0,
  'scc_governance_unplanned_changes_total{kind="changed"}': 0,
};

/** Counters rise by this much between two reads. */
const rising = new Set(
  Object.keys(HEALTHY).filter((name) => /_total|_count\{/.test(name) && !name.includes('kind="changed"')),
);

const broken = (read: number): Figures => ({
  ...Object.fromEntries([...rising].map((name) => [name, 5 * read])),
  scc_governance_database_up: 0,
  scc_governance_temporal_up: 0,
  scc_worker_polling: 0,
  scc_watcher_leading: 0,
  scc_watcher_task_wait_seconds: 20,
  'scc_governance_migrations_waiting{reason="Retry"}': 1,
  scc_governance_migration_silence_seconds: 7 * 3600,
  'scc_governance_migrations{phase="Failed"}': 1,
  scc_governance_migrations_untrusted: 1,
  scc_governance_approvals_oldest_seconds: 2 * 86_400,
  scc_governance_audit_contradicted: 1,
  scc_governance_audit_sealing_lag_seconds: 700,
  scc_governance_outbox_oldest_seconds: 700,
  'scc_governance_notifications_dead{receiver="team"}': 1,
  scc_governance_notifications_oldest_seconds: 60,
  'scc_webhook_certificate_end_seconds{certificate="leaf"}': Date.now() / 1000 + 86_400,
  scc_governance_break_glass_unreviewed: 1,
});

/** The answers of the target: only these series. */
let figures: (read: number) => Figures = () => HEALTHY;

const target = createServer((_request, response) => {
  reads += 1;
  response.setHeader('content-type', 'text/plain; version=0.0.4');
  response.end(
    Object.entries(figures(reads))
      .map(([name, value]) => `${name} ${value}\n`)
      .join(''),
  );
});
let reads = 0;
let folder = '';
let address = '';
let stopPrometheus: () => Promise<unknown> = () => Promise.resolve();
let rules: z.infer<typeof rulesSchema> = { groups: [] };

const ask = async <Schema extends z.ZodType>(schema: Schema, route: string): Promise<z.output<Schema>> =>
  schema.parse(await (await fetch(`${address}${route}`, { signal: AbortSignal.timeout(5000) })).json());

const firing = async (): Promise<string[]> => {
  const { data } = await ask(alertsSchema, '/api/v1/alerts');
  return [...new Set(data.alerts.map(({ labels }) => labels.alertname))].toSorted();
};

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'scc-alerts-'));
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
  rules = rulesSchema.parse(parse(await readFile(path.join(CHART, 'files/alerts.yaml'), 'utf8')));
  // How long an alert must last is Prometheus' part; the expressions are ours.
  const atOnce = rules.groups.map((group) => ({ ...group, rules: group.rules.map(({ for: _for, ...rule }) => rule) }));
  await writeFile(path.join(folder, 'rules.yaml'), stringify({ groups: atOnce }));
  const { port } = target.address() as AddressInfo;
  const scrape = { job_name: 'product', static_configs: [{ targets: [`127.0.0.1:${port}`] }] };
  const config = { rule_files: ['rules.yaml'], scrape_configs: [scrape] };
  ({ address, stop: stopPrometheus } = await startPrometheus(folder, config));
}, 120_000);

afterAll(async () => {
  await stopPrometheus();
  target.close();
  await rm(folder, { recursive: true, force: true });
});

const DOWN = ['SccGovernanceDown', 'SccPlansNotFollowed', 'SccWorkerDown'];

describe('the alerts', () => {
  const names = () => rules.groups.flatMap((group) => group.rules.map(({ alert }) => alert)).toSorted();

  it('are silent while everything is as it should be', async () => {
    await waitFor(
      async () => (await ask(valueSchema, '/api/v1/query?query=scc_worker_polling')).data.result.length > 0,
      {
        timeoutMs: 30_000,
        what: 'the first read of the figures',
      },
    );
    const readsThen = reads;
    await waitFor(() => Promise.resolve(reads > readsThen + 3), { timeoutMs: 30_000, what: 'more reads' });
    await waitFor(async () => (await firing()).length === 0, { timeoutMs: 30_000, what: 'silence' });
    const { data } = await ask(groupsSchema, '/api/v1/rules');
    const evaluated = data.groups.flatMap((group) => group.rules);
    expect(evaluated.map(({ name }) => name).toSorted()).toEqual(names());
    expect(evaluated.filter(({ health }) => health !== 'ok')).toEqual([]);
  }, 120_000);

  it('fire one by one for what is broken, and for processes that are gone', async () => {
    figures = broken;
    const withoutDown = names().filter((name) => name !== 'SccGovernanceDown');
    await waitFor(async () => withoutDown.length === (await firing()).length, {
      timeoutMs: 60_000,
      what: 'all alerts but that of a governance that is gone',
    });
    expect(await firing()).toEqual(withoutDown);

    figures = () => ({});
    await waitFor(async () => (await firing()).includes('SccGovernanceDown'), {
      timeoutMs: 60_000,
      what: 'the alert of a governance that is gone',
    });
    expect(await firing()).toEqual(expect.arrayContaining(DOWN));
  }, 180_000);
});

const dashboardSchema = z.object({
  panels: z.array(z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string() })) })),
});

describe('the dashboard', () => {
  it('asks what Prometheus understands', async () => {
    const { panels } = dashboardSchema.parse(
      JSON.parse(await readFile(path.join(CHART, 'files/dashboard.json'), 'utf8')),
    );
    expect(panels.length).toBeGreaterThan(10);
    const answers = await Promise.all(
      panels.flatMap(({ targets }) =>
        targets.map(async ({ expr }) => {
          const response = await fetch(`${address}/api/v1/query?query=${encodeURIComponent(expr)}`);
          return { expr, status: response.status };
        }),
      ),
    );
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  });
});
