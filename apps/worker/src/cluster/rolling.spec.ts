import type { KubeObject } from '@scc/kube';
import { paceDrift, paceOf, pacesOf, standOfRolling } from './rolling.js';
import type { WorkloadPod } from './workload-pods.js';

const aDeployment = ({ spec, status }: { spec?: object; status?: object } = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', uid: 'd', generation: 2 },
  spec: {
    ...{ replicas: 3, selector: { matchLabels: { app: 'web' } }, template: { metadata: {}, spec: {} } },
    ...{ strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } } },
    ...{ progressDeadlineSeconds: 600 },
    ...spec,
  },
  status: {
    ...{ observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 },
    ...status,
  },
});
const aPod = (at: number, over: Partial<WorkloadPod> = {}): WorkloadPod => ({
  ...{ name: `web-${at}`, uid: `p${at}`, scc: 'anyuid', node: 'node-1', ready: true, trouble: null },
  ...{ leaving: false, isCurrent: false, createdAt: `2026-11-29T10:00:0${at}Z` },
  ...over,
});
const moved = (at: number, over: Partial<WorkloadPod> = {}): WorkloadPod =>
  aPod(at, { isCurrent: true, scc: 'restricted-v2', ...over });
const ONE = { minReadySeconds: 2_147_483_646, progressDeadlineSeconds: 2_147_483_647 };

describe('pacesOf', () => {
  it('starts a further pod where it can mount what the others have', () => {
    expect(pacesOf(aDeployment(), [{ accessModes: ['ReadWriteMany'] }])).toEqual({
      own: paceOf(aDeployment()),
      held: { ...ONE, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } },
    });
  });
  it('replaces one of them where it cannot', () => {
    expect(pacesOf(aDeployment(), [{ accessModes: ['ReadWriteOnce'] }]).held).toEqual({
      ...ONE,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
    });
  });
  it('leaves Recreate as it is', () => {
    const { own, held } = pacesOf(aDeployment({ spec: { strategy: { type: 'Recreate' } } }), []);
    expect(held).toEqual(own);
  });
});

describe('paceDrift', () => {
  const { own, held } = pacesOf(aDeployment(), []);
  it.each<[string, object, object[], string | null]>([
    ['nothing', {}, [held, own], null],
    ['who paused it', { paused: true }, [own], 'another client paused Deployment web during the migration'],
    [
      'who let the other pods move',
      {},
      [held],
      'another client changed spec.strategy, spec.minReadySeconds, spec.progressDeadlineSeconds of Deployment web during the migration',
    ],
    [
      'who changed one field',
      { minReadySeconds: 9 },
      [own],
      'another client changed spec.minReadySeconds of Deployment web during the migration',
    ],
  ])('tells %s', (_case, spec, expected, message) => {
    expect(paceDrift(aDeployment({ spec }), expected as Record<string, unknown>[])).toBe(message);
  });
});

describe('standOfRolling', () => {
  const first = { wanted: 1, all: false, targetSCC: 'restricted-v2' };
  const last = { wanted: 3, all: true, targetSCC: 'restricted-v2' };
  const half = { status: { replicas: 4, updatedReplicas: 1 } };
  it.each<[string, KubeObject, WorkloadPod[], typeof first, object]>([
    ['has the first pod', aDeployment(half), [aPod(1), aPod(2), aPod(3), moved(4)], first, { state: 'moved' }],
    [
      'waits for it',
      aDeployment(half),
      [aPod(1), moved(4, { ready: false, trouble: 'CrashLoopBackOff' })],
      first,
      { state: 'waiting', message: 'pod web-4 is not ready (CrashLoopBackOff)' },
    ],
    [
      'is wrong under another SCC',
      aDeployment(half),
      [moved(4, { scc: 'anyuid' })],
      first,
      { state: 'wrong', message: 'pod web-4 runs under anyuid instead of restricted-v2' },
    ],
    [
      'waits for the controller',
      aDeployment({ status: { observedGeneration: 1 } }),
      [moved(1)],
      first,
      { state: 'waiting', message: 'the controller has not seen the change yet' },
    ],
    ['has all pods', aDeployment(), [moved(1), moved(2), moved(3)], last, { state: 'moved' }],
    [
      'waits for the last old one to go',
      aDeployment({ status: { replicas: 4 } }),
      [moved(1), moved(2), moved(3), aPod(4)],
      last,
      { state: 'waiting', message: '1 old pods are still there' },
    ],
    [
      'has none to wait for once it is scaled to zero',
      aDeployment({ spec: { replicas: 0 } }),
      [],
      first,
      { state: 'moved' },
    ],
  ])('%s', (...[, object, pods, wanted, expected]) => {
    expect(standOfRolling(object, pods, wanted)).toMatchObject(expected);
  });
});
