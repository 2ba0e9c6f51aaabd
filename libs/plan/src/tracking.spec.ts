import { deliveryToolOf } from './tracking.js';

describe('deliveryToolOf', () => {
  it.each<[string, Parameters<typeof deliveryToolOf>[0], object | undefined]>([
    [
      'Argo CD by its tracking annotation',
      { annotations: { 'argocd.argoproj.io/tracking-id': 'shop-prod:apps/Deployment:shop/web' } },
      { tool: 'Argo CD', name: 'shop-prod' },
    ],
    [
      'Argo CD by its label',
      { labels: { 'argocd.argoproj.io/instance': 'shop-prod' } },
      { tool: 'Argo CD', name: 'shop-prod' },
    ],
    [
      'Argo CD by its field manager',
      { managedFields: [{ manager: 'argocd-controller' }] },
      { tool: 'Argo CD', name: null },
    ],
    [
      'Flux by a Kustomization',
      { labels: { 'kustomize.toolkit.fluxcd.io/name': 'apps', 'kustomize.toolkit.fluxcd.io/namespace': 'flux' } },
      { tool: 'Flux', name: 'apps' },
    ],
    [
      'Flux before Helm, which it uses',
      { labels: { 'helm.toolkit.fluxcd.io/name': 'web', 'app.kubernetes.io/managed-by': 'Helm' } },
      { tool: 'Flux', name: 'web' },
    ],
    ['Helm by its release', { annotations: { 'meta.helm.sh/release-name': 'web' } }, { tool: 'Helm', name: 'web' }],
    ['Helm by its label', { labels: { 'app.kubernetes.io/managed-by': 'Helm' } }, { tool: 'Helm', name: null }],
    [
      'Fleet before Helm, which it uses',
      { labels: { 'objectset.rio.cattle.io/hash': 'x' }, annotations: { 'meta.helm.sh/release-name': 'web' } },
      { tool: 'Fleet', name: null },
    ],
    [
      'a subscription of Open Cluster Management',
      { annotations: { 'apps.open-cluster-management.io/hosting-subscription': 'shop/web' } },
      { tool: 'Open Cluster Management', name: 'shop/web' },
    ],
    [
      'Config Sync',
      { annotations: { 'configmanagement.gke.io/managed': 'enabled' } },
      { tool: 'Config Sync', name: null },
    ],
    ['kapp', { labels: { 'kapp.k14s.io/app': '1719' } }, { tool: 'kapp', name: null }],
    ['Terraform', { managedFields: [{ manager: 'Terraform' }] }, { tool: 'Terraform', name: null }],
    ['Pulumi', { managedFields: [{ manager: 'pulumi-kubernetes-1a2b' }] }, { tool: 'Pulumi', name: null }],
    [
      'no tool by a common label',
      { labels: { 'app.kubernetes.io/instance': 'web' }, managedFields: [{ manager: 'kubectl' }] },
      undefined,
    ],
    ['no tool', {}, undefined],
  ])('%s', (_case, metadata, expected) => {
    expect(deliveryToolOf(metadata)).toEqual(expected);
  });
});
