import type { KubeObject } from '@scc/kube';
import { hiddenWarnings } from './hidden.js';

const place = { namespace: 'shop', hosts: ['web.shop.svc.cluster.local'], root: 'istio-system', allowsAny: true };
const sidecar = (namespace: string, hosts: string[] | null, mode?: string): KubeObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'Sidecar',
  metadata: { namespace, name: 'default' },
  spec: { ...(hosts ? { egress: [{ hosts }] } : {}), ...(mode ? { outboundTrafficPolicy: { mode } } : {}) },
});

describe('a Sidecar', () => {
  it.each<[string, KubeObject, boolean]>([
    ['that lists other namespaces alone', sidecar('team', ['./*', 'istio-system/*']), true],
    ['that lists another host of the namespace', sidecar('team', ['shop/db.shop.svc.cluster.local']), true],
    ['of the root namespace that leaves proxies their own namespaces', sidecar('istio-system', ['./*']), true],
    ['that lists the namespace', sidecar('team', ['shop/*']), false],
    ['that lists the host', sidecar('team', ['*/web.shop.svc.cluster.local']), false],
    ['that lists hosts by their end', sidecar('team', ['shop/*.shop.svc.cluster.local']), false],
    ['of the own namespace that lists it by a dot', sidecar('shop', ['./*']), false],
    ['without egress', sidecar('team', null), false],
    ['that lists all', sidecar('team', ['*/*']), false],
    ['that lets no unknown host out', sidecar('team', ['./*'], 'REGISTRY_ONLY'), false],
  ])('%s hides the Service or does not', (_case, object, isHidden) => {
    expect(hiddenWarnings([object], place)).toEqual(
      isHidden ? [expect.stringMatching(/^Sidecar [a-z-]+\/default hides web\.shop\.svc\.cluster\.local /)] : [],
    );
  });

  it('counts by the mode of the mesh where it has none', () => {
    const closed = { ...place, allowsAny: false };
    expect(hiddenWarnings([sidecar('team', ['./*'])], closed)).toEqual([]);
    expect(hiddenWarnings([sidecar('team', ['./*'], 'ALLOW_ANY')], closed)).toHaveLength(1);
  });
});
