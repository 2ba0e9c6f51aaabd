import type { KubeObject } from '@scc/kube';
import {
  daemonRolloutOf,
  deletionDrift,
  isBackButOne,
  newestOf,
  nextToMove,
  nodePods,
  returnOnNodes,
  standOnNodes,
} from './daemons.js';
import type { WorkloadPod } from './workload-pods.js';

const aDaemonSet = ({ spec, status }: { spec?: object; status?: object } = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'agent', uid: 'set', generation: 2 },
  spec: { updateStrategy: { type: 'OnDelete' }, ...spec },
  status: {
    ...{ observedGeneration: 2, desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 3 },
    ...status,
  },
});
const rolling = { spec: { updateStrategy: { type: 'RollingUpdate' } } };
const unseen = { status: { observedGeneration: 1 } };
const aPod = (at: number, over: Partial<WorkloadPod> = {}): WorkloadPod => ({
  ...{ name: `agent-${at}`, uid: `p${at}`, scc: 'anyuid', node: `node-${at}`, ready: true, trouble: null },
  ...{ leaving: false, isCurrent: false, createdAt: '2026-11-29T10:00:00Z' },
  ...over,
});
const moved = (at: number, over: Partial<WorkloadPod> = {}): WorkloadPod =>
  aPod(at, { isCurrent: true, scc: 'restricted-v2', createdAt: `2026-11-29T11:00:0${at}Z`, ...over });
const waiting = (message: string) => ({ state: 'waiting', message });

type Case<Expected> = [name: string, object: KubeObject, pods: WorkloadPod[], left: number, expected: Expected];

describe('nextToMove', () => {
  it.each<Case<object | null>>([
    ['is the pod of the first node', aDaemonSet(), [aPod(1), aPod(2), aPod(3)], 2, { pod: { name: 'agent-1' } }],
    ['is none once few enough are left', aDaemonSet(), [moved(1), aPod(2), aPod(3)], 2, null],
    ['is none where a node has gone', aDaemonSet(), [aPod(2), aPod(3)], 2, null],
    [
      'is a broken one first',
      aDaemonSet(),
      [aPod(1), aPod(2, { ready: false }), aPod(3)],
      2,
      { pod: { name: 'agent-2' } },
    ],
    [
      'waits while a node that came meanwhile has no ready pod',
      aDaemonSet(),
      [moved(1), aPod(2), aPod(3), moved(4, { ready: false, trouble: 'ErrImagePull' })],
      1,
      { waiting: 'pod agent-4 on node-4 is not ready (ErrImagePull)' },
    ],
    [
      'waits while a node has none',
      aDaemonSet(),
      [moved(1, { leaving: true }), aPod(2), aPod(3)],
      1,
      { waiting: '2 of 3 nodes have a pod' },
    ],
    [
      'waits for the controller',
      aDaemonSet(unseen),
      [aPod(1)],
      0,
      { waiting: 'the controller has not seen the change yet' },
    ],
  ])('%s', (...[, object, pods, left, expected]) => {
    const next = nextToMove(object, pods, left);
    if (expected === null) expect(next).toBeNull();
    else expect(next).toMatchObject(expected);
  });
});

describe('standOnNodes', () => {
  it.each<Case<object>>([
    ['is moved when few enough are left', aDaemonSet(), [moved(1), aPod(2), aPod(3)], 2, { state: 'moved' }],
    [
      'counts a node that went as moved',
      aDaemonSet({ status: { desiredNumberScheduled: 1 } }),
      [aPod(3)],
      1,
      { state: 'moved' },
    ],
    [
      'waits until a pod has been ready for as long as its user wants',
      aDaemonSet({ spec: { minReadySeconds: 30 }, status: { numberAvailable: 2 } }),
      [moved(1), aPod(2), aPod(3)],
      2,
      waiting('2 of 3 pods are available (minReadySeconds: 30)'),
    ],
    [
      'goes on once it has been',
      aDaemonSet({ spec: { minReadySeconds: 30 } }),
      [moved(1), aPod(2), aPod(3)],
      2,
      { state: 'moved' },
    ],
    [
      'waits while the old pod stands',
      aDaemonSet(),
      [aPod(1), aPod(2), aPod(3)],
      2,
      waiting('pod agent-1 still has the old template'),
    ],
    [
      'waits while the new one is away',
      aDaemonSet(),
      [aPod(1, { leaving: true }), aPod(2), aPod(3)],
      2,
      waiting('2 of 3 nodes have a pod'),
    ],
    [
      'does not wait for another SCC, wherever the pod is',
      aDaemonSet(),
      [moved(1), aPod(2), aPod(3), moved(4, { scc: 'anyuid' })],
      2,
      { state: 'wrong', message: 'pod agent-4 runs under anyuid instead of restricted-v2' },
    ],
    [
      'waits for the controller',
      aDaemonSet(unseen),
      [moved(1), moved(2), moved(3)],
      0,
      waiting('the controller has not seen the change yet'),
    ],
  ])('%s', (...[, object, pods, left, expected]) => {
    expect(standOnNodes(object, pods, { left, targetSCC: 'restricted-v2' })).toMatchObject(expected);
  });
});

describe('returnOnNodes', () => {
  const back = (at: number): WorkloadPod => aPod(at, { isCurrent: true });
  const old = (at: number, over: Partial<WorkloadPod> = {}): WorkloadPod => moved(at, { isCurrent: false, ...over });
  it.each<[string, KubeObject, WorkloadPod[], object]>([
    ['is back with every node', aDaemonSet(), [back(1), back(2), back(3)], { state: 'back' }],
    [
      'replaces a broken pod where only deletion does',
      aDaemonSet(),
      [old(1), old(2, { ready: false }), back(3)],
      { state: 'replace', pod: { name: 'agent-2' } },
    ],
    [
      'replaces a healthy one while all others are ready',
      aDaemonSet(),
      [old(1), back(2), back(3)],
      { state: 'replace', pod: { name: 'agent-1' } },
    ],
    [
      'leaves it to the controller where that does it',
      aDaemonSet(rolling),
      [old(1), back(2), back(3)],
      waiting('pod agent-1 still has the template of the migration'),
    ],
    ['waits for a node without a pod', aDaemonSet(), [back(1), back(2)], waiting('2 of 3 nodes have a pod')],
  ])('%s', (_case, object, pods, expected) => {
    expect(returnOnNodes(object, pods)).toMatchObject(expected);
  });

  it('lets one lost node be, and no pod of the migration', () => {
    expect(isBackButOne(aDaemonSet(), [back(1), back(2)])).toBe(true);
    expect(isBackButOne(aDaemonSet(), [back(1)])).toBe(false);
    expect(isBackButOne(aDaemonSet(), [back(1), back(2), old(3)])).toBe(false);
  });
});

describe('daemonRolloutOf', () => {
  it.each<[string, Parameters<typeof aDaemonSet>[0], object]>([
    ['is done with an available pod on each node', {}, { state: 'done' }],
    ['waits for one that is not', { status: { numberAvailable: 2 } }, { message: '2 of 3 pods are available' }],
    [
      'waits while its last change is not everywhere',
      { ...rolling, status: { updatedNumberScheduled: 1 } },
      { message: 'its last change is not rolled out to all of its pods' },
    ],
    [
      'waits for it where deletion replaces, too',
      { status: { updatedNumberScheduled: 1 } },
      { message: '1 of 3 pods have its last change (OnDelete)' },
    ],
    ['waits for the controller', unseen, { message: 'the controller has not seen the change yet' }],
  ])('%s', (_case, over, expected) => {
    expect(daemonRolloutOf(aDaemonSet(over))).toMatchObject(expected);
  });
});

it('nodePods are those of the owner, current by the newest revision, in the order of their nodes', () => {
  const owned = (uid: string) => ({
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'agent', uid, controller: true }],
  });
  const revision = (name: string, number: number): KubeObject => ({
    ...{ apiVersion: 'apps/v1', kind: 'ControllerRevision', revision: number },
    metadata: { name, labels: { 'controller-revision-hash': name }, ...owned('set') },
  });
  const pod = (name: string, hash: string, node: string, owner = 'set'): KubeObject => ({
    ...{ apiVersion: 'v1', kind: 'Pod', spec: { nodeName: node } },
    metadata: { name, uid: name, labels: { 'controller-revision-hash': hash }, ...owned(owner) },
  });
  // A template that is given back has its old revision again, with a greater number.
  const revisions = [revision('first', 3), revision('second', 2)];
  const pods = [pod('c', 'first', 'node-3'), pod('b', 'second', 'node-1'), pod('x', 'first', 'node-2', 'other')];
  const found = nodePods(aDaemonSet(), { pods, revisions }, 0);
  expect(found.map(({ name, isCurrent }) => [name, isCurrent])).toEqual([
    ['b', false],
    ['c', true],
  ]);
});

it('newestOf is the pod that was made last', () => {
  expect(newestOf([moved(2), moved(3), moved(1)])?.name).toBe('agent-3');
  expect(newestOf([])).toBeUndefined();
});

it('deletionDrift names the strategy that another client has set', () => {
  expect(deletionDrift(aDaemonSet())).toBeNull();
  expect(deletionDrift(aDaemonSet(rolling))).toContain('set the update strategy of agent to RollingUpdate');
});
