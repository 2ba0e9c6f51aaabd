import type { BothSides, MigrationEvent, RecordedEvent } from '@scc/plan';

const pod = (name: string, scc: string) => ({ name, uid: name, scc, node: 'node-1' });
const NOON_MS = Date.parse('2026-03-10T12:00:00.000Z');
const PER_SECOND = 320;

/** What both sides met at a weight: more on the canary, about as fast. */
const sidesAt = (weight: number, wobble: number): BothSides => ({
  canary: { perSecond: (PER_SECOND * weight) / 100, successRate: 99.97, p99Ms: 9 + wobble },
  stable:
    weight === 100
      ? { perSecond: 0, successRate: null, p99Ms: null }
      : { perSecond: (PER_SECOND * (100 - weight)) / 100, successRate: 99.98, p99Ms: 8 + wobble / 2 },
});

/** The events of a migration in five weights that completes, one minute apart. @param assessmentId of its risk */
export function courseOf(assessmentId: string): [RecordedEvent['phase'], MigrationEvent][] {
  const [before, canary, after] = [
    pod('ledger-1', 'anyuid'),
    pod('canary-1', 'restricted-v2'),
    pod('ledger-2', 'restricted-v2'),
  ];
  const shifts = [5, 25, 50, 75, 100].flatMap((weight, step): [RecordedEvent['phase'], MigrationEvent][] => {
    const at = new Date(NOON_MS + (6 + 2 * step) * 60_000).toISOString();
    const sample = (gate: string, value: number, detail: string) => ({
      gate,
      verdict: 'pass' as const,
      value,
      detail,
      at,
    });
    const gates = [
      { ...sample('success-rate', 99.97, '99.97 is within bounds'), sides: sidesAt(weight, step % 2) },
      sample('queue-length', 3 + step, `${3 + step} is within bounds`),
    ];
    return [
      [
        'TrafficShifting',
        { type: 'WeightShifted', step, weights: { canary: weight, stable: 100 - weight }, verifiedBy: 'proxies' },
      ],
      ['TrafficShifting', { type: 'GatePassed', samples: gates }],
    ];
  });
  return [
    ['Validating', { type: 'PlanAccepted', generation: 1, author: 'ana' }],
    [
      'Validating',
      { type: 'FactsGathered', sourceSCC: 'anyuid', targetSCC: 'restricted-v2', pods: [before], services: ['ledger'] },
    ],
    ['Validating', { type: 'RiskScored', assessmentId, band: 'low', changeRisk: 0.1, exposure: 0 }],
    ['Mirroring', { type: 'TargetGranted', binding: 'scc-ledger', created: true }],
    ['Mirroring', { type: 'CanaryReady', canary: 'ledger-canary', pods: [canary] }],
    ...shifts,
    ['Migrating', { type: 'WorkloadMigrated', pods: [after] }],
    ['Migrating', { type: 'TrafficReturned' }],
    ['Completed', { type: 'MigrationCompleted', traffic: { requests: 249974, failed: 0, p50Ms: 2, p99Ms: 9 } }],
  ];
}
