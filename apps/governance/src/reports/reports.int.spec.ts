import { expect, it } from '@jest/globals';
import {
  isSignedBy,
  parseNote,
  reportNoteText,
  type SignedReport,
  signedReportSchema,
  unsaidInReport,
} from '@scc/audit';
import { defaultSCCs } from '@scc/scc';
import { recordDecision } from '../approvals/decisions.js';
import { breakGlass, listBreakGlass, reviewBreakGlass } from '../approvals/break-glass.js';
import { aSigner, seal } from '../audit/audit-log.fixture.js';
import { EVERYWHERE, type Scope } from '../call/scope.js';
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
  reportCovered,
} from '../governance.fixture.js';
import { trackPods } from '../pods/tracking.js';
import { enterObserved } from '../registry/observed.js';
import { observeSCC } from '../registry/versions.js';
import { apiSuite } from '../suite.fixture.js';
import { buildReport } from './build.js';

const { database, test } = apiSuite();
const signer = aSigner();
const SPRING = '2026-03-01T00:00:00.000Z';

async function aPlan(
  name: string,
  namespace = 'shop',
): Promise<{ uid: string; contentHash: string; request: ReturnType<typeof aRequest> }> {
  const workload = ownWorkload(name);
  const spec = { ...workload.spec, approval: { required: true } };
  const request = aRequest({ ...workload, namespace, spec });
  const { contentHash } = await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
  return { uid: request.plan.uid, contentHash, request };
}

async function completed(name: string, namespace?: string): Promise<string> {
  const { uid, contentHash, request } = await aPlan(name, namespace);
  const decision = { decision: 'approve' as const, contentHash, reason: 'read it' };
  await inTx(database.app, (tx) => recordDecision(tx, uid, decision, at(NOON, person('bob', 'approver'))));
  await inTx(database.app, (tx) => reportCovered(tx, uid, aBatch(request, recorded(completedEvents)), at(NOON)));
  return uid;
}

async function bypassed(name: string): Promise<string> {
  const { uid, contentHash } = await aPlan(name);
  const reason = 'the shop is down and nobody answers';
  await inTx(database.app, (tx) => breakGlass(tx, uid, { contentHash, reason }, at(NOON, person('carl', 'admin'))));
  return uid;
}

const report = async (over: { from?: string; to?: string; scope?: Scope } = {}): Promise<SignedReport> => {
  const { from = SPRING, scope = EVERYWHERE } = over;
  const now = new Date();
  const period = { from, to: over.to ?? now.toISOString() };
  const built = await buildReport(database.app, { period, scope, map: null }, { signer, origin: 'scc.poc/test', now });
  return JSON.parse(JSON.stringify(built)) as SignedReport;
};

it('says what ran, who allowed it, what was skipped and reviewed; all of it follows from the entries inside', async () => {
  const target = defaultSCCs().find(({ metadata }) => metadata.name === 'restricted-v2');
  await inTx(database.app, (tx) => observeSCC(tx, 'restricted-v2', target ?? null, { at: new Date(NOON) }));
  const pod = { uid: 'w-1', name: 'w-1', scc: 'restricted-v2', subjectType: null, image: null, node: null, plan: null };
  const owner = { namespace: 'shop', ownerKind: 'Deployment', ownerName: 'watched' };
  await trackPods(database.app, [{ type: 'seen', pod: { ...pod, ...owner }, at: new Date(NOON) }]);
  await inTx(database.app, (tx) => enterObserved(tx, new Date(Date.parse(NOON) + 60_000)));
  const done = await completed('ledger-report');
  const skipped = await bypassed('skipped-report');
  await seal(database.app, { signer });

  const { document, signature } = await report();
  expect(signedReportSchema.safeParse({ document, signature }).error).toBeUndefined();
  expect(unsaidInReport(JSON.parse(JSON.stringify(document)) as Parameters<typeof unsaidInReport>[0])).toEqual([]);
  const note = parseNote(signature);
  expect(note.text).toBe(reportNoteText('scc.poc/test', document, document.period));
  expect(isSignedBy(note, signer)).toBe(true);
  expect(document.audit.entries.every(({ path }) => path !== null)).toBe(true);

  const { claims } = document;
  expect(claims.runs).toMatchObject([
    { name: 'ledger-report', scc: 'anyuid', because: 'observed', to: '2026-03-10T12:06:00.000Z' },
    { name: 'ledger-report', scc: 'restricted-v2', because: 'migrated', plan: done, to: null },
    { name: 'watched', scc: 'restricted-v2', because: 'observed', from: NOON, to: null },
  ]);
  expect(claims.migrations).toMatchObject([
    { uid: done, workload: 'Deployment ledger-report', author: 'ana', outcome: 'completed' },
    { uid: skipped, outcome: null },
  ]);
  expect(claims.approvals).toMatchObject([
    { uid: done, authors: ['ana'], fourEyes: 'held', decisions: [{ approver: 'bob' }] },
    { uid: skipped, fourEyes: 'bypassed' },
  ]);
  expect(claims.breakGlass).toMatchObject([{ uid: skipped, usedBy: 'carl', review: null }]);
});

it('keeps what began before the period and lasts, and leaves out what is over', async () => {
  const [use] = await listBreakGlass(database.app, false);
  const before = new Date().toISOString();
  await inTx(database.app, (tx) =>
    reviewBreakGlass(tx, use?.id ?? '', 'it was right to do so', at(NOON, person('dora', 'admin'))),
  );
  const after = new Date(Date.now() + 1).toISOString();
  const during = await report({ from: before });
  expect(during.document.claims.breakGlass).toMatchObject([{ usedBy: 'carl', review: { by: 'dora' } }]);
  while (new Date().toISOString() <= after) await Promise.resolve();
  const later = await report({ from: after });
  expect(later.document.claims).toMatchObject({
    migrations: [],
    approvals: [],
    breakGlass: [],
    runs: [{ name: 'ledger-report', scc: 'restricted-v2' }, { name: 'watched' }],
  });
  // Only the entries that the state at the beginning rests on.
  expect(later.document.audit.entries.length).toBeLessThan(8);
  expect(unsaidInReport(later.document as never)).toEqual([]);
});

it('is for auditors, about their namespaces, and of a period that is over', async () => {
  await completed('bank-report', 'bank');
  const path = `/v1/reports?from=${SPRING}`;
  expect(await test.call('vera/viewer', 'GET', path)).toMatchObject({ status: 403 });
  expect(await test.call('olga/auditor', 'GET', `${path}&to=2999-01-01T00:00:00Z`)).toMatchObject({ status: 422 });
  expect(await test.call('olga/auditor', 'GET', `${path}&to=2025-01-01T00:00:00Z`)).toMatchObject({ status: 422 });
  const answer = await test.call('olga/auditor', 'GET', `${path}&namespace=bank`);
  expect(answer).toMatchObject({
    status: 200,
    body: { document: { namespaces: ['bank'], claims: { migrations: [{ name: 'bank-report', namespace: 'bank' }] } } },
  });
});
