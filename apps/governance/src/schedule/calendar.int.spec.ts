import { describe, expect, it } from '@jest/globals';
import { authorizeStep } from '../engine/authorize.js';
import { evaluatePlan } from '../engine/evaluate.js';
import { aRequest, at, holdsAnyRole, inTx, NOON, ownWorkload, person } from '../governance.fixture.js';
import { governanceSuite } from '../suite.fixture.js';
import { calendarEntrySchema, listCalendar, removeCalendarEntry, saveCalendarEntry } from './store.js';

const database = governanceSuite();

const admin = at(NOON, person('olga', 'admin'));
const SATURDAY = '2026-03-14T12:00:00.000Z';
const production = { facts: { namespaceLabels: { environment: 'production' } } };
const evaluated = async (name: string, over: Parameters<typeof aRequest>[0] = {}, now = NOON) => {
  const workload = ownWorkload(name);
  const request = aRequest({
    ...workload,
    ...over,
    facts: { ...workload.facts, ...over.facts },
    spec: { ...workload.spec, ...over.spec },
  });
  const answer = await inTx(database.app, (tx) => evaluatePlan(tx, request, at(now)));
  return {
    answer,
    step: (step: 'Prepare' | 'Shift' | 'Finish' | 'Undo', when: string) =>
      inTx(database.app, (tx) =>
        authorizeStep(
          tx,
          request.plan.uid,
          { step, contentHash: answer.contentHash, detail: '' },
          { ...at(when), holds: holdsAnyRole },
        ),
      ),
  };
};

describe('the default freeze', () => {
  it('holds production at the weekend, lets it clean up and undo, and holds nothing else', async () => {
    const { answer, step } = await evaluated('frozen', production, SATURDAY);
    expect(answer).toMatchObject({ verdict: 'wait', waitUntil: '2026-03-16T06:00:00.000Z' });
    expect(await step('Shift', SATURDAY)).toMatchObject({ allowed: false, retryAt: '2026-03-16T06:00:00.000Z' });
    expect(await step('Finish', SATURDAY)).toMatchObject({ allowed: true });
    expect(await step('Undo', SATURDAY)).toMatchObject({ allowed: true });
    expect(await step('Shift', NOON)).toMatchObject({ allowed: true });
    expect((await evaluated('free', {}, SATURDAY)).answer.verdict).toBe('allow');
  });
});

describe('a window', () => {
  it('must be open for as long as the migration takes', async () => {
    const entry = calendarEntrySchema.parse({
      name: 'nightly',
      kind: 'window',
      reason: 'agreed with the shop',
      namespaces: ['windowed'],
      timeZone: 'America/New_York',
      recurrence: {
        type: 'weekly',
        ranges: [{ days: ['Mon', 'Tue', 'Wed', 'Thu', 'Fri'], from: '22:00', to: '02:00' }],
      },
    });
    await inTx(database.app, (tx) => saveCalendarEntry(tx, entry, 0, admin));
    const { answer, step } = await evaluated('night', { namespace: 'windowed', expectedDurationSeconds: 3600 });
    expect(answer).toMatchObject({ verdict: 'wait', waitUntil: '2026-03-11T02:00:00.000Z' });
    expect(await step('Prepare', '2026-03-11T05:30:00.000Z')).toMatchObject({
      allowed: false,
      retryAt: '2026-03-12T02:00:00.000Z',
      waitsFor: 'Window',
    });
    expect(await step('Prepare', '2026-03-11T02:00:00.000Z')).toMatchObject({ allowed: true });
    const tooLong = await evaluated('long', { namespace: 'windowed', expectedDurationSeconds: 5 * 3600 });
    expect(tooLong.answer).toMatchObject({ verdict: 'deny', violations: [{ code: 'NoWindow' }] });
  });

  it('of the plan counts as well, and an unknown zone is a violation', async () => {
    const schedule = { windows: [{ days: ['Wed'], from: '00:00', to: '06:00', timeZone: 'Europe/Vienna' }] };
    expect((await evaluated('own', { spec: { schedule } })).answer.waitUntil).toBe('2026-03-10T23:00:00.000Z');
    const nowhere = { windows: [{ from: '00:00', to: '06:00', timeZone: 'Middle/Earth' }] };
    expect((await evaluated('nowhere', { spec: { schedule: nowhere } })).answer).toMatchObject({ verdict: 'deny' });
  });
});

describe('saveCalendarEntry', () => {
  it('loses no update', async () => {
    const entry = calendarEntrySchema.parse({
      name: 'release',
      kind: 'freeze',
      reason: 'release week',
      namespaces: ['nowhere'],
      timeZone: 'UTC',
      recurrence: { type: 'once', from: '2026-12-20T00:00', to: '2026-12-27T00:00' },
    });
    const saves = await Promise.allSettled(
      Array.from({ length: 10 }, () => inTx(database.app, (tx) => saveCalendarEntry(tx, entry, 0, admin))),
    );
    expect(saves.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await expect(inTx(database.app, (tx) => removeCalendarEntry(tx, 'release', 7, admin))).rejects.toMatchObject({
      kind: 'stale',
    });
    await inTx(database.app, (tx) => removeCalendarEntry(tx, 'release', 1, admin));
  });

  it.each([
    ['a zone that does not exist', { timeZone: 'Middle/Earth' }],
    ['an end before the beginning', { recurrence: { type: 'once', from: '2026-12-20T00:00', to: '2026-12-19T00:00' } }],
    ['a date that does not exist', { recurrence: { type: 'once', from: '2026-02-30T00:00', to: '2026-12-19T00:00' } }],
  ])('takes no %s', (_case, over) => {
    const entry = {
      name: 'a',
      kind: 'freeze',
      reason: 'r',
      timeZone: 'UTC',
      recurrence: { type: 'once', from: '2026-12-20T00:00', to: '2026-12-27T00:00' },
    };
    expect(calendarEntrySchema.safeParse({ ...entry, ...over }).success).toBe(false);
  });
});

describe('a recurrence that the code does not know', () => {
  it('is an error when it is read', async () => {
    const runner = database.admin.createQueryRunner();
    await runner.startTransaction();
    try {
      await runner.query(
        `insert into calendar_entry (name, kind, reason, namespaces, time_zone, recurrence, changed_by)
         values ('strange', 'freeze', 'made by hand', '{*}', 'UTC', '{"type": "monthly"}', 'spec')`,
      );
      await expect(listCalendar(runner.manager)).rejects.toThrow('No matching discriminator');
    } finally {
      await runner.rollbackTransaction();
      await runner.release();
    }
  });
});
