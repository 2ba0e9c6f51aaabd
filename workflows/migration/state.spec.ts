import type { WayShare } from '@scc/routing';
import { WAIT_REASONS, type MigrationEvent, type PlanStatus } from '@scc/plan';
import { initialState, recordEvent } from './state.js';
import { statusOf } from './status.js';

const at = '2026-11-24T00:00:00Z';

/** The status after these events, and the last of them as it is reported. */
function after(...events: MigrationEvent[]): { status: PlanStatus; last: MigrationEvent | undefined } {
  let state = initialState();
  let last: MigrationEvent | undefined;
  for (const event of events) {
    const next = recordEvent(state, event, at);
    state = next.state;
    last = next.recorded.event;
  }
  return { status: statusOf(state, { workflowId: 'w', runId: 'r' }), last };
}

const conditionOf = ({ status }: { status: PlanStatus }, type: string) =>
  status.conditions?.find((condition) => condition.type === type);

const undo: MigrationEvent = {
  type: 'UndoStarted',
  cause: 'gate',
  message: 'gate success-rate failed (1 sample, 0 tolerated): 78.783 is below 90',
};

it('what nothing has run under is changed, and not migrated', () => {
  const ended = after({ type: 'MigrationCompleted', traffic: null, notObserved: true });
  expect(ended.status.phase).toBe('Completed');
  expect(conditionOf(ended, 'Completed')).toMatchObject({ status: 'True', reason: 'NotObserved' });
  expect(conditionOf(ended, 'WorkloadMigrated')).toMatchObject({ status: 'False', reason: 'NotObserved' });
});

it('the pods of a DaemonSet are counted by their nodes, for each gets a new name', () => {
  const pod = (name: string, node: string, scc: string) => ({ name, uid: name, scc, node });
  const { status } = after(
    {
      type: 'FactsGathered',
      ...{ sourceSCC: 'anyuid', targetSCC: 'restricted-v2', services: [] },
      pods: ['node-1', 'node-2'].map((node) => pod(`old-${node}`, node, 'anyuid')),
    },
    { type: 'PlanValidated', patch: '', warnings: [], strategy: { type: 'PerNode', reason: 'its nodes' } },
    { type: 'PreparationStarted', strategy: 'PerNode' },
    {
      type: 'PodMoved',
      ...{ pod: pod('new', 'node-1', 'restricted-v2'), ordinal: 1, node: 'node-1', moved: 1, total: 2 },
    },
  );
  expect(status).toMatchObject({
    phase: 'Migrating',
    pods: { total: 2, migrated: 1, bySCC: { anyuid: 1, 'restricted-v2': 1 } },
    message: 'pod new on node-1 is ready under restricted-v2 (1 of 2 pods)',
  });
});

describe('the pods of a StatefulSet', () => {
  const pod = (ordinal: number, scc: string) => ({ name: `db-${ordinal}`, uid: `${ordinal}-${scc}`, scc, node: null });
  const strategy = { type: 'Ordered', reason: 'its volumes' } as const;
  const began: MigrationEvent[] = [
    {
      type: 'FactsGathered',
      sourceSCC: 'anyuid',
      targetSCC: 'restricted-v2',
      pods: [0, 1, 2].map((ordinal) => pod(ordinal, 'anyuid')),
      services: ['db'],
    },
    { type: 'PlanValidated', patch: '', warnings: [], strategy },
    { type: 'PreparationStarted', strategy: 'Ordered' },
  ];
  const moved = (ordinal: number, count: number): MigrationEvent => ({
    ...{ type: 'PodMoved', pod: pod(ordinal, 'restricted-v2'), ordinal, moved: count, total: 3 },
  });

  it('are counted as they move, and the phase is the one of a workload that is changed', () => {
    const { status } = after(...began, moved(2, 1), moved(1, 2));
    expect(status).toMatchObject({
      phase: 'Migrating',
      strategy,
      ordinals: { moved: 2, total: 3, last: 'db-1' },
      pods: { total: 3, migrated: 2, bySCC: { anyuid: 1, 'restricted-v2': 2 } },
    });
    expect(status.history?.map(({ phase }) => phase)).toEqual(['Pending', 'Migrating']);
  });

  it('count as they were once all is undone', () => {
    const { status } = after(...began, moved(2, 1), undo, { type: 'UndoFinished', differences: [] });
    expect(status.ordinals).toBeUndefined();
    expect(status.pods).toEqual({ total: 3, migrated: 0, bySCC: { anyuid: 3 } });
  });
});

describe('the ways in', () => {
  const facts: MigrationEvent = {
    type: 'FactsGathered',
    sourceSCC: 'anyuid',
    targetSCC: 'restricted-v2',
    pods: [],
    services: ['ledger'],
    ways: [
      { kind: 'VirtualService', name: 'ledger', dividedBy: 'Istio' },
      { kind: 'Ingress', name: 'front', dividedBy: 'Nothing' },
    ],
  };
  const shifted = (verifiedBy: 'proxies' | 'bound', shares?: WayShare[]): MigrationEvent => ({
    type: 'WeightShifted',
    step: 0,
    weights: { canary: 25, stable: 75 },
    verifiedBy,
    ...(shares ? { shares } : {}),
  });
  const real = { kind: 'VirtualService', name: 'ledger', share: 24.81 };
  const ingress = { kind: 'Ingress', name: 'front', dividedBy: 'Nothing', verifiedBy: 'NotObserved', share: 0 };
  const route = { kind: 'VirtualService', name: 'ledger', dividedBy: 'Istio' };

  it.each<[string, MigrationEvent[], object]>([
    ['before the first weight', [facts], { verifiedBy: 'NotObserved', share: 0 }],
    ['seen in the proxies', [facts, shifted('proxies')], { verifiedBy: 'Proxies', share: 25 }],
    ['written and waited for', [facts, shifted('bound')], { verifiedBy: 'Bound', share: 25 }],
    ['as the router rounds it', [facts, shifted('bound', [real])], { verifiedBy: 'Bound', share: 24.81 }],
    [
      'of the last weight alone',
      [facts, shifted('bound', [real]), shifted('proxies')],
      { verifiedBy: 'Proxies', share: 25 },
    ],
  ])('are in the status with their share: %s', (_case, events, expected) => {
    expect(after(...events).status.traffic).toEqual([{ ...route, ...expected }, ingress]);
  });

  it('are absent where an older worker gathered the facts', () => {
    const { ways: _ways, ...older } = facts;
    expect(after(older).status.traffic).toBeUndefined();
  });
});

describe('a gate that failed', () => {
  const sample = { gate: 'success-rate', verdict: 'fail', value: 78.783, detail: '78.783 is below 90', at } as const;
  const failed: MigrationEvent = { type: 'GateFailed', samples: [{ ...sample, failures: 1, tolerated: 0 }] };

  it('is in the status by its name, with the value that it saw, and in what is reported with its samples', () => {
    const told = after(failed);
    expect(told.status.message).toBe('gate success-rate failed (1 sample, 0 tolerated): 78.783 is below 90');
    expect(told.last).toEqual(failed);
  });
});

describe('a plan that was rolled back', () => {
  const told = after(
    undo,
    { type: 'UndoStepDone', step: 'canary' },
    { type: 'UndoStepFailed', step: 'grants', attempt: 1, message: 'forbidden' },
    { type: 'UndoStepDone', step: 'grants' },
    { type: 'UndoFinished', differences: [] },
  );
  const whole = /because gate success-rate failed .* 78\.783 is below 90; every touched object is as it was; next: ./;

  it('keeps its cause in message, condition and last event', () => {
    expect(told.status).toMatchObject({ phase: 'RolledBack', message: expect.stringMatching(whole) as string });
    expect(conditionOf(told, 'RolledBack')).toMatchObject({
      status: 'True',
      reason: 'Restored',
      message: expect.stringMatching(whole) as string,
    });
    expect(told.last).toMatchObject({ because: { cause: 'gate' } });
  });

  it('says while its undo fails why it is undone', () => {
    const failing = after(undo, { type: 'UndoStepFailed', step: 'grants', attempt: 1, message: 'forbidden' });
    expect(failing.status).toMatchObject({
      phase: 'Failed',
      message: expect.stringMatching(
        /because gate success-rate .* undoing grants failed .* forbidden; next: /,
      ) as string,
    });
    expect(conditionOf(failing, 'RolledBack')).toMatchObject({ status: 'False', reason: 'UndoFailed' });
  });
});

it('a rejected plan says where, why and what to do', () => {
  const violation = {
    code: 'NoSuchSCC',
    field: 'spec.targetSCC',
    message: 'there is no SCC x',
    remedy: 'Name another.',
  };
  const told = after({ type: 'PlanRejected', violations: [violation] });
  const whole =
    'rejected with 1 violation, nothing was touched: spec.targetSCC: there is no SCC x. Remedy: Name another.';
  expect(told.status).toMatchObject({ phase: 'Rejected', message: whole, violations: [violation] });
  expect(conditionOf(told, 'Rejected')).toMatchObject({ reason: 'NoSuchSCC', message: whole });
});

describe('what a migration waits for', () => {
  it.each([
    ['Approval', 'Approved', 'False'],
    ['Window', 'WindowOpen', 'False'],
    ['OtherPlan', 'WorkloadFree', 'False'],
    ['Rights', 'RightsHeld', 'False'],
    ['Stopped', 'Stopped', 'True'],
    ['Reapproval', 'Approved', 'False'],
    ['Paused', 'Paused', 'True'],
    ['Suspended', 'Paused', 'True'],
    ['AfterFailure', 'Paused', 'True'],
    ['Governance', 'GovernanceReachable', 'False'],
    ['Retry', 'Progressing', 'False'],
  ] as const)('is a condition of its own: %s shows %s=%s', (reason, type, status) => {
    const waiting = after({ type: 'WaitStarted', reason, message: 'because' });
    expect(waiting.status.conditions).toEqual([
      expect.objectContaining({ type, status, message: 'because' }) as unknown,
    ]);
    expect(waiting.status.message).toBe('because');
  });

  it.each(WAIT_REASONS.filter((reason) => reason !== 'Approval'))('is over when it ends: %s', (reason) => {
    const during = after({ type: 'WaitStarted', reason, message: 'because' });
    const ended = after({ type: 'WaitStarted', reason, message: 'because' }, { type: 'WaitEnded', reason });
    const [before] = during.status.conditions ?? [];
    expect(conditionOf(ended, before?.type ?? '')?.status).toBe(before?.status === 'True' ? 'False' : 'True');
  });
});

describe('the own pods of a workload before they are rolled', () => {
  it.each([
    [true, 'counters', 'True', 'CountersStand'],
    [true, 'proxies', 'True', 'ProxiesLeadAway'],
    [true, 'bound', 'True', 'RoutesLeadAway'],
    [false, 'counters', 'False', 'StillCalled'],
  ] as const)('have a condition that says what it rests on: %s by %s', (isSilent, restsOn, status, reason) => {
    const message = 'what was seen';
    const seen = after({ type: 'StableSideSeen', isSilent, restsOn, message });
    expect(conditionOf(seen, 'StableSilent')).toMatchObject({ status, reason, message });
    expect(seen.status.message).not.toBe(message);
  });
});

describe('the warnings of a validation', () => {
  it('are in the status until the next validation', () => {
    const told = after({ type: 'PlanValidated', patch: '', warnings: ['quiet: few requests'] });
    expect(told.status.warnings).toEqual(['quiet: few requests']);
    expect(after({ type: 'PlanValidated', patch: '', warnings: [] }).status).not.toHaveProperty('warnings');
  });
});

describe('the rights that a plan uses', () => {
  it('are in its status, each with who holds it', () => {
    const rights = [{ right: 'update deployments.apps/ledger in shop', heldBy: ['ana'] }];
    const told = after({ type: 'PlanValidated', patch: '', warnings: [], rights });
    expect(told.status.rights).toEqual(rights);
    expect(after({ type: 'PlanValidated', patch: '', warnings: [] }).status).not.toHaveProperty('rights');
  });
});
