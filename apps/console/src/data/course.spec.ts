import { describe, expect, it } from '@jest/globals';
import { planSpecSchema, type Strategy } from '@scc/plan';
import { courseWords } from './course.js';

const wordsOf = (spec: object, services = ['ledger'], strategy: Strategy | null = null) => {
  const plan = planSpecSchema.parse({ workloadRef: { kind: 'Deployment', name: 'x' }, targetSCC: 'y', ...spec });
  const { traffic, gates, rollback, schedule } = plan;
  const view = {
    ...{ traffic, gates, rollback, grants: ['sa may use restricted-v2'] },
    workload: { kind: 'Deployment', name: 'x', replicas: 1, services },
    window: {
      ...{ notBefore: null, windows: schedule.windows, expectedDurationSeconds: 601 },
      ...{ mayStartAt: null, reason: '' },
    },
  };
  return Object.fromEntries(courseWords(view, strategy).map(({ title, lines }) => [title, lines]));
};

describe('what is approved', () => {
  it('stands there with its grants, traffic, gates, undo and window', () => {
    expect(
      wordsOf({
        traffic: { mirror: { percentage: 10 }, weights: [5, 100], interval: '2m' },
        gates: {
          metrics: [
            { name: 'slow', preset: 'request-duration-p99', max: 120, relativeTo: 'stable', dryRun: true },
            { name: 'queue', query: 'sum(q)', min: 1, max: 9 },
          ],
          webhooks: [{ name: 'desk', url: 'https://desk.example', at: 'BeforeShift' }],
        },
        schedule: { windows: [{ days: ['Mon'], from: '20:00', to: '22:00' }] },
        rollback: { onFailure: 'Pause' },
      }),
    ).toEqual({
      Grants: ['sa may use restricted-v2'],
      Traffic: [
        expect.stringMatching(/^first copies of 10 % of the GET, HEAD and OPTIONS requests for /),
        'then 5 %, 100 % of the requests, each for 2m',
      ],
      Gates: [
        'all pods ready within 5m',
        'slow: request-duration-p99 at most 120 % of the other side; asked each 15s, 2 failures tolerated, no data: Wait; it ends nothing (dryRun)',
        'queue: sum(q) at least 1 and at most 9; asked each 15s, 2 failures tolerated, no data: Wait',
        'desk: https://desk.example agrees, BeforeShift',
      ],
      'When a gate fails': ['it stands still until an operator decides'],
      Window: ['Mon from 20:00 to 22:00 (UTC)', 'it takes about 11 min'],
    });
  });

  it('promises no weights where no canary has one', () => {
    expect(wordsOf({}, ['ledger'], 'Canary')).toHaveProperty('Traffic');
    expect(wordsOf({}, ['ledger'], 'Rolling')).not.toHaveProperty('Traffic');
  });

  it('says nothing of traffic where no Service leads to the workload', () => {
    expect(Object.keys(wordsOf({}, []))).not.toContain('Traffic');
  });
});
