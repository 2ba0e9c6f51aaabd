import type { KubeObject } from '@scc/kube';
import { canaryRule } from './destination-rules.js';

const request = {
  namespace: 'shop',
  services: [{ name: 'ledger', canary: 'ledger-scc-canary' }],
  label: { key: 'app', stable: 'ledger', canary: 'ledger-scc-canary' },
  markers: { 'scc.poc/role': 'canary' },
};
const aRule = (host: string, spec: object = {}): KubeObject => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'DestinationRule',
  metadata: { namespace: 'shop', name: 'ledger', labels: { team: 'a' } },
  spec: { host, ...spec },
});
const trafficPolicy = {
  outlierDetection: { consecutive5xxErrors: 5, maxEjectionPercent: 30 },
  loadBalancer: { consistentHash: { httpCookie: { name: 'user', ttl: '0s' } }, localityLbSetting: { enabled: true } },
};

describe('canaryRule', () => {
  it.each(['ledger', 'ledger.shop.svc.cluster.local'])(
    'says of the canary what its service has of outlier detection, locality and affinity (%s)',
    (host) => {
      expect(canaryRule(aRule(host, { trafficPolicy }), request)).toEqual({
        apiVersion: 'networking.istio.io/v1',
        kind: 'DestinationRule',
        metadata: {
          namespace: 'shop',
          name: 'ledger-scc-canary',
          labels: { team: 'a', 'scc.poc/role': 'canary' },
        },
        spec: { host: 'ledger-scc-canary.shop.svc.cluster.local', trafficPolicy },
      });
    },
  );

  it('lets a subset pick the pods of the canary', () => {
    const subsets = [
      { name: 'v1', labels: { app: 'ledger', version: 'v1' }, trafficPolicy },
      { name: 'all' },
      { name: 'other', labels: { zone: 'b' } },
    ];
    expect(canaryRule(aRule('ledger', { subsets }), request)['spec']).toMatchObject({
      subsets: [
        { name: 'v1', labels: { app: 'ledger-scc-canary', version: 'v1' }, trafficPolicy },
        { name: 'all' },
        { name: 'other', labels: { zone: 'b' } },
      ],
    });
  });

  it('is not made of a rule for another service', () => {
    expect(() => canaryRule(aRule('catalog'), request)).toThrow('not of a service of the migration');
  });
});
