import { describe, expect, it } from '@jest/globals';
import { listText } from './list.js';
import { eventLine } from './logs.js';
import { ageOf } from './output.js';
import type { FoundPlan } from './plan/find.js';

const NOW = new Date('2026-03-01T12:00:00Z');
const plan = (status: FoundPlan['status']): FoundPlan => ({
  ref: { namespace: 'shop', name: 'ledger', uid: 'u' },
  workload: 'Deployment ledger',
  targetSCC: 'restricted-v2',
  isDryRun: false,
  status,
  createdAt: '2026-03-01T11:30:00Z',
});

describe('the list of plans', () => {
  it('says where each is', () => {
    const text = listText([plan({ phase: 'TrafficShifting', weight: 25, sourceSCC: 'anyuid' })], NOW, false);
    expect(text.split('\n').map((line) => line.split(/ {3,}/))).toEqual([
      ['NAMESPACE', 'NAME', 'WORKLOAD', 'PHASE', 'WEIGHT', 'FROM', 'TO', 'AGE'],
      ['shop', 'ledger', 'Deployment/ledger', 'TrafficShifting', '25 %', 'anyuid', 'restricted-v2', '30m'],
    ]);
  });

  it('says more when it is asked for', () => {
    const status = {
      strategy: { type: 'Rolling' as const, reason: 'of a test' },
      weight: 0,
      pods: { total: 3, migrated: 1, bySCC: {} },
      risk: { band: 'low' as const, changeRisk: 0.1, exposure: 0.2 },
      message: 'one\ntwo',
    };
    expect(listText([plan(status)], NOW, true)).toMatch(/Pending +- .* 30m +Rolling +1\/3 +low +one$/);
  });
});

it.each([
  ['2026-03-01T11:59:58Z', '2s'],
  ['2026-03-01T11:58:00Z', '2m'],
  ['2026-03-01T08:59:00Z', '3h'],
  ['2026-02-20T12:00:00Z', '9d'],
  ['2026-03-01T12:00:05Z', '0s'],
  [undefined, '-'],
])('the age of %s is %s', (time, age) => {
  expect(ageOf(time, NOW)).toBe(age);
});

it('keeps an event on one line', () => {
  const event = { key: 'k', at: '2026-03-01T12:00:00Z', phase: 'Migrating', type: 'PodMoved', message: 'a\nb' };
  expect(eventLine(event)).toMatch(/^2026-03-01T12:00:00Z {2}Migrating {8}PodMoved {18}a b$/);
});
