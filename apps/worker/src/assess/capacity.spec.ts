import { KubeError, type KubeObject } from '@scc/kube';
import { readCapacity, reviewCapacity, type Capacity } from './capacity.js';

const node = (name: string, { metadata = {}, spec = {}, conditions = [] as object[] } = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { zone: name }, ...metadata },
  spec,
  status: { allocatable: { cpu: '2', memory: '4Gi', pods: '10' }, conditions },
});
const asking = (requests: object, over: object = {}) => ({
  containers: [{ name: 'app', image: 'x', resources: { requests } }],
  ...over,
});
const pod = (nodeName: string | undefined, requests: object, { phase = 'Running', priority = 0 } = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p' },
  spec: asking(requests, { priority, ...(nodeName === undefined ? {} : { nodeName }) }),
  status: { phase },
});
const capacity = (nodes: KubeObject[], pods: KubeObject[] = []): Capacity => ({ nodes, pods, unread: null });
const half = { cpu: '500m' };
const full = pod('a', { cpu: '1900m' });

describe('reviewCapacity', () => {
  it.each<[string, Capacity, [podSpec: unknown, pods: number], number]>([
    ['has room on an empty node', capacity([node('a')]), [asking(half), 4], 0],
    ['has none for one more', capacity([node('a')]), [asking(half), 5], 1],
    ['counts what runs', capacity([node('a')], [pod('a', { cpu: '600m' })]), [asking(half), 3], 1],
    ['counts no pod that is over', capacity([node('a')], [pod('a', half, { phase: 'Failed' })]), [asking(half), 4], 0],
    ['counts no pod that waits for a node', capacity([node('a')], [pod(undefined, half)]), [asking(half), 4], 0],
    ['counts no pod that would make room', capacity([node('a')], [full]), [asking(half, { priority: 9 }), 4], 0],
    ['adds nodes up', capacity([node('a'), node('b')]), [asking(half), 8], 0],
    ['does not cut a pod in two', capacity([node('a'), node('b')]), [asking({ cpu: '1500m' }), 3], 1],
    ['takes a limit for a request', capacity([node('a')]), [limited({ memory: '3Gi' }), 2], 1],
    ['counts places', capacity([node('a')]), [asking({}), 11], 1],
    ['knows no resource that a node does not have', capacity([node('a')]), [asking({ 'nvidia.com/gpu': 1 }), 1], 1],
    [
      'leaves out a node that is drained',
      capacity([node('a', { spec: { unschedulable: true } })]),
      [asking(half), 1],
      1,
    ],
    [
      'leaves out a node that is not ready',
      capacity([node('a', { conditions: [{ type: 'Ready', status: 'Unknown' }] })]),
      [asking(half), 1],
      1,
    ],
    ['leaves out tainted nodes', capacity([tainted('NoSchedule')]), [asking(half), 1], 1],
    ['minds no preference', capacity([tainted('PreferNoSchedule')]), [asking(half), 1], 0],
    ['uses nodes whose taints are tolerated', capacity([tainted('NoSchedule')]), [tolerating({ value: 'db' }), 1], 0],
    ['knows other values of a taint', capacity([tainted('NoSchedule')]), [tolerating({ value: 'web' }), 1], 1],
    ['tolerates everything', capacity([tainted('NoExecute')]), [tolerating({ key: '', operator: 'Exists' }), 1], 0],
    ['asks for labels', capacity([node('a')]), [asking(half, { nodeSelector: { zone: 'b' } }), 1], 1],
    ['asks for other nodes', capacity([node('a'), node('b')]), [affine('NotIn', ['a']), 5], 1],
    ['asks for these nodes', capacity([node('a'), node('b')]), [affine('In', ['a', 'c']), 4], 0],
    ['does not judge by what it does not know', capacity([node('a')]), [affine('Near', ['x']), 4], 0],
  ])('%s', (_case, seen, [podSpec, pods], violations) => {
    const review = reviewCapacity(seen, needing(podSpec, pods));
    expect(review.violations.map(({ code }) => code)).toEqual(Array<string>(violations).fill('CapacityTooSmall'));
    expect(review.warnings).toEqual([]);
  });

  it('says how much there is', () => {
    const { violations } = reviewCapacity(capacity([node('a'), node('b')], [full]), needing(asking(half), 6));
    expect(violations[0]?.message).toBe(
      "the nodes have room for 4 of the canary's 6 pods: each asks for cpu 0.5, and 2 of 2 nodes take such pods",
    );
  });

  describe('beside the pod by which the rollout begins', () => {
    const apart = (app: string) => ({
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app } } },
          ],
        },
      },
    });
    const stable = (on: string, spec: object = {}): KubeObject => ({
      ...pod(on, half),
      metadata: { name: 'web', namespace: 'shop', labels: { app: 'web' } },
      spec: { ...asking(half, spec), nodeName: on },
    });
    const surge = (spec: unknown, pods = 1) => ({ of: { namespace: 'shop', labels: { app: 'web' }, spec }, pods });
    it.each<[string, Capacity, [spec: object, pods: number], number]>([
      ['has room for both', capacity([node('a')], [stable('a')]), [asking(half), 2], 0],
      ['has none for the second', capacity([node('a')], [stable('a')]), [asking(half), 3], 1],
      [
        'has none where the stable pods keep it away',
        capacity([node('a')], [stable('a')]),
        [asking(half, apart('web')), 1],
        1,
      ],
      [
        'has room on a node of its own',
        capacity([node('a'), node('b')], [stable('a')]),
        [asking(half, apart('web')), 1],
        0,
      ],
    ])('%s', (_case, seen, [spec, pods], violations) => {
      const { canary } = needing(asking(half), pods);
      expect(reviewCapacity(seen, { canary, pods, surge: surge(spec) }).violations).toHaveLength(violations);
      expect(reviewCapacity(seen, { canary, pods, surge: surge(spec, 0) }).violations).toEqual([]);
    });
  });

  it.each([
    { labels: { 'karpenter.sh/nodepool': 'x' } },
    { annotations: { 'machine.openshift.io/machine': 'x' } },
    { labels: { 'eks.amazonaws.com/nodegroup': 'x' } },
  ])('only warns where nodes may be added: %j', (metadata) => {
    const review = reviewCapacity(capacity([node('a', { metadata })]), needing(asking(half), 5));
    expect(review).toEqual({ violations: [], warnings: [expect.stringMatching(/room for 4 of .* nodes are added$/)] });
  });

  it.each<[Capacity, RegExp]>([
    [{ ...capacity([]), unread: 'nodes is forbidden' }, /not known: nodes is forbidden/],
    [capacity([]), /not known: there is no node/],
  ])('says what it does not know', (seen, words) => {
    const review = reviewCapacity(seen, needing(asking(half), 1));
    expect(review).toEqual({ violations: [], warnings: [expect.stringMatching(words)] });
  });
});

describe('readCapacity', () => {
  it('keeps why nodes cannot be read', async () => {
    const forbidden = new KubeError(403, { reason: 'Forbidden', message: 'nodes is forbidden' });
    const list = ({ kind }: { kind: string }) =>
      kind === 'Node' ? Promise.reject(forbidden) : Promise.resolve({ items: [full], resourceVersion: '1' });
    expect(await readCapacity({ list })).toMatchObject({
      nodes: [],
      unread: expect.stringMatching('forbidden') as string,
    });
  });
});

function needing(spec: unknown, pods: number) {
  return { canary: { namespace: 'shop', labels: { app: 'web-canary' }, spec }, pods };
}
function limited(limits: object) {
  return { containers: [{ name: 'app', image: 'x', resources: { limits } }] };
}
function tainted(effect: string): KubeObject {
  return node('a', { spec: { taints: [{ key: 'for', value: 'db', effect }] } });
}
function tolerating(over: object) {
  return asking(half, { tolerations: [{ key: 'for', operator: 'Equal', ...over }] });
}
function affine(operator: string, values: string[]) {
  const terms = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator, values }] }] };
  return asking(half, { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } } });
}
