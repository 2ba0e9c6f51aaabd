import type { KubeObject } from '@scc/kube';
import { copyName } from '@scc/plan';
import {
  copyForCanary,
  copyIdOf,
  inOrderOfAge,
  mustBeYounger,
  overtakenViolations,
  surveyPolicies,
} from './neighbours.js';

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

describe('policies of which the oldest holds', () => {
  const labels = { app: 'ledger', tier: 'back' };
  const aged = (name: string, day: number, selector?: Record<string, string>, over: Partial<KubeObject> = {}) => ({
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name, namespace: 'shop', creationTimestamp: `2026-01-0${day}T00:00:00Z` },
    spec: {
      ...(selector ? { selector: { matchLabels: selector } } : {}),
      portLevelMtls: { 8080: { mode: 'DISABLE' } },
    },
    ...over,
  });
  const own = aged('own', 2, { app: 'ledger' });

  it.each<[string, KubeObject, boolean]>([
    ['a younger one of both sides', aged('both', 3, { tier: 'back' }), true],
    ['one of both sides that is as young, and later by name', aged('z', 2, { tier: 'back' }), true],
    ['one of both sides that is as young, and earlier by name', aged('a', 2, { tier: 'back' }), false],
    ['an older one of both sides, which holds already', aged('both', 1, { tier: 'back' }), false],
    ['a younger one of the workload, which is copied too', aged('more', 3, { app: 'ledger' }), false],
    ['a younger one of others', aged('others', 3, { tier: 'front' }), false],
    ["the namespace's", aged('default', 3), false],
    ["the namespace's with an empty selector", aged('default', 3, {}), false],
    ['one of another kind', aged('both', 3, { tier: 'back' }, { kind: 'AuthorizationPolicy' }), false],
    [
      'one of another namespace',
      aged('both', 3, { tier: 'back' }, { metadata: { name: 'both', namespace: 'x', creationTimestamp: '2027' } }),
      false,
    ],
  ])('would not hold for the canary beside %s', (_case, other, isRefused) => {
    const violations = overtakenViolations([own, other], label, labels);
    expect(violations.map(({ code }) => code)).toEqual(isRefused ? ['PolicyCanNotBeCopied'] : []);
  });

  it("are copied in the order of their age, those of the mesh's root first", () => {
    const root = aged('root', 5, {}, { metadata: { name: 'root', namespace: 'istio-system', creationTimestamp: '9' } });
    const ordered = inOrderOfAge([aged('b', 3), aged('a', 3), aged('old', 1), root], 'shop');
    expect(ordered.map(({ metadata }) => metadata.name)).toEqual(['root', 'old', 'a', 'b']);
  });

  it.each([
    ['PeerAuthentication', 'b', 'a', true],
    ['PeerAuthentication', 'a', 'b', false],
    ['NetworkPolicy', 'b', 'a', false],
  ])('are told apart by a second where names say otherwise: %s %s before %s', (kind, first, then, expected) => {
    const id = (name: string) => ({ apiVersion: 'v1', kind, name });
    expect(mustBeYounger(id(first), id(then))).toBe(expected);
    expect(mustBeYounger(undefined, id(then))).toBe(false);
  });
});
