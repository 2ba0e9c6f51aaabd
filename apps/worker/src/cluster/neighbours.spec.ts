import type { KubeObject } from '@scc/kube';
import { copyName } from '@scc/plan';
import { copyForCanary, copyIdOf, surveyPolicies } from './neighbours.js';

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

  const among = { key: 'app', operator: 'In', values: ['ledger', 'ledger-scc-canary'] };
  const copied = (spec: object): unknown =>
    copyForCanary(policy('p', spec), { ...label, name: 'c', markers: {} })['spec'];

  it('lets both sides talk to each other where the peers are the workload itself', () => {
    const own = { podSelector: { matchLabels: { app: 'ledger', tier: 'b' } } };
    const both = { podSelector: { matchLabels: { tier: 'b' }, matchExpressions: [among] } };
    expect(copied({ ...own, ingress: [{ from: [own] }] })).toEqual({ ...both, ingress: [{ from: [both] }] });
  });

  it('lets the canary through where the workload is', () => {
    const others = { podSelector: { matchLabels: { app: 'db' } } };
    const from = [{ podSelector: { matchExpressions: [{ ...among, values: ['ledger', 'x'] }] } }];
    expect(copied({ ...others, ingress: [{ from }] })).toEqual({
      ...others,
      ingress: [
        { from: [{ podSelector: { matchExpressions: [{ ...among, values: ['ledger', 'x', 'ledger-scc-canary'] }] } }] },
      ],
    });
  });
});

describe('copyIdOf', () => {
  it.each([
    ['beside its original', 'shop', 'p-scc-canary'],
    ['of the root namespace under a name of its own', 'istio-system', 'istio-system-p-scc-canary'],
  ])('is %s', (_case, namespace, name) => {
    expect(copyIdOf({ kind: 'EnvoyFilter', namespace, name: 'p' }, 'shop')).toEqual({
      kind: 'EnvoyFilter',
      namespace: 'shop',
      name,
    });
  });
});
