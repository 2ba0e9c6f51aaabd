import { describe, expect, it, jest } from '@jest/globals';
import { type MigrationEvent, type RecordedEvent, type UndoCause, WORKLOAD_KINDS } from '@scc/plan';
import { fixedModel } from '@scc/risk';
import { createLogger } from '@scc/runtime';
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
import { apiSuite } from '../suite.fixture.js';
import { assessmentSchema, calibrationSchema, modelsSchema } from './answers.js';
import { findAssessment } from './assessments.js';
import { refit } from './learn.js';
import { RiskLearner } from './learner.js';
import { settleOutcomes } from './outcomes.js';
import { modelsAnswer, promote } from './promote.js';

const HOUR = 3_600_000;
const later = (hours: number): Date => new Date(Date.parse(NOON) + hours * HOUR);

// Whole lives of migrations are told, some hundred transactions each.
jest.setTimeout(60_000);

const { database, test: api } = apiSuite();

const one = (sql: string, ...parameters: unknown[]): Promise<unknown> => row(database.app, sql, ...parameters);
type Request = ReturnType<typeof aRequest>;

async function assessed(name: string, over: Parameters<typeof aRequest>[0] = {}) {
  const workload = ownWorkload(name);
  const request = aRequest({ ...workload, ...over, facts: { ...workload.facts, ...over.facts } });
  const { risk } = await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
  return { request, risk };
}

const reported = (request: Request, events: [RecordedEvent['phase'], MigrationEvent][], from = 0) =>
  inTx(database.app, (tx) => reportCovered(tx, request.plan.uid, aBatch(request, recorded(events, from)), at(NOON)));

const undone = (cause: UndoCause): [RecordedEvent['phase'], MigrationEvent][] => [
  ...completedEvents.slice(0, 4),
  ['RollingBack', { type: 'UndoStarted', cause, message: 'undo' }],
  ['RolledBack', { type: 'UndoFinished', differences: [] }],
];

const settled = (hours: number): Promise<number> => inTx(database.app, (tx) => settleOutcomes(tx, later(hours)));
const outcomeOf = ({ plan }: Request): Promise<unknown> =>
  one('select label, reason, principal from risk_outcome where plan_uid = $1', plan.uid);

describe('an assessment', () => {
  it('is stored with everything that it came from, and comes out the same again', async () => {
    const { request, risk } = await assessed('stored-risk');
    expect(risk).toMatchObject({ modelVersion: '0', band: 'medium', raisedBy: 'changeRisk', exposure: 0 });
    const { changeRisk, interval, factors } = risk;
    expect(changeRisk).toBeGreaterThan(interval[0]);
    expect(changeRisk).toBeLessThan(interval[1]);
    const found = await findAssessment(database.app, risk.assessmentId);
    expect(found.replay).toEqual({ identical: true, differences: [] });
    expect(found).toMatchObject({ planUid: request.plan.uid, model: 0, changeRisk, interval, outcome: null });
    expect(found.factors.map(({ contribution }) => contribution)).toEqual(
      factors.map(({ contribution }) => contribution),
    );
    const { weights, reference } = fixedModel();
    const base = reference.reduce((total, value, index) => total + (weights[index + 1] ?? NaN) * value, weights[0]!);
    const total = found.factors.reduce((sum, { contribution }) => sum + contribution, base);
    expect(Math.abs(total - found.logOdds)).toBeLessThan(1e-12);
  });

  it('keeps what was seen of its needs, with how much was seen, and counts with it', async () => {
    const evidence = [{ source: 'running user' as const, container: 'app', uid: 1001, seenIn: 3, pods: 4 }];
    const [known, unknown] = await Promise.all([
      assessed('seen', { facts: { ...ownWorkload('seen').facts, evidence } }),
      assessed('unseen'),
    ]);
    const [found, without] = await Promise.all(
      [known, unknown].map(({ risk }) => findAssessment(database.app, risk.assessmentId)),
    );
    expect(found?.signals.privilege.evidence).toEqual(['app ran as user 1001 by its image, seen in 3 of 4 pods']);
    expect(found?.replay.identical).toBe(true);
    expect(found?.factors.find(({ factor }) => factor === 'privilegeGap')?.words).toContain('seen in 3 of 4 pods');
    expect(without?.signals.privilege.evidence).toEqual([]);
    expect(found?.signals.privilege.undeclared).not.toContain('root user');
    expect(without?.signals.privilege.undeclared).toContain('root user');
  });

  it('that does not come from its model any more is found out', async () => {
    const { risk } = await assessed('tampered');
    await database.admin.query('update risk_assessment set mu = mu + 1e-15 where id = $1', [risk.assessmentId]);
    expect((await findAssessment(database.app, risk.assessmentId)).replay).toEqual({
      identical: false,
      differences: ['mu'],
    });
  });

  it('can be neither changed nor deleted by the service', async () => {
    for (const table of ['risk_model', 'risk_promotion', 'risk_assessment', 'risk_outcome'])
      for (const statement of [`delete from ${table}`, `truncate ${table}`])
        await expect(database.app.query(statement)).rejects.toThrow(/permission denied/);
    await expect(database.app.query('update risk_assessment set band = $1', ['low'])).rejects.toThrow(
      /permission denied/,
    );
  });

  it('is made by one champion, also when many ask at once and first', async () => {
    await Promise.all(Array.from({ length: 8 }, (_none, index) => assessed(`crowd-${index}`)));
    expect(await one('select count(*)::int as models from risk_model')).toEqual({ models: 1 });
    expect(await one('select count(*)::int as promotions from risk_promotion')).toEqual({ promotions: 1 });
  });

  it('is wider for unknown facts', async () => {
    const { risk: known } = await assessed('known-facts', {
      facts: { namespaceLabels: { 'scc.poc/criticality': 'high' } },
    });
    const { risk } = await assessed('unknown-facts', { facts: { dependents: null, requestsPerSecond: null } });
    expect(risk.factors.filter(({ value }) => value === null).map(({ factor }) => factor)).toEqual(
      expect.arrayContaining(['blastRadius', 'criticality']),
    );
    expect(risk.interval[1] - risk.interval[0]).toBeGreaterThan(known.interval[1] - known.interval[0]);
  });

  it('raises exposure, and not change risk, for a target that gives power', async () => {
    const facts = { sourceSCC: 'restricted-v2', targetSCC: 'privileged' };
    const { risk } = await assessed('powerful', { facts });
    expect(risk).toMatchObject({ band: 'critical', raisedBy: 'exposure', exposure: 1 });
    expect(risk.changeRisk).toBeLessThan(0.2);
    expect(risk.cheapestChange).toMatch(/^Choose a target SCC that does not give /);
  });
});

describe('outcomes', () => {
  it('of an undo are known at once, and only causes that lie in the change count', async () => {
    const causes = [
      'gate',
      'readiness',
      'admission',
      'rollout',
      'abort',
      'rollback',
      'deleted',
      'error',
      'lost',
      'trial',
    ] as const satisfies UndoCause[];
    const labels: Record<string, unknown> = {};
    for (const cause of causes) {
      const { request } = await assessed(`undone-${cause}`);
      await reported(request, undone(cause));
      await settled(1);
      labels[cause] = ((await outcomeOf(request)) as { label: string }).label;
    }
    expect(labels).toEqual({
      ...{ gate: 'failed', readiness: 'failed', admission: 'failed', rollout: 'failed' },
      ...{ abort: 'excluded', rollback: 'excluded', deleted: 'excluded', error: 'excluded', lost: 'excluded' },
      trial: 'excluded',
    });
  });

  it('of a plan that its author withdrew before it was judged, or after it had failed, are failures', async () => {
    const shifted: [RecordedEvent['phase'], MigrationEvent] = completedEvents[4]!;
    const failing: [RecordedEvent['phase'], MigrationEvent][] = [
      ...completedEvents.slice(0, 4),
      shifted,
      [
        'TrafficShifting',
        {
          type: 'GateFailed',
          samples: [{ gate: 'success-rate', verdict: 'fail', value: 50, detail: '', at: '2026-03-10T12:04:00.000Z' }],
        },
      ],
    ];
    const aborted = (actor: string): [RecordedEvent['phase'], MigrationEvent] => [
      'TrafficShifting',
      { type: 'CommandApplied', command: 'abort', actor, reason: null },
    ];
    const ending = (cause: UndoCause) => undone(cause).slice(4);
    const ways: [string, [RecordedEvent['phase'], MigrationEvent][]][] = [
      ['deleted at a weight', [...completedEvents.slice(0, 4), shifted, ...ending('deleted')]],
      ['deleted after a gate failed', [...failing, ...ending('deleted')]],
      ['aborted by its author', [...completedEvents.slice(0, 4), shifted, aborted('ana'), ...ending('abort')]],
      ['deleted after its gate passed', [...completedEvents.slice(0, 6), ...ending('deleted')]],
    ];
    const labels: unknown[] = [];
    for (const [way, events] of ways) {
      const { request } = await assessed(way.replaceAll(' ', '-'), { namespace: 'withdrawn' });
      await reported(request, events);
      await settled(1);
      labels.push(await outcomeOf(request));
    }
    expect(labels).toMatchObject([
      { label: 'failed', reason: 'the plan was deleted before its change was judged (the plan was deleted)' },
      { label: 'failed', reason: 'it had failed before it was taken back (the plan was deleted)' },
      { label: 'failed', reason: 'it was withdrawn before its change was judged (it was aborted by a user)' },
      { label: 'excluded', reason: 'the plan was deleted' },
    ]);
  });

  it('of a completed migration take a quiet day', async () => {
    const { request } = await assessed('quiet');
    await reported(request, completedEvents);
    await settled(23);
    expect(await outcomeOf(request)).toBeUndefined();
    await settled(25);
    expect(await outcomeOf(request)).toMatchObject({ label: 'succeeded', principal: 'ana' });
    expect(await settled(26)).toBe(0);
  });

  it('that was taken back within a day is a failure', async () => {
    const { request } = await assessed('reverted');
    await reported(request, completedEvents);
    const back = aRequest({ ...ownWorkload('reverted'), name: 'back' });
    await inTx(database.app, (tx) => evaluatePlan(tx, back, at(NOON)));
    const reversed = completedEvents.map(([phase, event]): [RecordedEvent['phase'], MigrationEvent] => [
      phase,
      event.type === 'FactsGathered' ? { ...event, sourceSCC: 'restricted-v2', targetSCC: 'anyuid' } : event,
    ]);
    await reported(back, reversed, 60);
    await settled(30);
    expect(await outcomeOf(request)).toEqual({
      label: 'failed',
      reason: 'another migration reverted it within 24 hours',
      principal: 'ana',
    });
  });

  it('of plans that never ran are none', async () => {
    const { request } = await assessed('rejected');
    await reported(request, [...completedEvents.slice(0, 3), ['Rejected', { type: 'PlanRejected', violations: [] }]]);
    await settled(30);
    expect(await outcomeOf(request)).toBeUndefined();
  });

  it('belong to a service account only within a namespace', async () => {
    const { request } = await assessed('by-robot', { author: 'system:serviceaccount:argo:controller' });
    await reported(request, undone('gate'));
    await settled(1);
    expect(await outcomeOf(request)).toMatchObject({ principal: 'system:serviceaccount:argo:controller in shop' });
  });

  it('are told by the history of the next assessment, and not of one before', async () => {
    const history = async (hours: number): Promise<number> => {
      const request = aRequest(ownWorkload('undone-gate'));
      const { risk } = await inTx(database.app, (tx) => evaluatePlan(tx, request, { ...at(NOON), now: later(hours) }));
      return risk.factors.find(({ factor }) => factor === 'failureHistory')?.value ?? NaN;
    };
    expect(await history(0)).toBe(0.5);
    expect(await history(2)).toBeGreaterThan(0.5);
  });

  it.each(WORKLOAD_KINDS)('of a %s are its own, and not those of another kind with its name', async (kind) => {
    const name = `namesake-${kind.toLowerCase()}`;
    const of = (own: string) => {
      const { spec, facts, ...workload } = ownWorkload(name);
      const ref = { kind: own, name };
      return aRequest({
        ...{ ...workload, namespace: name, spec: { ...spec, workloadRef: ref } },
        facts: { workload: { ...facts.workload, kind: own } },
      });
    };
    const history = async (own: string): Promise<number> => {
      const { risk } = await inTx(database.app, (tx) => evaluatePlan(tx, of(own), { ...at(NOON), now: later(2) }));
      return risk.factors.find(({ factor }) => factor === 'failureHistory')?.value ?? NaN;
    };
    const failing = of(kind);
    await inTx(database.app, (tx) => evaluatePlan(tx, failing, at(NOON)));
    await reported(failing, undone('gate'));
    await settled(1);
    for (const other of WORKLOAD_KINDS.filter((one) => one !== kind))
      expect(await history(kind)).toBeGreaterThan(await history(other));
  });
});

describe('learning', () => {
  let challenger = 0;
  const olga = at(NOON, person('olga', 'admin'));
  /** Migrations of large workloads fail, others do not; only the outcomes say so. */
  async function lived(count: number, from: number): Promise<void> {
    for (let index = from; index < from + count; index += 1) {
      const fails = index % 3 === 0;
      const { request } = await assessed(`life-${index}`, {
        author: `person-${index % 25}`,
        namespace: `life-${index % 25}`,
        facts: { requestsPerSecond: fails ? 4000 : 1, dependents: fails ? 60 : 0 },
      });
      await reported(request, fails ? undone('gate') : completedEvents);
    }
    await settled(48);
  }

  it('fits the same challenger from the same outcomes, once', async () => {
    await lived(60, 0);
    const [first, again] = await Promise.all([refit(database.app, later(49)), refit(database.app, later(49))]);
    expect([first, again].filter((model) => model !== null)).toHaveLength(1);
    challenger = (first ?? again)!;
    expect(await refit(database.app, later(50))).toBeNull();
    const { items, contest, champion } = await modelsAnswer(database.app);
    expect(champion).toBe(0);
    expect(contest).toMatchObject({ outcomes: 0 });
    const [learned, fixed] = items;
    expect(learned).toMatchObject({ id: challenger, kind: 'learned', parent: 0 });
    expect(learned!.weights[2]).toBeGreaterThan(fixed!.weights[2]!);
  });

  it('lets the challenger speak without deciding, and refuses to promote it too early', async () => {
    const { risk } = await assessed('with-challenger');
    expect(risk.modelVersion).toBe('0');
    const found = await findAssessment(database.app, risk.assessmentId);
    expect(found.challenger).toMatchObject({ model: challenger });
    const early = inTx(database.app, (tx) =>
      promote(tx, challenger, { reason: 'I like it better', champion: 0 }, olga),
    );
    await expect(early).rejects.toMatchObject({ kind: 'conflict' });
    const body = { reason: 'I like it better', champion: 0 };
    const path = `/v1/risk/models/${challenger}/promotion`;
    expect(await api.call('olga/admin', 'POST', path, { body })).toMatchObject({ status: 409 });
  });

  it('is promoted by a person once its evidence suffices, and the assessments say so', async () => {
    await lived(120, 60);
    await new RiskLearner(database.app, createLogger('test', 'silent')).learn(later(50));
    const { contest, challenger: newest } = await modelsAnswer(database.app);
    expect(contest?.obstacles).toEqual([]);
    expect(newest).toBeGreaterThan(challenger);
    const stale = promote(database.app.manager, challenger, { reason: 'an older one is fine too', champion: 0 }, olga);
    await expect(stale).rejects.toMatchObject({ message: expect.stringContaining('not the newest') as unknown });
    challenger = newest!;
    const path = `/v1/risk/models/${challenger}/promotion`;
    const body = { reason: 'the evidence suffices', champion: 0 };
    const call = (caller: string, over: object = {}) => api.call(caller, 'POST', path, { body: { ...body, ...over } });
    expect(await call('vera/viewer')).toMatchObject({ status: 403 });
    const robot = at(NOON, person('system:serviceaccount:argo:controller', 'admin'));
    await expect(inTx(database.app, (tx) => promote(tx, challenger, body, robot))).rejects.toMatchObject({
      kind: 'forbidden',
    });
    expect(await call('olga/admin', { champion: 7 })).toMatchObject({ status: 412 });
    const answers = await Promise.all([call('olga/admin'), call('paul/admin')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
    expect(modelsSchema.parse(answers.find(({ status }) => status === 200)?.body)).toMatchObject({
      champion: challenger,
      challenger: null,
    });
    const { risk } = await assessed('under-new-champion');
    expect(risk.modelVersion).toBe(String(challenger));
    const found = await findAssessment(database.app, risk.assessmentId);
    expect(found.replay.identical).toBe(true);
    expect(await one(`select count(*)::int as entries from audit_entry where action = 'risk.modelPromoted'`)).toEqual({
      entries: 2,
    });
  });

  it('takes a former champion back at any time', async () => {
    const body = { reason: 'something is odd with it', champion: challenger };
    const answer = await api.call('olga/admin', 'POST', '/v1/risk/models/0/promotion', { body });
    expect(answer).toMatchObject({ status: 200, body: { champion: 0 } });
    expect((await assessed('back-to-fixed')).risk.modelVersion).toBe('0');
  });
});

describe('fifteen plans that one author lets fail', () => {
  const namespace = 'crowded';
  const timingOf = async (author: string) => {
    const request = aRequest({ ...ownWorkload(`of-${author}`), namespace, author });
    const { risk } = await inTx(database.app, (tx) => evaluatePlan(tx, request, { ...at(NOON), now: later(1) }));
    return (await findAssessment(database.app, risk.assessmentId)).signals.timing;
  };
  const calibration = async () => (await api.call('vera/viewer', 'GET', '/v1/risk/calibration?model=0')).body;

  it('change the timing of others, and the figures of the calibration, by the share of one', async () => {
    const before = calibrationSchema.parse(await calibration());
    const told = 15;
    for (let index = 0; index < told; index += 1) {
      const { request } = await assessed(`fails-${index}`, { namespace, author: 'eve' });
      await reported(request, undone('gate'));
    }
    await settled(1);
    expect(await timingOf('ana')).toMatchObject({ changesLastDay: 3 });
    expect(await timingOf('eve')).toMatchObject({ changesLastDay: told });
    const after = calibrationSchema.parse(await calibration());
    const share = Math.floor(before.outcomes / 20);
    expect(after.outcomes - before.outcomes).toBeLessThanOrEqual(share + 1);
    expect(after.beyondShares - before.beyondShares).toBeGreaterThanOrEqual(told - share - 1);
  });

  it('are one observation of the traffic of an hour', async () => {
    const seen = async (hours: number) => {
      const request = aRequest({ ...ownWorkload('watched'), namespace, author: 'eve' });
      const { risk } = await inTx(database.app, (tx) => evaluatePlan(tx, request, { ...at(NOON), now: later(hours) }));
      return (await findAssessment(database.app, risk.assessmentId)).signals.timing.traffic;
    };
    for (let plan = 0; plan < 12; plan += 1) expect(await seen(0.1)).toBeNull();
    for (let hour = 1; hour < 10; hour += 1) expect(await seen(hour)).toBeNull();
    expect(await seen(10)).toBe(1);
  });
});

describe('over HTTP', () => {
  it('models, assessments and calibration are shown to viewers alone', async () => {
    const { risk } = await assessed('shown');
    const paths = [
      '/v1/risk/models',
      '/v1/risk/calibration',
      '/v1/risk/calibration?model=0',
      `/v1/risk/assessments/${risk.assessmentId}`,
    ];
    for (const path of paths) {
      expect(await api.call('vera/viewer', 'GET', path)).toMatchObject({ status: 200 });
      expect(await api.call('mallory/stranger', 'GET', path)).toMatchObject({ status: 403 });
    }
    const assessment = await api.call('vera/viewer', 'GET', paths[3]!);
    const told = assessmentSchema.parse(assessment.body);
    expect(told).toMatchObject({ replay: { identical: true } });
    const sum = told.factors.reduce((total, { contribution }) => total + contribution, told.usualLogOdds);
    expect(sum).toBeCloseTo(told.logOdds, 12);
    const { body } = await api.call('vera/viewer', 'GET', '/v1/risk/calibration');
    const calibration = calibrationSchema.parse(body);
    expect(calibration).toMatchObject({ model: 0, status: 'measured' });
    expect(calibration.measures?.brier).toBeGreaterThan(0);
    expect(calibration.excluded).toContainEqual({ reason: 'it was aborted by a user', count: 1 });
  });

  it('nonsense is a client error', async () => {
    const get = (path: string) => api.call('vera/viewer', 'GET', path);
    const statuses = [
      await get('/v1/risk/assessments/00000000-0000-0000-0000-000000000000'),
      await get('/v1/risk/assessments/..%2f'),
      await get('/v1/risk/assessments/not-a-uuid'),
      await get('/v1/risk/calibration?model=-1'),
      await get('/v1/risk/calibration?model=999'),
      await api.call('olga/admin', 'POST', '/v1/risk/models/999/promotion', {
        body: { reason: 'does not exist', champion: 0 },
      }),
      await api.call('olga/admin', 'POST', '/v1/risk/models/1/promotion', { body: { reason: 'short', champion: 0 } }),
    ];
    expect(statuses.map(({ status }) => status).every((status) => status >= 400 && status < 500)).toBe(true);
  });
});
