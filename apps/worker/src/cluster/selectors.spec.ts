import { foreignPeers, isOfOneSide, picks, type Sides } from './selectors.js';

const sides: Sides = {
  stable: { app: 'web', tier: 'front' },
  canary: { app: 'web-scc-canary', tier: 'front' },
  namespaceLabels: { 'kubernetes.io/metadata.name': 'shop' },
  names: [
    { kind: 'Deployment', name: 'web' },
    { kind: 'Service', name: 'web' },
  ],
};
const among = (operator: string, ...values: string[]) => ({ matchExpressions: [{ key: 'app', operator, values }] });

describe('picks', () => {
  it.each<[string, unknown, boolean | null]>([
    ['matchLabels', { matchLabels: { app: 'web' } }, true],
    ['another value', { matchLabels: { app: 'x' } }, false],
    ['In', among('In', 'web', 'x'), true],
    ['NotIn', among('NotIn', 'web'), false],
    ['Exists', among('Exists'), true],
    ['DoesNotExist', among('DoesNotExist'), false],
    ['an operator that is not known', among('Like', 'web'), false],
    ['labels and expressions together', { matchLabels: { tier: 'front' }, ...among('In', 'x') }, false],
    ['a map of labels', { app: 'web' }, true],
    ['labels in a field', { labels: { app: 'web' } }, true],
    ['everything', {}, true],
    [
      'labels with their source, as Cilium writes them',
      { matchLabels: { 'k8s:app': 'web', 'any:tier': 'front' } },
      true,
    ],
    ['another value with its source', { matchLabels: { 'k8s:app': 'x' } }, false],
    [
      'an expression with its source',
      { matchExpressions: [{ key: 'any:app', operator: 'In', values: ['web'] }] },
      true,
    ],
    ['something else', { replicas: 3 }, null],
  ])('%s', (_case, selector, expected) => {
    expect(picks(selector, sides.stable)).toBe(expected);
  });
});

describe('isOfOneSide', () => {
  it.each<[string, unknown, boolean]>([
    ['a podSelector of the stable pods', { podSelector: { matchLabels: { app: 'web' } } }, true],
    ['a podSelector of both', { podSelector: { matchLabels: { tier: 'front' } } }, false],
    ['a podSelector that leaves the stable pods out', { podSelector: among('NotIn', 'web') }, true],
    ['a podSelector of others', { podSelector: { matchLabels: { app: 'x' } } }, false],
    ['an endpointSelector in depth', { rules: [{ endpointSelector: { matchLabels: { app: 'web' } } }] }, true],
    ['a workloadSelector as Istio writes it', { workloadSelector: { labels: { app: 'web' } } }, true],
    ['a selector in a language of its own', { selector: "app == 'web'" }, true],
    ['such a selector of others', { selector: "app == 'other'" }, false],
    ['such a selector of how a value ends', { selector: "app ends with 'eb'" }, true],
    ['such a selector of how a value begins', { selector: "app starts with 'we'" }, false],
    ['peers with the source of their labels', { fromEndpoints: [{ matchLabels: { 'k8s:app': 'web' } }] }, true],
    ['a list of selectors', { podSelectors: [], selector: [{ matchLabels: { app: 'web' } }] }, true],
    ['a bare matchLabels', { match: { any: [{ matchLabels: { app: 'web' } }] } }, true],
    ['a reference to the workload', { scaleTargetRef: { kind: 'Deployment', name: 'web' } }, true],
    ['a reference without a kind', { scaleTargetRef: { name: 'web' } }, true],
    ['a choice of nodes', { nodeSelector: { app: 'web' } }, false],
    ['a reference to the Service', { targetRefs: [{ kind: 'Service', name: 'web' }] }, true],
    ['a reference to another', { targetRef: { kind: 'Deployment', name: 'x' } }, false],
    [
      'pods of other namespaces',
      { namespaceSelector: { matchLabels: { team: 'x' } }, podSelector: { matchLabels: { app: 'web' } } },
      false,
    ],
    [
      'pods of this namespace by its name',
      {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } },
        podSelector: { matchLabels: { app: 'web' } },
      },
      true,
    ],
    ['a subset of a mesh by tags', { targetRef: { kind: 'MeshSubset', tags: { app: 'web' } } }, true],
    ['a subset by tags of both sides', { targetRef: { kind: 'MeshSubset', tags: { tier: 'front' } } }, false],
    ['a subset by tags of others', { from: [{ targetRef: { kind: 'MeshSubset', tags: { app: 'x' } } }] }, false],
    ['pods of a mesh by labels', { targetRef: { kind: 'Dataplane', labels: { app: 'web' } } }, true],
    [
      'a Service by its tag',
      { targetRef: { kind: 'MeshSubset', tags: { 'kuma.io/service': 'web_shop_svc_80' } } },
      true,
    ],
    [
      'the tag of another',
      { targetRef: { kind: 'MeshSubset', tags: { 'kuma.io/service': 'web2_shop_svc_80' } } },
      false,
    ],
    [
      'a subset by tags in this namespace',
      { targetRef: { tags: { app: 'web', 'k8s.kuma.io/namespace': 'shop', 'kuma.io/protocol': 'http' } } },
      true,
    ],
    ['a subset by tags in another', { targetRef: { tags: { app: 'web', 'k8s.kuma.io/namespace': 'x' } } }, false],
    ['a Service of a mesh', { to: [{ targetRef: { kind: 'MeshService', name: 'web_shop_svc_80' } }] }, true],
    ['what comes from the pods by tags', { sources: [{ match: { app: 'web' } }] }, true],
    ['what comes from the Service', { sources: [{ match: { 'kuma.io/service': 'web_shop_svc_80' } }] }, true],
    ['what goes to the Service', { destinations: [{ match: { 'kuma.io/service': 'web_shop_svc_80' } }] }, true],
    ['what goes to all', { destinations: [{ match: { 'kuma.io/service': '*' } }] }, false],
    ['what goes to another', { destinations: [{ match: { 'kuma.io/service': 'x_shop_svc_80' } }] }, false],
    [
      'the proxies of another namespace by tags',
      { selectors: [{ match: { app: 'web', 'k8s.kuma.io/namespace': 'x' } }] },
      false,
    ],
    ['a share for the Service', { split: [{ destination: { 'kuma.io/service': 'web_shop_svc_80' } }] }, true],
    ['a match that asks for no labels', { match: { path: { prefix: '/' } } }, false],
    ['a word that is no selector', { app: 'web' }, false],
  ])('%s: %j', (_case, spec, expected) => {
    expect(isOfOneSide(spec, sides)).toBe(expected);
  });
});

describe('foreignPeers', () => {
  it('are the peers that are said of other namespaces', () => {
    const near = { podSelector: { matchLabels: { app: 'web' } } };
    const far = { ...near, namespaceSelector: {} };
    expect(foreignPeers({ ingress: [{ from: [near, far] }], egress: [{ to: [far, near] }, {}] })).toEqual([far, far]);
  });
});
