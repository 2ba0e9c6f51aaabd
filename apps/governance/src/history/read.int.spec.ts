import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { hashOf, isSignedBy, leafHash, parseCheckpoint, parseNote, signerFromPem, verifyInclusion } from '@scc/audit';
import type { RecordedEvent, UndoReason } from '@scc/plan';
import { createLogger, waitFor } from '@scc/runtime';
import { z } from 'zod';
import { recordDecision } from '../approvals/decisions.js';
import { aSigner } from '../audit/audit-log.fixture.js';
import { Sealer } from '../audit/sealer.js';
import { EVERYWHERE } from '../call/scope.js';
import { evaluatePlan } from '../engine/evaluate.js';
import {
  aBatch,
  aRequest,
  at,
  completedEvents,
  inTx,
  NOON,
  ownWorkload,
  person,
  recorded,
  row,
  reportCovered,
} from '../governance.fixture.js';
import { lockKnownMigration } from '../plans/store.js';
import { governanceSuite } from '../suite.fixture.js';
import { migrationProof, proofText } from './proof.js';
import { eventsOf, listMigrations, migrationDetail, type MigrationFilter, type MigrationPosition } from './read.js';
import { rebuildReadModel } from './rebuild.js';
import { readModelDifferences } from './differences.js';
import { rebuildView } from './report.js';

const ORIGIN = 'scc.poc/test';
const AT = '2026-03-10T12:04:00.000Z';
const { privateKey } = generateKeyPairSync('ed25519');
const signer = signerFromPem(ORIGIN, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());

const database = governanceSuite();

const actionIn = (body: Buffer): string =>
  z.looseObject({ action: z.string() }).parse(JSON.parse(body.toString())).action;

async function completed(name: string) {
  const request = aRequest(ownWorkload(name));
  await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
  await inTx(database.app, (tx) =>
    reportCovered(tx, request.plan.uid, aBatch(request, recorded(completedEvents)), at(NOON)),
  );
  return request.plan.uid;
}

describe('listMigrations', () => {
  it('pages newest first and filters', async () => {
    const uids = [];
    for (let number = 0; number < 7; number += 1) uids.push(await completed(`paged-${number}`));
    const found: string[] = [];
    for (let after: MigrationPosition | null = null; ;) {
      const page: Awaited<ReturnType<typeof listMigrations>> = await listMigrations(
        database.app,
        { outcome: 'completed', targetSCC: 'restricted-v2' },
        { limit: 3, after, scope: EVERYWHERE },
      );
      found.push(...page.map(({ uid }) => uid));
      const last = page.at(-1);
      if (!last) break;
      after = { startedAt: last.startedAt, uid: last.uid };
    }
    expect(found.toSorted()).toEqual(uids.toSorted());
    expect(
      await listMigrations(database.app, { phase: 'Migrating' }, { limit: 10, after: null, scope: EVERYWHERE }),
    ).toEqual([]);
  });
});

describe('a state of migrations', () => {
  const inState = async (state: MigrationFilter['state']) => {
    const options = { limit: 1, after: null, scope: EVERYWHERE };
    return (await listMigrations(database.app, { state }, options)).map(({ uid }) => uid);
  };

  it('is asked for however many newer ones are in another', async () => {
    const request = aRequest(ownWorkload('goes-on'));
    const { uid } = request.plan;
    const undo: UndoReason = { cause: 'gate', message: 'gate success-rate failed' };
    const events = recorded([...completedEvents.slice(0, 5), ['RollingBack', { type: 'UndoStarted', ...undo }]]);
    await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    await inTx(database.app, (tx) => reportCovered(tx, uid, aBatch(request, events), at(NOON)));
    const newer = await completed('newer');
    await database.admin.query(
      `update view_migration set started_at = started_at + interval '1 hour' where plan_uid = $1`,
      [newer],
    );
    expect(await Promise.all((['running', 'undone', 'over', undefined] as const).map(inState))).toEqual([
      ...[[uid], [uid]],
      ...[[newer], [newer]],
    ]);
  });
});

describe('the read model', () => {
  it('is the same after it was dropped and rebuilt', async () => {
    const uid = await completed('rebuilt');
    const before = await migrationDetail(database.app, uid);
    expect(before).toMatchObject({
      phase: 'Completed',
      weights: [{ canary: 100, stable: 0 }],
      gates: [{ gate: 'success-rate', weight: 100 }],
      pods: [{ role: 'before', scc: 'anyuid' }, { role: 'canary' }, { role: 'after', scc: 'restricted-v2' }],
      traffic: { requests: 249974, failed: 0 },
    });
    for (const table of ['view_gate', 'view_weight', 'view_pod', 'view_migration'])
      await database.app.query(`delete from ${table}`);
    await rebuildReadModel(database.app, at(NOON));
    expect(await migrationDetail(database.app, uid)).toEqual(before);
  });

  it('shows which gate failed and with which value, and so does the proof', async () => {
    const request = aRequest(ownWorkload('gate-failed'));
    const sample = {
      gate: 'success-rate',
      verdict: 'fail',
      value: 78.783,
      detail: '78.783 is below 90',
      at: AT,
    } as const;
    const samples = [{ ...sample, failures: 1, tolerated: 0 }];
    const cause: UndoReason = { cause: 'gate', message: 'gate success-rate failed' };
    const events = recorded([
      ...completedEvents.slice(0, 5),
      ['TrafficShifting', { type: 'GateFailed', samples }],
      ['RollingBack', { type: 'UndoStarted', ...cause }],
    ]);
    await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    await inTx(database.app, (tx) => reportCovered(tx, request.plan.uid, aBatch(request, events), at(NOON)));
    expect(await migrationDetail(database.app, request.plan.uid)).toMatchObject({
      phase: 'RollingBack',
      undoCause: 'gate',
      gates: [{ gate: 'success-rate', verdict: 'fail', value: 78.783, detail: '78.783 is below 90', weight: 100 }],
    });
    const proof = await migrationProof(database.app, request.plan.uid, { signer, origin: ORIGIN, now: new Date(NOON) });
    expect(proof.document.events.map(({ event }) => event)).toContainEqual({ type: 'GateFailed', samples });
  });

  it('names the strategy by which a workload is moved once the plan was checked', async () => {
    const request = aRequest(ownWorkload('rolled'));
    const { uid } = request.plan;
    const events = recorded([
      ['Validating', { type: 'PlanAccepted', generation: 1, author: 'ana' }],
      [
        'Validating',
        { type: 'PlanValidated', patch: '', warnings: [], strategy: { type: 'Rolling', reason: 'asked' } },
      ],
      ['Migrating', { type: 'PreparationStarted', strategy: 'Rolling' }],
    ]);
    await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    const report = (batch: RecordedEvent[]) =>
      inTx(database.app, (tx) => reportCovered(tx, uid, aBatch(request, batch), at(NOON)));
    await report(events.slice(0, 1));
    expect(await migrationDetail(database.app, uid)).toMatchObject({ strategy: null });
    await report(events.slice(1));
    expect(await migrationDetail(database.app, uid)).toMatchObject({ strategy: 'Rolling', phase: 'Migrating' });
  });

  it('pages events by time', async () => {
    const uid = await completed('events');
    const [first, second] = await eventsOf(database.app, uid, { limit: 2, after: null });
    const next = await eventsOf(database.app, uid, { limit: 100, after: second ?? null });
    expect(first?.event).toMatchObject({ type: 'PlanAccepted' });
    expect(next).toHaveLength(completedEvents.length - 2);
  });
});

describe('migrationProof', () => {
  it('is one signed document whose entries are proved against its checkpoint', async () => {
    const uid = await completed('proved');
    const sealer = new Sealer(database.app, {
      signer,
      origin: ORIGIN,
      previousSigner: null,
      holder: 'spec',
      logger: createLogger('spec', 'silent'),
      everyMs: 10,
      batchSize: 500,
      standbyMs: 20,
      onCheckpoint: () => undefined,
    });
    sealer.start();
    const isSealed = async (): Promise<boolean> =>
      (await row(
        database.app,
        'select from audit_entry e where not exists (select from audit_seal s where s.entry = e.id) limit 1',
      )) === undefined;
    await waitFor(isSealed, { timeoutMs: 20_000, everyMs: 20, what: 'sealing' });
    await sealer.stop();

    const { document, signature } = await migrationProof(database.app, uid, {
      signer,
      origin: ORIGIN,
      now: new Date(NOON),
    });
    const note = parseNote(signature);
    expect(note.text).toBe(proofText(ORIGIN, document));
    expect(isSignedBy(note, signer)).toBe(true);
    expect(hashOf(JSON.parse(JSON.stringify(document)))).toBe(hashOf(document));

    const checkpoint = parseCheckpoint(document.audit.checkpoint ?? '');
    expect(isSignedBy(checkpoint, signer)).toBe(true);
    const actions = document.audit.entries.map(({ body }) => actionIn(Buffer.from(body, 'base64')));
    expect(actions.filter((action) => action.startsWith('migration.event.'))).toHaveLength(completedEvents.length);
    expect(
      await row(
        database.app,
        `select count(*)::int as entries from audit_entry where object_kind = 'SCCMigrationPlan' and object_name = $1`,
        'proved',
      ),
    ).toEqual({ entries: actions.length });
    for (const { body, index, path } of document.audit.entries)
      expect(
        verifyInclusion({
          index: index ?? -1,
          size: checkpoint.size,
          leaf: leafHash(Buffer.from(body, 'base64')),
          path: (path ?? []).map((hash) => Buffer.from(hash, 'hex')),
          root: checkpoint.root,
        }),
      ).toBe(true);
    expect(document).toMatchObject({
      plan: { author: 'ana' },
      answered: { verdict: 'allow' },
      outcome: { outcome: 'completed', traffic: { requests: 249974, failed: 0 } },
      pods: [{ scc: 'anyuid' }, { role: 'canary' }, { scc: 'restricted-v2' }],
    });
  });

  it('says what the log says, although rows were changed', async () => {
    const workload = ownWorkload('meddled');
    const request = aRequest({ ...workload, spec: { ...workload.spec, approval: { required: true } } });
    const { uid } = request.plan;
    const { contentHash } = await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    const bob = at(NOON, person('bob', 'approver'));
    await inTx(database.app, (tx) => recordDecision(tx, uid, { decision: 'approve', contentHash }, bob));
    await inTx(database.app, (tx) => reportCovered(tx, uid, aBatch(request, recorded(completedEvents)), at(NOON)));
    for (const [sql, ...parameters] of [
      [
        `update approval_decision d set approver = 'mallory' from approval_request r where r.id = d.request and r.plan_uid = $1`,
        uid,
      ],
      [
        `update view_migration set traffic = '{"requests":1,"failed":1}', phase = 'RolledBack' where plan_uid = $1`,
        uid,
      ],
      [`update view_pod set scc = 'privileged' where plan_uid = $1`, uid],
      [`update migration_event set event = '{"type":"TrafficReturned"}' where plan_uid = $1 and sequence = 8`, uid],
      [
        `insert into migration_event select plan_uid, workflow_id, run_id, 99, phase, type, at, event, 'NO-ENTRY', recorded_at
         from migration_event where plan_uid = $1 and sequence = 6`,
        uid,
      ],
    ])
      await database.admin.query(sql ?? '', parameters);
    const { document } = await migrationProof(database.app, uid, {
      signer: aSigner(),
      origin: ORIGIN,
      now: new Date(NOON),
    });
    expect(document).toMatchObject({
      approvals: [{ decisions: [{ approver: 'bob', decision: 'approve' }] }],
      outcome: { phase: 'Completed', outcome: 'completed', traffic: { requests: 249974, failed: 0 } },
      pods: [{ scc: 'anyuid' }, { scc: 'restricted-v2' }, { scc: 'restricted-v2' }],
    });
    expect(document.events).toHaveLength(completedEvents.length);
  });
});

describe('what is read of migrations', () => {
  const after = async (...statements: string[]): Promise<string[]> => {
    for (const statement of statements) await database.admin.query(statement);
    const { differences } = await readModelDifferences(database.app);
    return differences.filter(({ name }) => name === 'compared').map(({ table, message }) => `${table}: ${message}`);
  };

  it('follows from the log, and what does not is named', async () => {
    const request = aRequest(ownWorkload('compared'));
    const { uid } = request.plan;
    await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    await inTx(database.app, (tx) => reportCovered(tx, uid, aBatch(request, recorded(completedEvents)), at(NOON)));
    expect(await after()).toEqual([]);
    const of = `where plan_uid = '${uid}'`;
    expect(await after(`update view_migration set traffic = '{"requests":1,"failed":0}' ${of}`)).toEqual([
      'view_migration: does not say what the events make of it; build the read model again',
    ]);
    expect(await after(`delete from view_pod ${of}`)).toHaveLength(2);
    await inTx(database.app, async (tx) => rebuildView(tx, await lockKnownMigration(tx, uid)));
    expect(await after()).toEqual([]);
    expect(
      await after(`update migration_event set event = '{"type":"TrafficReturned"}' ${of} and sequence = 8`),
    ).toContainEqual('migration_event: the event 8 of run-1 is not what its audit entry says');
    expect(await after(`delete from migration_event ${of} and sequence = 8`)).toContainEqual(
      expect.stringMatching(/^migration_event: the event of the audit entry \w+ is not there$/),
    );
    expect(
      await after(
        `insert into migration_event select plan_uid, workflow_id, run_id, 99, phase, type, at, event, 'NO-ENTRY', recorded_at
         from migration_event ${of} and sequence = 6`,
      ),
    ).toContainEqual('migration_event: the event 99 of run-1 has no audit entry that says it');
    const broken = `update migration_event set event = '{}' ${of} and sequence = 6`;
    expect(await after(broken)).toContainEqual(
      'migration_event: the event 6 of run-1 is not what its audit entry says',
    );
    // The others are compared all the same.
    await database.admin.query(`update migration_event set event = '[]' ${of} and sequence = 7`);
    const { differences } = await readModelDifferences(database.app);
    expect(differences.filter((one) => one.uid === uid)).toMatchObject([
      { key: uid, message: expect.stringMatching(/^of this migration cannot be compared/) as unknown },
    ]);
  });
});
