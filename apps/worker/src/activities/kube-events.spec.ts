import { PLAN_TYPE, sentenceOf, type MigrationEvent } from '@scc/plan';
import { kubeEventsOf } from './kube-events.js';

const plan = { namespace: 'shop', name: 'ledger', uid: 'u1' };
const workload = { kind: 'Deployment' as const, name: 'ledger', uid: 'w1' };
const sample = { gate: 'success-rate', verdict: 'fail', value: 78.783, detail: '78.783 is below 90', at: '' } as const;
const gateFailed: MigrationEvent = { type: 'GateFailed', samples: [{ ...sample, failures: 1, tolerated: 0 }] };
const undone: MigrationEvent = { type: 'UndoStarted', cause: 'gate', message: 'gate success-rate failed' };

describe('the Kubernetes Events of a migration', () => {
  it('warn of a gate that failed, by its name and the value it saw', () => {
    expect(kubeEventsOf({ plan, workload }, [gateFailed])).toEqual([
      {
        regarding: { ...PLAN_TYPE, ...plan },
        type: 'Warning',
        reason: 'GateFailed',
        message: 'gate success-rate failed (1 sample, 0 tolerated): 78.783 is below 90',
        action: 'Migrate',
      },
    ]);
  });

  it('are also on the workload where they are about it, with the name of the plan', () => {
    const message = sentenceOf(undone);
    expect(kubeEventsOf({ plan, workload }, [undone])).toMatchObject([
      { regarding: { kind: PLAN_TYPE.kind, uid: 'u1' }, message },
      { regarding: { kind: 'Deployment', uid: 'w1', namespace: 'shop' }, message: `plan ledger: ${message}` },
    ]);
    expect(kubeEventsOf({ plan, workload: null }, [undone])).toHaveLength(1);
  });

  it.each([
    [true, 'Normal'],
    [false, 'Warning'],
  ])('warn of a workload whose own pods are still called (silent: %s)', (isSilent, type) => {
    const seen: MigrationEvent = { type: 'StableSideSeen', isSilent, restsOn: 'counters', message: '3 requests' };
    expect(kubeEventsOf({ plan, workload: null }, [seen])).toMatchObject([{ type, message: '3 requests' }]);
  });

  it('leave out what is a detail', () => {
    expect(kubeEventsOf({ plan, workload }, [{ type: 'WaitEnded', reason: 'Window' }])).toEqual([]);
  });

  it('are short enough for the API server', () => {
    const long: MigrationEvent = { ...undone, message: 'x'.repeat(5000) };
    const lengths = kubeEventsOf({ plan, workload }, [long]).map(({ message }) => message.length);
    expect(lengths).toEqual([1000, 1000]);
  });
});

const subjects = { plan: { namespace: 'shop', name: 'ledger', uid: 'u-1' }, workload: null };
const validated = (verdicts?: Extract<MigrationEvent, { type: 'PlanValidated' }>['verdicts']): MigrationEvent => ({
  ...{ type: 'PlanValidated', patch: '', warnings: [] },
  ...(verdicts ? { verdicts } : {}),
});
const verdict = { policy: 'no-anyuid', would: 'deny', message: 'anyuid is not a target' } as const;

describe('a validated plan', () => {
  it('is no event of its own', () => {
    expect(kubeEventsOf(subjects, [validated()])).toEqual([]);
  });

  it.each([
    ['warn', 'PolicyWarned', 'Warning', 'its binding only warns'],
    ['audit', 'PolicyAudited', 'Normal', 'its binding only audits'],
    ['exception', 'PolicyLifted', 'Warning', 'an exception is in force'],
  ] as const)('tells what a policy said without effect because of %s', (because, reason, type, why) => {
    expect(kubeEventsOf(subjects, [validated([{ ...verdict, because }])])).toMatchObject([
      {
        regarding: { kind: 'SCCMigrationPlan', name: 'ledger' },
        ...{ type, reason },
        message: `policy no-anyuid would have refused the plan, but ${why}: anyuid is not a target`,
      },
    ]);
  });
});
