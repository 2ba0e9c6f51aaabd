import { expect, it } from '@jest/globals';
import { auditBodySchema, noticedLate, unsaidClaims } from '@scc/audit';
import { signedProofSchema } from '@scc/governance-api';
import type { MigratedKind, MigrationEvent, Strategy } from '@scc/plan';
import { defaultSCCs } from '@scc/scc';
import { z } from 'zod';
import { recordDecision } from '../approvals/decisions.js';
import { aSigner } from '../audit/audit-log.fixture.js';
import { authorizeStep } from '../engine/authorize.js';
import { evaluatePlan } from '../engine/evaluate.js';
import {
  aBatch,
  aRequest,
  at,
  completedEvents,
  holdsAnyRole,
  inTx,
  NOON,
  ownWorkload,
  person,
  recorded,
  reportCovered,
} from '../governance.fixture.js';
import { confirmSCCs, observeSCC } from '../registry/versions.js';
import { governanceSuite } from '../suite.fixture.js';
import { migrationProof } from './proof.js';

const database = governanceSuite();
const MOVED = { name: 'moved-0', uid: 'moved-0', scc: 'restricted-v2', node: 'node-1' };
type Json = z.infer<ReturnType<typeof z.json>>;

async function aProof(name = 'claimed', events = completedEvents, kind: MigratedKind = 'Deployment'): Promise<Json> {
  const own = ownWorkload(name);
  const workload =
    kind === 'Deployment'
      ? own
      : {
          ...{ ...own, spec: { ...own.spec, workloadRef: { kind, name } } },
          facts: { workload: { ...own.facts.workload, kind, replicas: 1 } },
        };
  const request = aRequest({ ...workload, spec: { ...workload.spec, approval: { required: true } } });
  const { uid } = request.plan;
  const { contentHash } = await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
  const decision = { decision: 'approve' as const, contentHash, reason: 'read it' };
  await inTx(database.app, (tx) => recordDecision(tx, uid, decision, at(NOON, person('bob', 'approver'))));
  const step = { step: 'Prepare' as const, contentHash, detail: 'all of it' };
  await inTx(database.app, (tx) => authorizeStep(tx, uid, step, { ...at(NOON), holds: holdsAnyRole }));
  await inTx(database.app, (tx) => reportCovered(tx, uid, aBatch(request, recorded(events)), at(NOON)));
  const signing = { signer: aSigner('scc.poc/test'), origin: 'scc.poc/test', now: new Date(NOON) };
  const proof = await migrationProof(database.app, uid, signing);
  const sent = z.object({ document: z.json() }).parse(JSON.parse(JSON.stringify(proof)));
  expect(signedProofSchema.safeParse(JSON.parse(JSON.stringify(proof))).error).toBeUndefined();
  return sent.document;
}

/** The signature alone is about the first; the second is compared with the hashes, paths and root of the tree. */
const NOT_CLAIMED = /^(generatedAt|audit\.(checkpoint|entries\.\d+\.(body|leafHash|index|path)))/;

const entriesSchema = z.object({ audit: z.object({ entries: z.array(z.object({ body: z.string() })) }) });
const actionIn = (body: string): string =>
  auditBodySchema.parse(JSON.parse(Buffer.from(body, 'base64').toString())).action;

const placesOf = (value: Json, path: string[] = []): string[][] =>
  typeof value === 'object' && value !== null
    ? [
        ...(path.length > 0 ? [path] : []),
        ...Object.entries(value).flatMap(([key, one]) => placesOf(one, [...path, key])),
      ]
    : [path];

const changedOf = (value: Json): Json => {
  if (typeof value === 'string') return `${value}x`;
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  return 'x';
};

/** The document with another value at the place, or with nothing there. */
function changed(value: Json, [key = '', ...rest]: readonly string[], how: (value: Json) => Json | undefined): Json {
  const members = Object.entries(value as Record<string, Json>).flatMap(([name, before]) => {
    const after = name !== key ? before : rest.length > 0 ? changed(before, rest, how) : how(before);
    return after === undefined ? [] : [[name, after] as const];
  });
  return Array.isArray(value) ? members.map(([, one]) => one) : Object.fromEntries(members);
}

it('holds the content of the SCCs that it was decided about, and between which times it came', async () => {
  const target = defaultSCCs().find(({ metadata }) => metadata.name === 'restricted-v2');
  const see = (minutes: number, priority: number, wasFollowed: boolean) =>
    inTx(database.app, (tx) =>
      observeSCC(tx, 'restricted-v2', target ? { ...target, priority } : null, {
        ...{ at: new Date(Date.parse(NOON) + minutes * 60_000), wasFollowed },
      }),
    );
  await see(-60, 1, true);
  await confirmSCCs(database.app, new Date(Date.parse(NOON) - 50 * 60_000));
  await see(-10, 2, false);
  const document = entriesSchema.parse(await aProof('bounded'));
  const entries = document.audit.entries.map(({ body }) =>
    auditBodySchema.parse(JSON.parse(Buffer.from(body, 'base64').toString())),
  );
  const late = noticedLate(entries);
  expect(late[0]).toMatchObject({
    what: expect.stringContaining('of the SCC restricted-v2') as unknown,
    ...{ from: '2026-03-10T11:10:00.000Z', to: '2026-03-10T11:50:00.000Z' },
  });
  // The events of this test are dated long before they are written down.
  expect(late.map(({ what }) => what)).toContain('MigrationCompleted (8)');
});

it('says nothing that its entries do not hold, leaves nothing out, and every change of it is named', async () => {
  const document = await aProof();
  expect(unsaidClaims(document)).toEqual([]);
  expect(document).toMatchObject({
    asked: { spec: {} },
    answered: { verdict: 'requireApproval' },
    approvals: [{ status: 'closed', decisions: [{ approver: 'bob', reason: 'read it' }] }],
  });
  const places = placesOf(document).filter((path) => !NOT_CLAIMED.test(path.join('.')));
  expect(places.length).toBeGreaterThan(200);
  const unnoticed = (how: (value: Json) => Json | undefined): string[] =>
    places.filter((path) => unsaidClaims(changed(document, path, how)).length === 0).map((path) => path.join('.'));
  expect(unnoticed(changedOf)).toEqual([]);
  // Entries that no claim rests on may be missing; the others are needed.
  const left = unnoticed(() => undefined);
  expect(left.filter((place) => !/^audit\.entries\.\d+$/.test(place))).toEqual([]);
  const entries = entriesSchema.parse(document).audit.entries.map(({ body }) => actionIn(body));
  const actions = new Set(left.map((place) => entries[Number(place.split('.')[2])]));
  expect([...actions].toSorted()).toEqual([
    'activity.begun',
    'activity.done',
    'approval.begun',
    'migration.ended',
    'workload.claimed',
    'workload.released',
  ]);
});

it("says what reached the workload's own pods before they were rolled, and what that rests on", async () => {
  const stableSide = { isSilent: false, restsOn: 'counters' as const, message: '3 requests reached the own pods' };
  const outcomeOf = (document: Json) => z.object({ outcome: z.record(z.string(), z.json()) }).parse(document).outcome;
  const before = completedEvents.findIndex(([, { type }]) => type === 'WorkloadMigrated');
  const seen = completedEvents.toSpliced(before, 0, ['Migrating', { type: 'StableSideSeen', ...stableSide }]);
  const document = await aProof('called', seen);
  expect(outcomeOf(document)).toMatchObject({ stableSide });
  expect(unsaidClaims(document)).toEqual([]);
  for (const how of [() => ({ ...stableSide, isSilent: true }), () => undefined])
    expect(unsaidClaims(changed(document, ['outcome', 'stableSide'], how))).toEqual([
      expect.stringContaining('outcome') as unknown,
    ]);
  expect(outcomeOf(await aProof('nobody-looked'))).not.toHaveProperty('stableSide');
});

it.each<[MigratedKind, Strategy, MigrationEvent[]]>([
  [
    'StatefulSet',
    'Ordered',
    [
      { type: 'WorkloadStopped', pods: 1 },
      { type: 'OwnersChanged', claims: ['data-claimed-0'], files: 3, from: 999, to: 1000650000 },
      { type: 'PodMoved', pod: MOVED, ordinal: 0, moved: 1, total: 1 },
    ],
  ],
  ['DaemonSet', 'PerNode', [{ type: 'PodMoved', pod: MOVED, ordinal: 0, node: 'node-1', moved: 1, total: 1 }]],
  ['CronJob', 'NextRun', []],
])('of a %s holds what its strategy %s did', async (kind, strategy, moves) => {
  const migrating = [{ type: 'WorkloadMigrationStarted', strategy } as const, ...moves];
  const events = completedEvents.flatMap(([phase, event]): typeof completedEvents =>
    event.type === 'WorkloadMigrated'
      ? [...migrating.map((one): [typeof phase, MigrationEvent] => ['Migrating', one]), [phase, event]]
      : ['CanaryReady', 'WeightShifted', 'TrafficReturned'].includes(event.type)
        ? []
        : [[phase, event]],
  );
  const document = await aProof(`of-a-${kind.toLowerCase()}`, events, kind);
  expect(unsaidClaims(document)).toEqual([]);
  expect(document).toMatchObject({ asked: { spec: { workloadRef: { kind } } } });
  const said = JSON.stringify(
    entriesSchema.parse(document).audit.entries.map(({ body }) => Buffer.from(body, 'base64').toString()),
  );
  for (const { type } of migrating) expect(said).toContain(type);
});
