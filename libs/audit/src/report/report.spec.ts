import { describe, expect, it } from '@jest/globals';
import type { JsonValue } from '../canonical.js';
import { type AuditBody, encodeBody } from '../entry.js';
import { leafHash } from '../hashing.js';
import { reportClaims, reportEntries } from './claims.js';
import { unsaidInReport } from './document.js';

const minute = (at: number): string => new Date(Date.parse('2026-03-10T12:00:00.000Z') + at * 60_000).toISOString();
const period = { from: minute(0), to: minute(100) };

let entryNumber = 0;
const entry = (
  at: number,
  action: string,
  { actor = 'system:governance', object, details }: { actor?: string; object: AuditBody['object']; details: JsonValue },
): AuditBody => {
  entryNumber += 1;
  const id = `E${String(entryNumber).padStart(4, '0')}`;
  return { v: 1, id, occurredAt: minute(at), actor: { name: actor }, action, object, requestId: null, details };
};
const scc = (at: number, name: string, version: string | null): AuditBody =>
  entry(at, version === null ? 'scc.gone' : 'scc.observed', {
    object: { kind: 'SecurityContextConstraints', name },
    details: { version, contentHash: version && `hash-${version}` },
  });
const ledger = { kind: 'SCCMigrationPlan', namespace: 'shop', name: 'ledger' };
const plan = (at: number, action: string, details: Record<string, JsonValue>, actor = 'ana'): AuditBody =>
  entry(at, action, { actor, object: ledger, details: { uid: 'u-1', ...details } });
const evaluated = (at: number): AuditBody =>
  plan(at, 'migration.evaluated', {
    ...{ author: 'ana', contentHash: 'c', requestHash: 'r', workload: { kind: 'Deployment', name: 'ledger' } },
    exceptions: ['7'],
  });
let sequence = 0;
const event = (at: number, type: string, members: Record<string, JsonValue> = {}): AuditBody => {
  sequence += 1;
  const place = { workflowId: 'w', runId: 'r', sequence, phase: 'Migrating', at: minute(at) };
  return plan(at, `migration.event.${type}`, { ...place, event: { type, ...members } });
};
const gathered = (at: number): AuditBody =>
  event(at, 'FactsGathered', { sourceSCC: 'anyuid', targetSCC: 'restricted-v2', pods: [] });
const asked = (at: number): AuditBody =>
  plan(at, 'approval.requested', {
    ...{ request: '1', contentHash: 'c', author: 'ana', editors: ['eve'], expiresAt: minute(900) },
    needs: [{ role: 'approver', count: 1, reason: 'it asks for it' }],
  });
const granted = (at: number, by: string): AuditBody =>
  plan(at, 'approval.granted', { request: '1', contentHash: 'c', role: 'approver', reason: null, complete: true }, by);

const claimsOf = (...entries: AuditBody[]) => reportClaims(entries, period);

describe('what ran under which SCC', () => {
  it('is the version that was there when a workload came under it, until the next change', () => {
    const { runs } = claimsOf(
      ...[scc(-50, 'anyuid', '1'), scc(-50, 'restricted-v2', '2'), scc(30, 'restricted-v2', '3')],
      ...[evaluated(10), gathered(11), event(20, 'WorkloadMigrated'), event(21, 'MigrationCompleted')],
    );
    expect(runs).toMatchObject([
      { scc: 'anyuid', version: '1', contentHash: 'hash-1', because: 'observed', from: minute(11), to: minute(20) },
      { scc: 'restricted-v2', version: '2', because: 'migrated', plan: 'u-1', from: minute(20), to: null },
    ]);
  });

  it('goes back with the undo, and an end that does not count changes nothing', () => {
    const undone = event(40, 'UndoFinished', { differences: [] });
    const events = [evaluated(10), gathered(11), event(20, 'WorkloadMigrated'), undone];
    expect(claimsOf(...events).runs.at(-1)).toMatchObject({ scc: 'anyuid', because: 'restored', from: minute(40) });
    const { workflowId, runId, sequence: place } = undone.details as Record<string, JsonValue>;
    const lie = plan(41, 'migration.untrusted', { workflowId, runId, sequence: place, reason: 'no receipts' } as never);
    const { runs, migrations } = claimsOf(...events, lie);
    expect(runs.at(-1)).toMatchObject({ scc: 'restricted-v2', to: null });
    expect(migrations).toMatchObject([{ outcome: 'untrusted', untrusted: 'no receipts' }]);
  });

  it('is known of workloads without a plan, and ends with their last pod', () => {
    const object = { kind: 'Deployment', namespace: 'shop', name: 'idle' };
    const seen = entry(-20, 'workload.sccObserved', {
      object,
      details: { since: minute(-30), scc: 'anyuid', version: '1' },
    });
    const gone = entry(60, 'workload.gone', { object, details: { at: minute(58), after: null } });
    expect(claimsOf(scc(-50, 'anyuid', '1'), seen, gone).runs).toMatchObject([
      { name: 'idle', scc: 'anyuid', contentHash: 'hash-1', from: minute(-30), to: minute(58) },
    ]);
  });

  it('says so where the SCC may have been another one', () => {
    const late = entry(30, 'scc.observed', {
      object: { kind: 'SecurityContextConstraints', name: 'restricted-v2' },
      details: { version: '3', contentHash: 'h', unseenFrom: minute(15) },
    });
    const { runs } = claimsOf(
      scc(-50, 'restricted-v2', '2'),
      evaluated(10),
      gathered(11),
      event(20, 'WorkloadMigrated'),
      late,
    );
    expect(runs.at(-1)).toMatchObject({ version: '2', isVersionCertain: false });
  });
});

describe('four eyes', () => {
  it.each([
    ['held', [granted(12, 'bob')]],
    ['open', []],
    ['broken', [granted(12, 'ana')]],
    ['broken', [granted(12, 'eve')]],
    [
      'bypassed',
      [
        plan(
          12,
          'approval.bypassed',
          { request: '1', contentHash: 'c', reason: 'now', breakGlass: '9', missing: [] },
          'carl',
        ),
      ],
    ],
  ] as const)('%s', (fourEyes, more) => {
    expect(claimsOf(evaluated(10), asked(11), ...more).approvals).toMatchObject([
      { authors: ['ana', 'eve'], fourEyes },
    ]);
  });
});

describe('how a migration ended', () => {
  it.each<[string, Record<string, JsonValue>]>([
    ['completed', {}],
    ['notObserved', { notObserved: true }],
  ])('%s', (outcome, members) => {
    expect(claimsOf(evaluated(10), gathered(11), event(21, 'MigrationCompleted', members)).migrations).toMatchObject([
      { outcome, finishedAt: minute(21) },
    ]);
  });
});

/** A log of everything that a report knows, long before, shortly before and in the period. */
function everything(): AuditBody[] {
  const exception = { object: { kind: 'PolicyException', namespace: 'shop', name: 'ledger' } };
  const target = { namespace: 'shop', kind: 'Deployment', name: 'ledger' };
  const request = { policy: 'p', target, reason: 'an old volume' };
  const stop = { kind: 'EmergencyStop', namespace: 'shop', name: '3' };
  const other = { kind: 'Deployment', namespace: 'shop', name: 'other' };
  const fleet = { kind: 'SCCMigrationCampaign', name: 'fleet' };
  const set = { uid: 'f-1', wave: 1, hash: 'h' };
  const change = { reason: 'changed', relation: 'wider', manager: null, user: 'eve' };
  return [
    ...[scc(-500, 'anyuid', '1'), scc(-490, 'restricted-v2', '2'), scc(-480, 'restricted-v2', '3')],
    entry(-400, 'exception.requested', { ...exception, details: { id: '6', expiresAt: minute(-100), ...request } }),
    entry(-30, 'exception.requested', { ...exception, details: { id: '7', expiresAt: minute(500), ...request } }),
    entry(-29, 'exception.approved', { ...exception, actor: 'bob', details: { id: '7' } }),
    entry(-300, 'stop.set', { object: stop, actor: 'bob', details: { takeBack: false, reason: 'an incident' } }),
    entry(5, 'stop.lifted', { object: stop, actor: 'bob', details: { reason: 'it is over' } }),
    ...[evaluated(10), gathered(11), asked(11), granted(12, 'bob'), event(20, 'WorkloadMigrated')],
    ...[event(30, 'UndoStarted', { cause: 'gate', message: 'errors' }), event(31, 'UndoStepFailed', { step: 's' })],
    event(32, 'UndoFinished', { differences: [] }),
    plan(
      33,
      'approval.bypassed',
      { request: '1', contentHash: 'c', reason: 'now', breakGlass: '9', missing: [] },
      'carl',
    ),
    plan(34, 'approval.bypassReviewed', { breakGlass: '9', usedBy: 'carl', review: 'right' }, 'dora'),
    entry(-200, 'workload.sccObserved', {
      object: other,
      details: { since: minute(-201), scc: 'anyuid', version: '1' },
    }),
    ...[-400, -300].flatMap((at) => [
      entry(at, 'campaign.created', {
        object: fleet,
        details: { uid: `f${at}`, author: 'ana', approvalRequired: null },
      }),
      entry(at + 1, 'campaign.completed', { object: fleet, details: { uid: `f${at}`, message: 'all moved' } }),
    ]),
    entry(-20, 'campaign.created', { object: fleet, details: { uid: 'f-1', author: 'ana', approvalRequired: true } }),
    entry(-19, 'campaign.boardMade', { object: fleet, details: { uid: 'f-1', waves: [{ hash: 'h', workloads: 2 }] } }),
    entry(-18, 'campaign.approved', { object: fleet, actor: 'ana', details: { ...set, edit: 1 } }),
    entry(40, 'campaign.waveBegun', { object: fleet, details: set }),
    entry(41, 'campaign.paused', { object: fleet, actor: 'eve', details: { uid: 'f-1', edit: 2 } }),
    entry(42, 'campaign.budgetSpent', { object: fleet, details: { uid: 'f-1', count: 1, budget: 0, attempt: 1 } }),
    entry(50, 'workload.sccChanged', {
      object: other,
      details: {
        ...change,
        since: minute(49),
        from: { scc: 'anyuid', version: '1' },
        to: { scc: 'privileged', version: null },
      },
    }),
    entry(60, 'record.contradicted', {
      object: { kind: 'AuditLog' },
      details: { found: [{ fault: 'row-differs', table: 'role_binding', key: '1', message: 'm' }] },
    }),
    entry(70, 'record.answered', {
      object: { kind: 'AuditLog' },
      actor: 'olga',
      details: { reason: 'by hand', checkpoint: null, rows: [{ table: 'role_binding', key: '1', holds: null }] },
    }),
  ].toSorted((a, b) => Date.parse(a.occurredAt) - Date.parse(b.occurredAt));
}

const documentOf = (bodies: readonly AuditBody[]) => {
  const needed = reportEntries(bodies, period);
  const held = bodies.filter(({ id }) => needed.has(id));
  const entries = held.map((body) => {
    const bytes = encodeBody(body);
    const leaf = leafHash(bytes).toString('hex');
    return { entryId: body.id, body: bytes.toString('base64'), leafHash: leaf, index: null, path: null };
  });
  const document = { period, claims: reportClaims(held, period), audit: { checkpoint: null, entries } };
  return JSON.parse(JSON.stringify(document)) as Parameters<typeof unsaidInReport>[0];
};

describe('a report', () => {
  it('says the same by the entries that it holds as by the whole log', () => {
    const bodies = everything();
    const needed = reportEntries(bodies, period);
    const held = bodies.filter(({ id }) => needed.has(id));
    expect(held.length).toBeLessThan(bodies.length);
    expect(reportClaims(held, period)).toEqual(reportClaims(bodies, period));
    const { claims } = documentOf(bodies);
    expect(Object.entries(claims).filter(([, list]) => list?.length === 0)).toEqual([]);
    expect(claims.exceptions).toMatchObject([{ id: '7', approvedBy: 'bob', plans: ['shop/ledger'] }]);
    expect(claims.campaigns).toMatchObject([
      {
        ...{ uid: 'f-1', author: 'ana', outcome: null, budgetSpent: [{ failed: 1, budget: 0 }] },
        ...{
          waves: [{ wave: 1, fourEyes: 'broken', approvals: [{ by: 'ana' }] }],
          commands: [{ what: 'paused', by: 'eve' }],
        },
      },
    ]);
    expect(claims.migrations).toMatchObject([
      { outcome: 'rolledBack', undo: { cause: 'gate', message: 'errors' }, failedUndoSteps: 1 },
    ]);
  });

  it('names every claim that is changed, added or left out', () => {
    const document = documentOf(everything());
    expect(unsaidInReport(document)).toEqual([]);
    const problemsOf = (section: string, list: readonly unknown[]): string[] =>
      unsaidInReport({ ...document, claims: { ...document.claims, [section]: list } });
    const places = Object.entries(document.claims).flatMap(([section, claims = []]) =>
      claims.flatMap((claim, at) => Object.entries(claim).map((member) => ({ section, claims, claim, at, member }))),
    );
    expect(places.length).toBeGreaterThan(80);
    const unnoticed = places.filter(({ section, claims, claim, at, member: [name, value] }) => {
      const changed = { ...claim, [name]: typeof value === 'string' ? `${value}x` : 'x' };
      const isNamed = problemsOf(section, claims.with(at, changed)).includes(`${section} ${at + 1}: ${name}`);
      return !isNamed || problemsOf(section, claims.toSpliced(at, 1)).length === 0;
    });
    expect(unnoticed).toEqual([]);
  });

  it('names an entry that is another one, and one that it does not need', () => {
    const document = documentOf(everything());
    const [first, ...rest] = document.audit.entries;
    if (!first) throw new Error('a report without entries');
    const exchanged = { ...document, audit: { checkpoint: null, entries: [{ ...first, entryId: 'other' }, ...rest] } };
    expect(unsaidInReport(exchanged)).toContain('audit entry other: that its bytes are it');
    const body = entry(-1, 'access.granted', { object: { kind: 'RoleBinding' }, details: {} });
    const more = { ...first, entryId: body.id, body: encodeBody(body).toString('base64') };
    const padded = { ...document, audit: { checkpoint: null, entries: [...document.audit.entries, more] } };
    expect(unsaidInReport(padded)).toEqual([`audit entry ${body.id}: that the report rests on it`]);
  });
});
