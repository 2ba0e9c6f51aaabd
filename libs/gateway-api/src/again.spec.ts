import type { KubeClient, KubeObject } from '@scc/kube';
import type { RouteProof } from '@scc/routing';
import { GatewayRouter } from './router.js';
import { surveyOf } from './survey.fixture.js';

const CONTROLLER = 'istio.io/gateway-controller';
const id = { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', namespace: 'shop', name: 'web' };
const user = { parentRefs: [{ name: 'edge' }], rules: [{ backendRefs: [{ name: 'ledger', port: 80 }] }] };

/** One route whose proxies have routes of before after each change: it is written again once. */
function aMesh() {
  let generation = 1;
  let spec: object = user;
  const written: object[] = [];
  const object = (): KubeObject => ({
    ...{ apiVersion: id.apiVersion, kind: id.kind, spec },
    metadata: { name: id.name, namespace: id.namespace, generation },
    status: {
      parents: [
        {
          ...{ parentRef: { name: 'edge' }, controllerName: CONTROLLER },
          conditions: ['Accepted', 'ResolvedRefs'].map((type) => ({
            ...{ type, status: 'True', observedGeneration: generation, reason: type, message: '' },
          })),
        },
      ],
    },
  });
  const kube: Partial<KubeClient> = {
    get: ({ kind }) => Promise.resolve(kind === id.kind ? object() : undefined),
    patch: (_id, { body }) => {
      spec = { ...spec, ...(body as { spec: object }).spec };
      written.push(spec);
      generation += 1;
      return Promise.resolve(object());
    },
  };
  const of: RouteProof = {
    isBlind: false,
    endpoints: () => Promise.resolve(),
    follow: async (_watched, _split, change, again) => {
      await change();
      await again();
      return { verifiedBy: 'proxies' };
    },
  };
  const router = new GatewayRouter({
    ...{ kube: kube as KubeClient, fieldManager: 'test', boundMs: 0, signal: () => undefined },
    proof: { isFor: () => true, of },
  });
  const served = [{ parent: JSON.stringify({ name: 'edge' }), controller: CONTROLLER }];
  const survey = surveyOf([{ kind: 'HTTPRoute', namespace: 'shop', name: 'web', foreignPaths: [], served }]);
  return { router, survey, written, spec: () => spec };
}
const weightsIn = (spec: unknown): (number | undefined)[] =>
  (spec as { rules: { backendRefs: { weight?: number }[] }[] }).rules.flatMap(({ backendRefs }) =>
    backendRefs.map(({ weight }) => weight),
  );

describe('a route that is written again', () => {
  it('has the same shares in other numbers, which is no drift, and the next weight in the usual ones', async () => {
    const { router, survey, written } = aMesh();
    const split = { canary: 25, mirror: null };
    await router.split(survey, split);
    expect(written.map(weightsIn)).toEqual([
      [75, 25],
      [150, 50],
    ]);
    expect(await router.drift(survey, split)).toBeNull();
    await router.split(survey, { canary: 50, mirror: null });
    expect(weightsIn(written[2])).toEqual([50, 50]);
  });

  it('is word for word what its user wrote at the end', async () => {
    const { router, survey, spec } = aMesh();
    await router.split(survey, { canary: 25, mirror: null });
    expect(await router.restore(survey, [{ id, manifest: { spec: user } }])).toEqual([]);
    expect(spec()).toEqual(user);
  });
});
