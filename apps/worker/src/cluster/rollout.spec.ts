import type { KubeObject } from '@scc/kube';
import { rolloutOf, strangers, type SeenPod } from './rollout.js';

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
      'is refused when no pod is admitted',
      condition('ReplicaFailure', 'True', 'FailedCreate', 'no SCC'),
      'refused',
      /no SCC/,
    ],
    [
      'has failed when its deadline is over',
      condition('Progressing', 'False', 'ProgressDeadlineExceeded', 'timed out'),
      'failed',
      /ProgressDeadlineExceeded: timed out/,
    ],
  ])('%s', (_case, status, state, message) => {
    const rollout = rolloutOf(aDeployment(status));
    expect(rollout.state).toBe(state);
    if (message) expect(rollout).toMatchObject({ message: expect.stringMatching(message) as string });
  });
});

describe('strangers', () => {
  const pod = (name: string, scc: string | null, leaving = false): SeenPod => ({
    ...{ name, uid: name, scc, node: null, ready: true, trouble: null, leaving },
  });

  it('names every pod that is not under the target, but for those that leave', () => {
    expect(strangers([pod('a', 'restricted-v2'), pod('b', 'anyuid', true)], 'restricted-v2')).toBeNull();
    expect(strangers([pod('a', 'restricted-v2'), pod('b', 'anyuid'), pod('c', null)], 'restricted-v2')).toBe(
      'b runs under anyuid, c runs under no SCC',
    );
  });
});
