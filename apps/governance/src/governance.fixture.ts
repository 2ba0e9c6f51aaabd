import { randomUUID } from 'node:crypto';
import {
  type EvaluationRequest,
  evaluationRequestSchema,
  type EventBatch,
  type EventBatchResult,
  eventBatchSchema,
  GUARDED_ACTIVITIES,
} from '@scc/governance-api';
import type { MigrationEvent, RecordedEvent } from '@scc/plan';
import { createLogger } from '@scc/runtime';
import type { JsonValue } from '@scc/audit';
import { z } from 'zod';
import { DataSource, type EntityManager } from 'typeorm';
import { type PostgresServer, startPostgres } from '@scc/testing/postgres';
import type { MayGrant, ReviewLender } from './access/plan-rights.js';
import { appendAuditBatch, type AuditRecord } from './audit/append.js';
import { type CallContext, type Caller, SYSTEM } from './call/caller.js';
import type { EvaluationContext } from './engine/evaluate.js';
import { seenRuns } from './engine/runs.js';
import { report } from './history/report.js';
import { currentEvaluation, lockMigration, planObject } from './plans/store.js';
import { migrateSchema, SCHEMA } from './database/migrate.js';
import { TransactionClient } from './database/transaction-client.js';
import { MAPPING } from './entities.js';

/** Shared by the specs of the domain: a database with every migration, and builders that go through real schemas. */

export interface DomainDatabase {
  app: DataSource;
  admin: DataSource;
  server: Pick<PostgresServer, 'crash' | 'start'>;
  close: () => Promise<void>;
}

const connect = (url: URL): Promise<DataSource> =>
  new DataSource({
    type: 'postgres',
    url: url.href,
    poolSize: 20,
    ...MAPPING,
    extra: { Client: TransactionClient },
  }).initialize();

/** A server of its own with the schema of the service, owned as in production. */
export async function domainDatabase(settings: Record<string, string> = {}): Promise<DomainDatabase> {
  const server = await startPostgres(settings);
  const url = new URL(server.url);
  const root = await connect(url);
  for (const role of ['scc_owner nologin', `scc_app login password 'scc_app'`]) await root.query(`create role ${role}`);
  await root.query('create database scc owner scc_owner');
  await root.destroy();
  url.pathname = '/scc';
  await migrateSchema({
    connection: { connectionString: url.href },
    ownerRole: 'scc_owner',
    folder: SCHEMA,
    logger: createLogger('test', 'silent'),
  });
  const admin = await connect(url);
  const appUrl = new URL(url);
  [appUrl.username, appUrl.password] = ['scc_app', 'scc_app'];
  const app = await connect(appUrl);
  return {
    app,
    admin,
    server,
    close: async () => {
      await app.destroy();
      await admin.destroy();
      await server.stop();
    },
  };
}

/** The row that a statement returns. */
export async function row(source: DataSource, sql: string, ...parameters: unknown[]): Promise<unknown> {
  const [first] = await source.query<unknown[]>(sql, parameters);
  return first;
}

/** Each spec has its own workload, so that their claims do not meet. */
export const ownWorkload = (name: string) => ({
  name,
  spec: { workloadRef: { kind: 'Deployment', name }, targetSCC: 'restricted-v2' },
  facts: { workload: { kind: 'Deployment', name, uid: name, labels: {}, replicas: 3, serviceAccountName: 'sa' } },
});

const engine: Caller = { name: 'system:serviceaccount:scc:worker', groups: [], roles: ['engine'] };
export const person = (name: string, ...roles: string[]): Caller => ({ name, groups: [], roles });

/** For specs in which no role is lost. */
export const holdsAnyRole = (): Promise<boolean> => Promise.resolve(true);

/** For specs in which no right is missing. */
const holdsEveryRight = () => Promise.resolve({ rights: [], violations: [], missing: [] });
/** For specs in which nobody lends what they lack. */
const mayLendAll = () => Promise.resolve([]);

interface TestContext extends EvaluationContext {
  reviewLender: ReviewLender;
  mayGrant: MayGrant;
}
export const at = (time: string, actor: Caller = engine): TestContext => ({
  actor,
  mayGrant: () => Promise.resolve(true),
  reviewRights: holdsEveryRight,
  reviewLender: mayLendAll,
  requestId: 'request-1',
  now: new Date(time),
});
export const NOON = '2026-03-10T12:00:00.000Z';

/** Runs the work as production does: in one transaction of the application's role. */
export const inTx = <T>(source: DataSource, work: (tx: EntityManager) => Promise<T>): Promise<T> =>
  source.transaction(work);

interface RequestOverrides {
  uid?: string;
  name?: string;
  namespace?: string;
  author?: string | null;
  spec?: Record<string, unknown>;
  facts?: Record<string, unknown>;
  expectedDurationSeconds?: number;
}

const template = {
  metadata: { labels: { app: 'ledger' } },
  spec: { containers: [{ name: 'app', image: 'ledger:1' }] },
};

export function aRequest(over: RequestOverrides = {}): EvaluationRequest {
  const author = over.author === undefined ? 'ana' : over.author;
  return evaluationRequestSchema.parse({
    plan: {
      namespace: over.namespace ?? 'shop',
      name: over.name ?? 'ledger',
      uid: over.uid ?? randomUUID(),
      generation: 1,
      author,
      authorIdentity: author === null ? null : { username: author, uid: '', groups: ['system:masters'], extra: {} },
    },
    spec: { workloadRef: { kind: 'Deployment', name: 'ledger' }, targetSCC: 'restricted-v2', ...over.spec },
    facts: {
      workload: {
        kind: 'Deployment',
        name: 'ledger',
        uid: 'w-1',
        labels: {},
        replicas: 3,
        serviceAccountName: 'ledger',
      },
      namespaceLabels: {},
      pods: [{ name: 'ledger-1', uid: 'p-1', scc: 'anyuid', node: 'node-1', ready: true }],
      sourceSCC: 'anyuid',
      targetSCC: 'restricted-v2',
      podTemplate: template,
      patchedTemplate: template,
      services: ['ledger'],
      dependents: 2,
      requestsPerSecond: 50,
      priorityClassName: null,
      ...over.facts,
    },
    expectedDurationSeconds: over.expectedDurationSeconds ?? 600,
  });
}

const pod = (name: string, scc: string) => ({ name, uid: name, scc, node: 'node-1' });

/** The events of a migration that completes, one minute apart. */
export const completedEvents: [RecordedEvent['phase'], MigrationEvent][] = [
  ['Validating', { type: 'PlanAccepted', generation: 1, author: 'ana' }],
  [
    'Validating',
    {
      type: 'FactsGathered',
      sourceSCC: 'anyuid',
      targetSCC: 'restricted-v2',
      pods: [pod('ledger-1', 'anyuid')],
      services: ['ledger'],
    },
  ],
  ['Validating', { type: 'RiskScored', assessmentId: 'a-1', band: 'low', changeRisk: 0.1, exposure: 0 }],
  ['Mirroring', { type: 'CanaryReady', canary: 'ledger-canary', pods: [pod('canary-1', 'restricted-v2')] }],
  ['TrafficShifting', { type: 'WeightShifted', step: 0, weights: { canary: 100, stable: 0 }, verifiedBy: 'proxies' }],
  [
    'TrafficShifting',
    {
      type: 'GatePassed',
      samples: [{ gate: 'success-rate', verdict: 'pass', value: 100, detail: '', at: '2026-03-10T12:04:00.000Z' }],
    },
  ],
  ['Migrating', { type: 'WorkloadMigrated', pods: [pod('ledger-2', 'restricted-v2')] }],
  ['Migrating', { type: 'TrafficReturned' }],
  ['Completed', { type: 'MigrationCompleted', traffic: { requests: 249974, failed: 0, p50Ms: 2, p99Ms: 9 } }],
];

export const recorded = (events: [RecordedEvent['phase'], MigrationEvent][], from = 0): RecordedEvent[] =>
  events.map(([phase, event], index) => ({
    version: 1,
    sequence: from + index,
    at: new Date(Date.parse(NOON) + (from + index) * 60_000).toISOString(),
    phase,
    event,
  }));

export function aBatch(request: EvaluationRequest, events: RecordedEvent[], runId = 'run-1'): EventBatch {
  const { namespace, name, uid } = request.plan;
  return eventBatchSchema.parse({
    plan: { namespace, name, uid },
    workflowId: `scc/${namespace}/${name}/${uid}`,
    runId,
    events,
  });
}

/** Receipts for everything that a migration does, as the engine leaves them. */
export async function coverSteps(tx: EntityManager, plan: EventBatch['plan']): Promise<void> {
  const migration = await lockMigration(tx, plan);
  const evaluation = await currentEvaluation(tx, migration);
  const weights = evaluation?.request.spec.traffic.weights ?? [];
  const steps = [
    ...weights.flatMap((weight): [string, number][] => [
      ['setWeights', weight],
      ['hold', weight],
    ]),
    ...GUARDED_ACTIVITIES.map((activity): [string, number | null] => [activity, null]),
    ['setWeights', 0] as const,
  ];
  const begun = z
    .array(z.object({ sequence: z.int() }))
    .parse(await tx.query('select sequence from activity_begin where plan_uid = $1', [plan.uid]));
  const missing = steps
    .map(([activity, weight], sequence) => ({ sequence, activityId: String(sequence), activity, weight }))
    .filter(({ sequence }) => begun.every((one) => one.sequence !== sequence));
  const entryOf = (action: string, details: Record<string, JsonValue>): AuditRecord => ({
    ...{ actor: SYSTEM, action, object: planObject(migration), requestId: null },
    details: { uid: plan.uid, ...details },
  });
  const receipts = await appendAuditBatch(
    tx,
    missing.map((step) => entryOf('activity.begun', { ...step, workflowId: 'w', runId: 'r', way: 'forward' })),
  );
  await tx.query(
    `insert into activity_begin (plan_uid, sequence, workflow_id, run_id, activity_id, activity, way, weight, entry_id, done_at)
     select $1, sequence, 'w', 'r', "activityId", activity, 'forward', weight, entry, $3
     from jsonb_to_recordset($2::jsonb) as t (sequence int, "activityId" text, activity text, weight int, entry text)`,
    [plan.uid, JSON.stringify(missing.map((step, at) => ({ ...step, entry: receipts[at]?.entryId }))), NOON],
  );
  await appendAuditBatch(
    tx,
    missing.map(({ sequence }) => entryOf('activity.done', { sequence, at: NOON })),
  );
}

/** Reports events of a migration whose every step has its receipt. */
export async function reportCovered(
  tx: EntityManager,
  uid: string,
  batch: EventBatch,
  context: CallContext,
): Promise<EventBatchResult> {
  if (batch.events.some(({ event }) => event.type === 'MigrationCompleted')) await coverSteps(tx, batch.plan);
  const { workflowId, runId } = batch;
  const seen = await seenRuns(tx, { uid, run: { workflowId, runId }, isRunning: () => Promise.resolve(false) });
  return report(tx, uid, batch, { ...context, seen });
}
