import { objectSchema, pathOf } from './api.js';

const path = (apiVersion: string, kind: string, namespace?: string): string =>
  pathOf(objectSchema.parse({ apiVersion, kind, metadata: { name: 'x', namespace } }));

describe('pathOf', () => {
  it.each([
    ['v1', 'Service', 'shop', '/api/v1/namespaces/shop/services/x'],
    ['v1', 'Namespace', undefined, '/api/v1/namespaces/x'],
    ['apps/v1', 'Deployment', 'shop', '/apis/apps/v1/namespaces/shop/deployments/x'],
    ['networking.istio.io/v1', 'Gateway', 'shop', '/apis/networking.istio.io/v1/namespaces/shop/gateways/x'],
    ['networking.k8s.io/v1', 'NetworkPolicy', 'shop', '/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/x'],
    ['networking.k8s.io/v1', 'Ingress', 'shop', '/apis/networking.k8s.io/v1/namespaces/shop/ingresses/x'],
    [
      'security.openshift.io/v1',
      'SecurityContextConstraints',
      undefined,
      '/apis/security.openshift.io/v1/securitycontextconstraints/x',
    ],
  ])('%s %s in %s', (apiVersion, kind, namespace, expected) => {
    expect(path(apiVersion, kind, namespace)).toBe(expected);
  });
});
