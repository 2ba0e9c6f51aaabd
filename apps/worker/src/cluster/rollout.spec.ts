import type { KubeObject } from '@scc/kube';
import { clusterPodSchema } from './objects.js';
import { rolloutOf, strangers, troubleOf, type RolloutPod } from './rollout.js';

/** A Deployment of three whose rollout is done, with something else. */
const aDeployment = (status: object = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'ledger', namespace: 'shop', generation: 2 },
  spec: { replicas: 3, selector: { matchLabels: { app: 'ledger' } }, template: { spec: {} } },
  status: {
    ...{ observedGeneration: 2, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 },
    ...status,
  },
});
const condition = (type: string, status: string, reason = '', message = '') => ({
  conditions: [{ type, status, reason, message }],
});

describe('rolloutOf', () => {
  it.each<[string, object, string, RegExp | null]>([
    ['is done when all pods have the template and are available', {}, 'done', null],
    ['waits until the controller has seen the change', { observedGeneration: 1 }, 'waiting', /has not seen/],
    ['waits for the last pod to have the template', { updatedReplicas: 2 }, 'waiting', /2 of 3 pods have the template/],
    ['waits for the last old pod to go', { replicas: 4 }, 'waiting', /1 old pods are still there/],
    ['waits for the last pod to be available', { availableReplicas: 2 }, 'waiting', /2 of 3 pods are available/],
    [
      'says why pods are missing that are not admitted',
      { updatedReplicas: 2, ...condition('ReplicaFailure', 'True', 'FailedCreate', 'no SCC') },
      'waiting',
      /2 of 3 pods have the template: no SCC/,
    ],
    [
      'says why there is not even a ReplicaSet',
      {
        updatedReplicas: 0,
        ...condition('Progressing', 'False', 'ReplicaSetCreateError', 'Failed to create: too long'),
      },
      'waiting',
      /0 of 3 pods have the template: Failed to create: too long/,
    ],
    [
      "goes on waiting after the progress deadline, which is not the plan's",
      { availableReplicas: 2, ...condition('Progressing', 'False', 'ProgressDeadlineExceeded', 'timed out') },
      'waiting',
      /2 of 3 pods are available$/,
    ],
  ])('%s', (_case, status, state, message) => {
    const rollout = rolloutOf(aDeployment(status));
    expect(rollout.state).toBe(state);
    if (message) expect(rollout).toMatchObject({ message: expect.stringMatching(message) as string });
  });
});

it('says of a rollout that stands still because it is paused how it goes on', () => {
  const { spec, ...rest } = aDeployment({ updatedReplicas: 1 });
  expect(rolloutOf({ ...rest, spec: { ...(spec as object), paused: true } })).toMatchObject({
    state: 'waiting',
    message: '1 of 3 pods have the template (it is paused: kubectl rollout resume deployment ledger)',
  });
});

describe('strangers', () => {
  const pod = (name: string, scc: string | null, leaving = false): RolloutPod => ({
    ...{ name, uid: name, scc, node: null, ready: true, trouble: null, leaving, createdAt: '' },
  });

  it('names every pod that is not under the target, but for those that leave', () => {
    expect(strangers([pod('a', 'restricted-v2'), pod('b', 'anyuid', true)], 'restricted-v2')).toBeNull();
    expect(strangers([pod('a', 'restricted-v2'), pod('b', 'anyuid'), pod('c', null)], 'restricted-v2')).toBe(
      'b runs under anyuid, c runs under no SCC',
    );
  });
});

describe('troubleOf', () => {
  const trouble = (status: object): string | null => troubleOf(clusterPodSchema.parse({ spec: {}, status }));
  const container = (over: object) => ({ containerStatuses: [{ name: 'app', ...over }] });

  it.each<[string, object, RegExp | null]>([
    [
      'has nothing to say of a pod that starts',
      container({ state: { waiting: { reason: 'ContainerCreating' } } }),
      null,
    ],
    [
      'names an image that cannot be pulled',
      container({ state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling "x:1"' } } }),
      /container app: ImagePullBackOff Back-off pulling "x:1"/,
    ],
    [
      "repeats the scheduler's words",
      {
        conditions: [
          { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes: Insufficient cpu' },
        ],
      },
      /Unschedulable: 0\/3 nodes: Insufficient cpu/,
    ],
    [
      'names the exit code of a container that crashes',
      container({
        state: { waiting: { reason: 'CrashLoopBackOff' } },
        lastState: { terminated: { exitCode: 13, reason: 'Error' } },
      }),
      /CrashLoopBackOff, last exit code 13 \(Error\)/,
    ],
  ])('%s', (_case, status, expected) => {
    if (expected === null) expect(trouble(status)).toBeNull();
    else expect(trouble(status)).toMatch(expected);
  });
});
