import { routeStatusSchema } from './schema.js';
import { parentBehind, servedBy } from './status.js';

const parentRef = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'edge', namespace: 'ingress' };
interface Said {
  accepted?: [string, number];
  resolved?: [string, number];
  controllerName?: string;
  name?: string;
}
const aParent = ({
  accepted = ['True', 1],
  resolved = ['True', 1],
  controllerName = 'istio.io/gateway-controller',
  name = 'edge',
}: Said = {}) => ({
  parentRef: { ...parentRef, name },
  controllerName,
  conditions: [
    { type: 'Accepted', status: accepted[0], observedGeneration: accepted[1], reason: 'R', message: 'm' },
    {
      type: 'ResolvedRefs',
      status: resolved[0],
      observedGeneration: resolved[1],
      reason: 'BackendNotFound',
      message: 'no Service',
    },
  ],
});
const said = (...parents: object[]) => routeStatusSchema.parse({ parents });
const served = servedBy(said(aParent(), aParent({ name: 'inner' })));

describe('behind', () => {
  it.each<[string, ReturnType<typeof said>, RegExp | null]>([
    ['every parent has the generation', said(aParent({ accepted: ['True', 2], resolved: ['True', 2] })), null],
    // fluxcd/flagger#1791
    [
      'a parent speaks of an older generation',
      said(aParent()),
      /has not said Accepted of Gateway ingress\/edge for generation 2/,
    ],
    ['a parent resolved an older one', said(aParent({ accepted: ['True', 2] })), /has not said ResolvedRefs/],
    [
      'a reference is not resolved',
      said(aParent({ accepted: ['True', 2], resolved: ['False', 2] })),
      /ResolvedRefs=False of Gateway ingress\/edge: BackendNotFound no Service/,
    ],
    [
      'one of two parents is behind',
      said(aParent({ accepted: ['True', 2], resolved: ['True', 2] }), aParent({ name: 'inner' })),
      /ingress\/inner/,
    ],
    ['a parent never served the route', said(aParent({ name: 'stranger', accepted: ['False', 1] })), null],
    ['its gateway is gone', said(), null],
  ])('%s', (_name, status, expected) => {
    const answer = parentBehind(status, 2, served);
    if (expected === null) expect(answer).toBeNull();
    else expect(answer).toMatch(expected);
  });
});

describe('servedBy', () => {
  it('counts parents that accept the route, each section by itself', () => {
    const sections = ['a', 'b'].map((sectionName) => {
      const parent = aParent();
      return { ...parent, parentRef: { ...parent.parentRef, sectionName } };
    });
    expect(servedBy(said(...sections, aParent({ name: 'other', accepted: ['False', 1] })))).toHaveLength(2);
  });
});
