import { KubeError, type KubeClient, type KubeObject } from '@scc/kube';
import { aWholeTarget } from '@scc/migration/testing';
import { canaryLabels } from '@scc/plan';
import { preImageKeyOf } from '../cluster/objects.js';
import { addedPolicyOf } from './added-policies.js';

const ROOT = 'istio-system';
const NETWORK = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' };
const AUTHORIZATION = { apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy' };
const label = { key: 'app', stable: 'web', canary: 'web-scc-canary' };
const target = {
  ...aWholeTarget(),
  ref: { namespace: 'shop', name: 'move', uid: 'u1' },
  label,
  policies: [
    preImageKeyOf({ ...NETWORK, namespace: 'shop', name: 'known' }),
    preImageKeyOf({ ...AUTHORIZATION, apiVersion: 'security.istio.io/v1beta1', namespace: 'shop', name: 'known' }),
  ],
};

const policy = (type: typeof NETWORK, name: string, spec: object, over: Partial<KubeObject['metadata']> = {}) => ({
  ...type,
  metadata: { namespace: 'shop', name, managedFields: [{ manager: 'security-team' }], ...over },
  spec,
});
const stable = { matchLabels: { app: 'web' } };
const addedAmong = (...objects: KubeObject[]) => {
  const kube: Pick<KubeClient, 'list'> = {
    list: ({ apiVersion, kind }, { namespace } = {}) => {
      const items = objects.filter((one) => one.kind === kind && one.apiVersion === apiVersion);
      if (items.length === 0) return Promise.reject(new KubeError(404, { reason: 'KindNotServed', message: kind }));
      return Promise.resolve({
        items: items.filter(({ metadata }) => metadata.namespace === namespace),
        resourceVersion: '1',
      });
    },
  };
  return addedPolicyOf(kube, target, ROOT);
};

describe('a policy that was added during a migration', () => {
  it.each<[string, KubeObject, string]>([
    ['is of the workload alone', policy(AUTHORIZATION, 'deny', { selector: stable }), 'AuthorizationPolicy deny'],
    [
      'comes from the root of the mesh',
      policy(AUTHORIZATION, 'deny', { selector: stable }, { namespace: ROOT }),
      'AuthorizationPolicy istio-system/deny',
    ],
    ['guards its pods', policy(NETWORK, 'in', { podSelector: stable, ingress: [] }), 'NetworkPolicy in'],
    [
      'lets its pods alone through to others',
      policy(NETWORK, 'db', { podSelector: {}, ingress: [{ from: [{ podSelector: stable }] }] }),
      'NetworkPolicy db',
    ],
    [
      'leaves its pods out',
      policy(NETWORK, 'not', {
        podSelector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] },
      }),
      'NetworkPolicy not',
    ],
  ])('is named with its writer where it %s', async (_case, added, named) => {
    const sentence = await addedAmong(policy(NETWORK, 'known', { podSelector: stable }), added);
    expect(sentence).toMatch(/^security-team made .* during the migration/);
    expect(sentence).toContain(named);
  });

  it.each<[string, KubeObject[]]>([
    ['was there before', [policy(NETWORK, 'known', { podSelector: stable })]],
    ['was there before in another version', [policy(AUTHORIZATION, 'known', { selector: stable })]],
    ['picks both sides', [policy(AUTHORIZATION, 'all', {}), policy(NETWORK, 'all', { podSelector: {} })]],
    ['picks others', [policy(NETWORK, 'x', { podSelector: { matchLabels: { app: 'x' } } })]],
    [
      'is a copy of ours',
      [policy(NETWORK, 'known-scc-canary', { podSelector: stable }, { labels: canaryLabels('move') })],
    ],
    ['guards nothing', [policy({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' }, 'pdb', { selector: stable })]],
  ])('is not named where it %s', async (_case, objects) => {
    expect(await addedAmong(...objects)).toBeNull();
  });
});
