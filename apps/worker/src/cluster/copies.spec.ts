import { untracked } from '@scc/plan';
import { ownedByPlan, placedAsCanary, readsAsStable, volumesThatShow } from './copies.js';

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
    'kapp.k14s.io/app',
    'apps.open-cluster-management.io/hosting-subscription',
    'configsync.gke.io/resource-id',
    'objectset.rio.cattle.io/hash',
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

const readFrom = (fieldPath: string) => ({ name: 'APP', valueFrom: { fieldRef: { fieldPath } } });

describe('what a container reads of its own labels', () => {
  it.each(["metadata.labels['app']", 'metadata.labels["app"]'])('is in the copy what it was, by %s', (path) => {
    const copy = readsAsStable(
      { initContainers: [{ env: [readFrom(path)] }], containers: [{ env: [readFrom(path)] }] },
      label,
    );
    const env = [{ name: 'APP', value: 'web' }];
    expect(copy).toEqual({ initContainers: [{ env }], containers: [{ env }] });
  });

  it('is left alone where the copy has the same', () => {
    const podSpec = {
      containers: [
        { name: 'a', env: [readFrom("metadata.labels['tier']"), readFrom('metadata.name'), { name: 'X', value: 'y' }] },
        { name: 'b' },
      ],
    };
    expect(readsAsStable(podSpec, label)).toEqual(podSpec);
  });

  it.each([
    ['a volume', { downwardAPI: { items: [{ path: 'l', fieldRef: { fieldPath: 'metadata.labels' } }] } }],
    [
      'a projected volume',
      {
        projected: {
          sources: [{ downwardAPI: { items: [{ path: 'l', fieldRef: { fieldPath: "metadata.labels['app']" } }] } }],
        },
      },
    ],
  ])('is named where %s shows it', (_what, source) => {
    expect(volumesThatShow({ volumes: [{ name: 'info', ...source }] }, label)).toEqual(['info']);
  });

  it.each([
    { downwardAPI: { items: [{ path: 'l', fieldRef: { fieldPath: "metadata.labels['tier']" } }] } },
    { downwardAPI: { items: [{ path: 'c', resourceFieldRef: { resource: 'limits.cpu' } }] } },
    { emptyDir: {} },
  ])('is not shown by %j', (source) => {
    expect(volumesThatShow({ volumes: [{ name: 'info', ...source }] }, label)).toEqual([]);
  });
});
