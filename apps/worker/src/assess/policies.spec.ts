import type { KubeObject } from '@scc/kube';
import type { SurveyedPolicies } from '../cluster/policy-kinds.js';
import { policyViolations, policyWarnings } from './policies.js';

const asked = {
  namespace: 'shop',
  services: ['web'],
  accept: [],
  sides: {
    stable: { app: 'web' },
    canary: { app: 'web-scc-canary' },
    namespaceLabels: { 'kubernetes.io/metadata.name': 'shop' },
    names: [
      { kind: 'Deployment', name: 'web' },
      { kind: 'Service', name: 'web' },
    ],
  },
};
const object = (kind: string, spec: object, namespace = 'shop'): KubeObject => ({
  apiVersion: 'x/v1',
  kind,
  metadata: { name: 'one', namespace },
  spec,
});
const facts = (over: Partial<SurveyedPolicies>): SurveyedPolicies => ({
  copied: [],
  foreign: [],
  unread: [],
  unreadOfPlatform: [],
  ...over,
});
const web = { matchLabels: { app: 'web' } };
const inShop = { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } } };

/** A VirtualService of another namespace that tells callers apart. */
const callers = (match: object, spec: object = {}): KubeObject =>
  object('VirtualService', { http: [{}, { match: [{ sourceLabels: { app: 'web' }, ...match }] }], ...spec }, 'db');

describe('policyViolations', () => {
  it.each<[string, KubeObject, number]>([
    [
      'a NetworkPolicy elsewhere that lets these pods through',
      object('NetworkPolicy', { podSelector: {}, ingress: [{ from: [{ ...inShop, podSelector: web }] }] }, 'db'),
      1,
    ],
    [
      'a NetworkPolicy elsewhere that lets the whole namespace through',
      object('NetworkPolicy', { podSelector: {}, ingress: [{ from: [inShop] }] }, 'db'),
      0,
    ],
    [
      'a NetworkPolicy elsewhere about pods of its own with the label',
      object('NetworkPolicy', { podSelector: web, ingress: [{ from: [{ podSelector: web }] }] }, 'db'),
      0,
    ],
    [
      'an EnvoyFilter that names the host',
      object('EnvoyFilter', { match: { vhost: 'web.shop.svc.cluster.local:80' } }),
      1,
    ],
    [
      'an EnvoyFilter that names the cluster of the host',
      object('EnvoyFilter', { match: { cluster: { name: 'outbound|80||web.shop.svc.cluster.local' } } }),
      1,
    ],
    [
      'an EnvoyFilter that names a host which ends alike',
      object('EnvoyFilter', { match: { vhost: 'my-web.shop.svc.cluster.local:80' } }),
      0,
    ],
    ['an EnvoyFilter that does not', object('EnvoyFilter', { workloadSelector: { labels: { app: 'x' } } }), 0],
    ['a custom resource that picks the pods', object('Guard', { podSelector: web }), 1],
    ['a ScaledObject that scales the workload', object('ScaledObject', { scaleTargetRef: { name: 'web' } }), 1],
    [
      'one that is paused',
      {
        ...object('ScaledObject', { scaleTargetRef: { name: 'web' } }),
        metadata: { name: 'one', namespace: 'shop', annotations: { 'autoscaling.keda.sh/paused': 'true' } },
      },
      0,
    ],
    ['one of another workload', object('ScaledObject', { scaleTargetRef: { name: 'x' } }), 0],
    [
      'a VerticalPodAutoscaler that sizes its pods',
      object('VerticalPodAutoscaler', { targetRef: { kind: 'Deployment', name: 'web' } }),
      1,
    ],
    [
      'one that only recommends',
      object('VerticalPodAutoscaler', {
        targetRef: { kind: 'Deployment', name: 'web' },
        updatePolicy: { updateMode: 'Off' },
      }),
      0,
    ],
    [
      'an EgressIP, by which the pods leave the cluster',
      {
        ...object('EgressIP', { egressIPs: ['192.0.2.1'], namespaceSelector: {}, podSelector: web }),
        metadata: { name: 'one' },
      },
      1,
    ],
    [
      'an EgressIP of other namespaces',
      {
        ...object('EgressIP', { namespaceSelector: { matchLabels: { team: 'b' } }, podSelector: web }),
        metadata: { name: 'one' },
      },
      0,
    ],
    [
      'an AdminNetworkPolicy about these pods',
      {
        ...object('AdminNetworkPolicy', { subject: { pods: { ...inShop, podSelector: web } }, priority: 5 }),
        metadata: { name: 'one' },
      },
      1,
    ],
    [
      'an AdminNetworkPolicy about whole namespaces',
      {
        ...object('AdminNetworkPolicy', { subject: { namespaces: inShop.namespaceSelector }, priority: 5 }),
        metadata: { name: 'one' },
      },
      0,
    ],
    [
      'an EgressService of the Service',
      { ...object('EgressService', { sourceIPBy: 'LoadBalancerIP' }), metadata: { name: 'web', namespace: 'shop' } },
      1,
    ],
    [
      'an EgressService of another Service',
      { ...object('EgressService', { sourceIPBy: 'LoadBalancerIP' }), metadata: { name: 'x', namespace: 'shop' } },
      0,
    ],
    ['a route that knows these pods among its callers', callers({}), 1],
    ['one for callers of another namespace', callers({ sourceNamespace: 'batch' }), 0],
    ['one that this namespace does not see', callers({}, { exportTo: ['.'] }), 0],
    ['one that it sees by name', callers({}, { exportTo: ['shop'] }), 1],
    ['one for other callers', callers({ sourceLabels: { app: 'x' } }), 0],
    ['a custom resource of others', object('Guard', { podSelector: { matchLabels: { app: 'x' } } }), 0],
  ])('%s', (_case, foreign, expected) => {
    const found = policyViolations(facts({ foreign: [foreign] }), asked);
    expect(found.map(({ code }) => code)).toEqual(Array<string>(expected).fill('PolicyNotCopied'));
  });

  it('refuses a policy that is attached to the Service', () => {
    const attached = object('AuthorizationPolicy', { targetRefs: [{ kind: 'Service', name: 'web' }] });
    expect(policyViolations(facts({ copied: [attached] }), asked)).toHaveLength(1);
  });

  it('takes what the plan accepts by name, elsewhere with its namespace', () => {
    const foreign = [
      object('Guard', { podSelector: web }),
      object('NetworkPolicy', { ingress: [{ from: [{ ...inShop, podSelector: web }] }] }, 'db'),
    ];
    const accept = [
      { kind: 'Guard', name: 'one' },
      { kind: 'NetworkPolicy', name: 'db/one' },
    ];
    expect(policyViolations(facts({ foreign }), { ...asked, accept })).toEqual([]);
  });

  it('must be told to do without a kind that cannot be read', () => {
    const unread = [{ kind: 'Guard', reason: 'guards is forbidden' }];
    expect(policyViolations(facts({ unread }), asked).map(({ code }) => code)).toEqual(['PolicyCannotBeRead']);
    expect(policyViolations(facts({ unread }), { ...asked, accept: [{ kind: 'Guard', name: '*' }] })).toEqual([]);
  });

  it('says which kinds of the platform were not looked at', () => {
    expect(policyWarnings(facts({ unreadOfPlatform: [{ kind: 'Quota', reason: '' }] }))).toEqual([
      expect.stringMatching(/^not looked at.*: Quota$/),
    ]);
  });
});
