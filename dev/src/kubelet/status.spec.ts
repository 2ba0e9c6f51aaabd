import { aPod } from './pod.fixture.js';
import { isOverwritten, phaseOf, podStatusOf, type PodCondition, type ContainerView, type PodView } from './status.js';

const RUNNING = { running: { startedAt: 't0' } };
const container = (over: Partial<ContainerView> = {}): ContainerView => ({
  ...{ name: 'app', image: 'scc.poc/healthy:1', state: RUNNING, ready: true, started: true, restartCount: 0 },
  ...over,
});
const view = (containers: ContainerView[], conditions: readonly PodCondition[] = []): PodView => ({
  ...{ ip: '10.244.1.2', hostIp: '10.244.1.1', startTime: 't0' },
  ...{ containers, initContainers: [], conditions },
});
const ended = (exitCode: number): Partial<ContainerView> => ({
  state: { terminated: { exitCode, reason: 'x', startedAt: 't0', finishedAt: 't1' } },
  ready: false,
});
const conditionOf = (conditions: readonly PodCondition[], wanted: string): PodCondition | undefined =>
  conditions.find(({ type }) => type === wanted);

describe('phaseOf', () => {
  it.each<[string, object, Partial<ContainerView>, string]>([
    ['a container runs', {}, {}, 'Running'],
    ['none ran yet', {}, { state: { waiting: { reason: 'ContainerCreating' } } }, 'Pending'],
    [
      'it waits to start again',
      {},
      { state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: RUNNING },
      'Running',
    ],
    ['it ended well for good', { restartPolicy: 'Never' }, ended(0), 'Succeeded'],
    ['it ended badly for good', { restartPolicy: 'Never' }, ended(1), 'Failed'],
    ['it ended and will start again', {}, ended(1), 'Running'],
  ])('%s', (_case, spec, over, phase) => {
    expect(phaseOf(aPod(spec).pod, [container(over)])).toBe(phase);
  });
});

describe('statusOf', () => {
  it('is ready when every container is', () => {
    const { conditions } = podStatusOf(aPod().pod, view([container()]), 't1');
    expect(conditions.map(({ type, status }) => `${type}=${status}`)).toEqual([
      'PodReadyToStartContainers=True',
      'Initialized=True',
      'ContainersReady=True',
      'Ready=True',
    ]);
  });

  it('names the containers that are not ready', () => {
    const { conditions } = podStatusOf(aPod().pod, view([container({ ready: false })]), 't1');
    expect(conditionOf(conditions, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [app]',
    });
  });

  it('keeps the time of a condition that did not change, and moves that of one that did', () => {
    const { pod } = aPod();
    const first = podStatusOf(pod, view([container({ ready: false })]), 't1');
    const second = podStatusOf(pod, view([container()], first.conditions), 't2');
    expect(conditionOf(second.conditions, 'Initialized')?.lastTransitionTime).toBe('t1');
    expect(conditionOf(second.conditions, 'Ready')?.lastTransitionTime).toBe('t2');
  });

  it('waits for readiness gates', () => {
    const { pod } = aPod({ readinessGates: [{ conditionType: 'scc.poc/checked' }] });
    const { conditions } = podStatusOf(pod, view([container()]), 't1');
    expect(conditionOf(conditions, 'ContainersReady')?.status).toBe('True');
    expect(conditionOf(conditions, 'Ready')).toMatchObject({ status: 'False', reason: 'ReadinessGatesNotReady' });
  });
});

describe('isOverwritten', () => {
  const seen = (status: string) => ({ ...aPod().pod, status: { conditions: [{ type: 'Ready', status }] } }) as never;
  const { conditions } = podStatusOf(aPod().pod, view([container()]), 't1');

  it('is true once somebody else says otherwise of a condition', () => {
    expect(isOverwritten(seen('False'), conditions)).toBe(true);
  });

  it('is false for what was written, and before anything was', () => {
    expect(isOverwritten(seen('True'), conditions)).toBe(false);
    expect(isOverwritten(seen('False'), [])).toBe(false);
  });
});
