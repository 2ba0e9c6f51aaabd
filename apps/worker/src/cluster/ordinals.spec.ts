import type { KubeObject } from '@scc/kube';
import {
  ordinalPods,
  orderedRolloutOf,
  type OrdinalPod,
  partitionDrift,
  podNameAt,
  returnOf,
  standOf,
} from './ordinals.js';

const aSet = ({ spec, status }: { spec?: object; status?: object } = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'db', uid: 'set', generation: 2 },
  spec: { replicas: 3, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } }, ...spec },
  status: { observedGeneration: 2, replicas: 3, availableReplicas: 3, updateRevision: 'new', ...status },
});
const aPod = (index: number, over: Partial<OrdinalPod> = {}): OrdinalPod => ({
  ...{ name: `db-${index}`, uid: `p${index}`, scc: 'anyuid', node: null, ready: true, trouble: null, leaving: false },
  ...{ isCurrent: false, createdAt: '', index, ordinal: index, restarts: 0 },
  ...over,
});
const moved = (index: number, over: Partial<OrdinalPod> = {}): OrdinalPod =>
  aPod(index, { isCurrent: true, scc: 'restricted-v2', ...over });

describe('standOf', () => {
  const at = { index: 1, targetSCC: 'restricted-v2' };
  const waiting = (message: string) => ({ state: 'waiting', message });
  it.each<[string, KubeObject, OrdinalPod[], object]>([
    ['is moved with all above it', aSet(), [aPod(0), moved(1), moved(2)], { state: 'moved' }],
    [
      'waits for the controller',
      aSet({ status: { observedGeneration: 1 } }),
      [aPod(0), moved(1), moved(2)],
      waiting('the controller has not seen the change yet'),
    ],
    ['waits for a pod that is away', aSet(), [aPod(0), moved(2)], waiting('pod db-1 is not there yet')],
    [
      'waits for the pod that replaces the one that leaves',
      aSet(),
      [aPod(0), aPod(1, { leaving: true }), moved(2)],
      waiting('pod db-1 is not there yet'),
    ],
    [
      'waits while the old pod stands',
      aSet(),
      [aPod(0), aPod(1), moved(2)],
      waiting('pod db-1 still has the old template'),
    ],
    [
      'waits while it is not ready, and says why',
      aSet(),
      [aPod(0), moved(1, { ready: false, trouble: 'container db: CrashLoopBackOff' }), moved(2)],
      waiting('pod db-1 is not ready (container db: CrashLoopBackOff)'),
    ],
    [
      'does not wait for another SCC',
      aSet(),
      [aPod(0), moved(1, { scc: 'anyuid' }), moved(2)],
      { state: 'wrong', message: 'pod db-1 runs under anyuid instead of restricted-v2' },
    ],
    [
      'sees one above it that broke since',
      aSet(),
      [aPod(0), moved(1), moved(2, { ready: false })],
      waiting('pod db-2 is not ready'),
    ],
    [
      'waits until enough are available, the old ones too',
      aSet({ status: { availableReplicas: 2 } }),
      [aPod(0), moved(1), moved(2)],
      waiting('2 of 3 pods are available'),
    ],
    [
      'counts those that a larger set has since',
      aSet({ spec: { replicas: 4 }, status: { availableReplicas: 4 } }),
      [aPod(0), moved(1), moved(2)],
      waiting('pod db-3 is not there yet'),
    ],
    [
      'finds nothing to wait for in a smaller set',
      aSet({ spec: { replicas: 1 } }),
      [aPod(0)],
      { state: 'moved', pods: [] },
    ],
  ])('%s', (_case, object, pods, expected) => {
    expect(standOf(object, pods, at)).toMatchObject(expected);
  });
});

describe('returnOf', () => {
  const onDelete = aSet({ spec: { updateStrategy: { type: 'OnDelete' } } });
  const back = (index: number, over: Partial<OrdinalPod> = {}) => moved(index, { scc: 'anyuid', ...over });
  it.each<[string, KubeObject, OrdinalPod[], object]>([
    ['is back when every pod has the template and is ready', aSet(), [back(0), back(1), back(2)], { state: 'back' }],
    [
      'replaces a broken pod, for which the controller would wait for ever',
      aSet(),
      [back(0), back(1), aPod(2, { ready: false })],
      { state: 'replace', pod: { name: 'db-2' } },
    ],
    [
      'leaves a healthy one to the controller',
      aSet(),
      [back(0), back(1), aPod(2)],
      { state: 'waiting', message: 'pod db-2 still has the template of the migration' },
    ],
    [
      'does not delete twice',
      aSet(),
      [back(0), back(1), aPod(2, { ready: false, leaving: true })],
      { state: 'waiting', message: '2 of 3 pods are ready' },
    ],
    [
      'replaces healthy ones itself where nothing else does, the highest first',
      onDelete,
      [back(0), aPod(1), aPod(2)],
      { state: 'replace', pod: { name: 'db-2' } },
    ],
    [
      'and only while all the others are ready',
      onDelete,
      [back(0), aPod(1), back(2, { ready: false })],
      { state: 'waiting', message: 'pod db-1 still has the template of the migration' },
    ],
    ['waits for a pod that starts', aSet(), [back(0), back(1), back(2, { ready: false })], { state: 'waiting' }],
  ])('%s', (_case, object, pods, expected) => {
    expect(returnOf(object, pods)).toMatchObject(expected);
  });
});

describe('partitionDrift', () => {
  it.each<[string, object, number[], boolean]>([
    ['as the migration set it', { type: 'RollingUpdate', rollingUpdate: { partition: 2 } }, [3, 2], false],
    ['before it was lowered', { type: 'RollingUpdate', rollingUpdate: { partition: 3 } }, [3, 2], false],
    ['set by another client', { type: 'RollingUpdate', rollingUpdate: { partition: 0 } }, [3, 2], true],
    ['taken away by another client, which is 0', { type: 'RollingUpdate' }, [3, 2], true],
    ['no matter where pods are replaced by deletion', { type: 'OnDelete' }, [3, 2], false],
  ])('%s', (_case, updateStrategy, expected, drifted) => {
    expect(partitionDrift(aSet({ spec: { updateStrategy } }), expected) !== null).toBe(drifted);
  });
});

describe('orderedRolloutOf', () => {
  it.each<[string, object, object]>([
    ['is done when all are available and of one revision', { currentRevision: 'new' }, { state: 'done' }],
    ['waits for pods', { availableReplicas: 1 }, { message: '1 of 3 pods are available', available: false }],
    ['waits for a change that was not rolled out', { currentRevision: 'old' }, { state: 'waiting', available: true }],
    ['waits for pods that are too many', { currentRevision: 'new', replicas: 4 }, { message: '1 pods are too many' }],
    ['waits for the controller', { observedGeneration: 1 }, { message: 'the controller has not seen the change yet' }],
  ])('%s', (_case, status, expected) => {
    expect(orderedRolloutOf(aSet({ status }))).toMatchObject(expected);
  });

  it('counts the pods of the last change where they are replaced by deletion', () => {
    const ofDeletion = (updatedReplicas: number): KubeObject =>
      aSet({
        spec: { updateStrategy: { type: 'OnDelete' } },
        status: { currentRevision: 'old', updatedReplicas },
      });
    expect(orderedRolloutOf(ofDeletion(3))).toEqual({ state: 'done' });
    // A migration would bring that change with it, and its undo would replace pods that it never moved.
    expect(orderedRolloutOf(ofDeletion(2))).toMatchObject({ message: '2 of 3 pods have its last change (OnDelete)' });
  });
});

describe('ordinalPods', () => {
  const pod = (name: string, { owner = 'set', revision = 'old' } = {}): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      uid: name,
      labels: { 'controller-revision-hash': revision },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid: owner, controller: true }],
    },
    spec: { containers: [] },
  });

  it('picks the pods by owner, in their order, and knows which have the new template', () => {
    const object = aSet({ spec: { ordinals: { start: 5 } } });
    const pods = [pod('db-7', { revision: 'new' }), pod('db-10'), pod('db-5'), pod('db-6', { owner: 'another' })];
    expect(ordinalPods(object, pods, 0).map(({ name, index, isCurrent }) => [name, index, isCurrent])).toEqual([
      ['db-5', 0, false],
      ['db-7', 2, true],
      ['db-10', 5, false],
    ]);
    expect(podNameAt(object, 2)).toBe('db-7');
  });
});
