import { untracked } from '@scc/plan';
import { ownedByPlan, placedAsCanary } from './copies.js';

const label = { key: 'app', stable: 'web', canary: 'web-scc-canary' };
const selecting = (value: string) => ({
  labelSelector: { matchLabels: { app: value } },
  topologyKey: 'kubernetes.io/hostname',
});

describe('untracked', () => {
  it.each([
    'app.kubernetes.io/instance',
    'app.kubernetes.io/managed-by',
    'argocd.argoproj.io/tracking-id',
    'kustomize.toolkit.fluxcd.io/name',
    'helm.toolkit.fluxcd.io/name',
    'meta.helm.sh/release-name',
    'kubectl.kubernetes.io/last-applied-configuration',
  ])('leaves %s to the object that a tool delivers', (key) => {
    expect(untracked({ [key]: 'x', team: 'a' })).toEqual({ team: 'a' });
  });

  it('keeps a key that a selector needs', () => {
    expect(untracked({ 'app.kubernetes.io/instance': 'x' }, ['app.kubernetes.io/instance'])).toEqual({
      'app.kubernetes.io/instance': 'x',
    });
  });
});

describe('placedAsCanary', () => {
  it('spreads the copies among themselves, by map and by expression', () => {
    const required = (value: string) => ({ requiredDuringSchedulingIgnoredDuringExecution: [selecting(value)] });
    const spread = (value: string) => [
      { labelSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: [value, 'other'] }] } },
    ];
    const podSpec = (value: string) => ({
      containers: [{ name: 'web', env: [{ name: 'app', value: 'web' }] }],
      affinity: { podAntiAffinity: required(value), nodeAffinity: { app: 'web' } },
      topologySpreadConstraints: spread(value),
    });
    expect(placedAsCanary(podSpec('web'), label)).toEqual(podSpec('web-scc-canary'));
  });

  it('leaves a pod without placement as it is', () => {
    expect(placedAsCanary({ containers: [] }, label)).toEqual({ containers: [] });
  });
});

describe('ownedByPlan', () => {
  it('names the plan as the controller', () => {
    expect(ownedByPlan({ namespace: 'shop', name: 'move', uid: 'u1' }).ownerReferences).toEqual([
      expect.objectContaining({ kind: 'SCCMigrationPlan', name: 'move', uid: 'u1', controller: true }),
    ]);
  });
});
