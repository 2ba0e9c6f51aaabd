import type { KubeObject } from '@scc/kube';
import { copyName } from '@scc/plan';
import { copyForCanary, surveyPolicies } from './neighbours.js';

const label = { key: 'app', stable: 'ledger', canary: 'ledger-scc-canary' };
const policy = (name: string, spec: unknown, kind = 'NetworkPolicy'): KubeObject => ({
  apiVersion: 'networking.k8s.io/v1',
  kind,
  metadata: { name, namespace: 'shop', labels: { team: 'a' } },
  spec,
});
const selecting = (podSelector: unknown): unknown => ({ podSelector });

describe('surveyPolicies', () => {
  it.each<[string, unknown, 'copied' | 'refused' | 'left']>([
    ['matchLabels with the value', selecting({ matchLabels: { app: 'ledger' } }), 'copied'],
    [
      'an In expression with it',
      selecting({ matchExpressions: [{ key: 'app', operator: 'In', values: ['ledger', 'x'] }] }),
      'copied',
    ],
    [
      'a peer that is the workload',
      { podSelector: {}, ingress: [{ from: [{ podSelector: { matchLabels: { app: 'ledger' } } }] }] },
      'copied',
    ],
    ['another value', selecting({ matchLabels: { app: 'orders' } }), 'left'],
    ['all pods', selecting({}), 'left'],
    [
      'an exclusion of the value',
      selecting({ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['ledger'] }] }),
      'refused',
    ],
  ])('%s', (_case, spec, outcome) => {
    const { copied, violations } = surveyPolicies([policy('p', spec)], label);
    expect({ copied: copied.length, refused: violations.length }).toEqual({
      copied: outcome === 'copied' ? 1 : 0,
      refused: outcome === 'refused' ? 1 : 0,
    });
  });
});

describe('copyForCanary', () => {
  it('says of the canary what the policy says of the workload, and nothing else', () => {
    const spec = {
      podSelector: { matchLabels: { app: 'ledger', tier: 'b' } },
      ingress: [{ from: [{ podSelector: { matchLabels: { app: 'orders' } } }], ports: [{ port: 80 }] }],
    };
    const copy = copyForCanary(policy('p', spec), {
      ...label,
      name: copyName('p'),
      markers: { 'scc.poc/role': 'canary' },
    });
    expect(copy).toEqual({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'p-scc-canary', namespace: 'shop', labels: { team: 'a', 'scc.poc/role': 'canary' } },
      spec: { ...spec, podSelector: { matchLabels: { app: 'ledger-scc-canary', tier: 'b' } } },
    });
  });
});
