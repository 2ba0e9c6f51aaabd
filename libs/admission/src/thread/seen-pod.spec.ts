import { describe, expect, it } from '@jest/globals';
import { seenPod } from './seen-pod.js';

const metadata = {
  uid: 'u',
  namespace: 'shop',
  name: 'ledger-1',
  labels: { app: 'ledger', 'pod-template-hash': '5d', 'scc.poc/plan': 'ledger' },
  annotations: { 'openshift.io/scc': 'restricted-v2', 'scc.poc/plan-name': 'x'.repeat(64), note: 'x'.repeat(100_000) },
  ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'ledger-5d', uid: 'r', controller: true }],
};
const containers = [{ name: 'app', image: 'a', env: [{ name: 'A', value: 'x'.repeat(100_000) }] }, { name: 'b' }];

describe('seenPod', () => {
  it('leaves the thread with what tracking needs, and nothing else of the pod', () => {
    expect(seenPod({ metadata, spec: { nodeName: 'n1', containers } })).toEqual({
      metadata: {
        uid: 'u',
        namespace: 'shop',
        name: 'ledger-1',
        labels: { 'pod-template-hash': '5d', 'scc.poc/plan': 'ledger' },
        annotations: { 'openshift.io/scc': 'restricted-v2', 'scc.poc/plan-name': 'x'.repeat(64) },
        ownerReferences: [{ kind: 'ReplicaSet', name: 'ledger-5d', controller: true }],
      },
      spec: { nodeName: 'n1', containers: [{ image: 'a' }] },
    });
  });

  it('is undefined for a pod without a uid', () => {
    expect(seenPod({ metadata: { ...metadata, uid: undefined }, spec: { containers } })).toBeUndefined();
  });
});
