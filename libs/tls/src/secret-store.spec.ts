import { describe, expect, it } from '@jest/globals';
import type { KubeObject } from '@scc/kube';
import { secretStore } from './secret-store.js';

const NAME = { namespace: 'scc-system', name: 'scc-webhook-tls' };
const installed: KubeObject = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    ...NAME,
    resourceVersion: '7',
    labels: { 'app.kubernetes.io/managed-by': 'Helm' },
    annotations: { 'meta.helm.sh/release-name': 'scc' },
  },
};

describe('the Secret of certificates', () => {
  it('keeps the labels and annotations by which its installer knows it', async () => {
    let kept = installed;
    const store = secretStore(
      {
        get: () => Promise.resolve(kept),
        create: (object) => Promise.resolve((kept = object)),
        replace: (object) => Promise.resolve((kept = object)),
      },
      NAME,
    );
    const state = {
      authorities: ['authority'],
      authorityKey: 'key',
      leaf: undefined,
      leafSince: '2026-11-29T00:00:00Z',
    };
    await store.write(state, '7');
    expect(kept.metadata).toEqual(installed.metadata);
    expect(kept).toMatchObject({ data: { 'ca.key': Buffer.from('key').toString('base64') } });
  });
});
