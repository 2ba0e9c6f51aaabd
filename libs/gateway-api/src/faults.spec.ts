import { describe, expect, it } from '@jest/globals';
import type { KubeClient, KubeObject } from '@scc/kube';
import type { RouteProof } from '@scc/routing';
import { GatewayRouter } from './router.js';
import { surveyOf } from './survey.fixture.js';

/** Faults of others that divide routes of the Gateway API, each under the name by which its users reported it. */

const PLUGIN = 'argoproj-labs/rollouts-plugin-trafficrouter-gatewayapi';
const CONTROLLER = 'example.com/controller';
const PARENT = JSON.stringify({ name: 'edge' });

interface Route {
  metadata: {
    name: string;
    namespace: string;
    generation: number;
    labels: Record<string, string>;
    annotations: Record<string, string>;
  };
  spec: object;
  status: object;
}

/** Routes of one workload, the Service of its canary, and a controller that takes over each change. */
function aCluster(names: string[], missing: string[] = []) {
  const routes = new Map<string, Route>();
  const status = (generation: number): object => ({
    parents: [
      {
        ...{ parentRef: { name: 'edge' }, controllerName: CONTROLLER },
        conditions: ['Accepted', 'ResolvedRefs'].map((type) => ({
          ...{ type, status: 'True', observedGeneration: generation, reason: type, message: '' },
        })),
      },
    ],
  });
  for (const name of names)
    routes.set(name, {
      metadata: { name, namespace: 'shop', generation: 1, labels: { team: 'shop' }, annotations: { note: 'mine' } },
      spec: { parentRefs: [{ name: 'edge' }], rules: [{ backendRefs: [{ name: 'ledger', port: 80 }] }] },
      status: status(1),
    });
  const written: { name: string; body: { metadata?: object; spec: object } }[] = [];
  const kube = {
    get: ({ kind, name }: { kind: string; name: string }) =>
      Promise.resolve(
        (kind === 'Service'
          ? missing.includes(name)
            ? undefined
            : { metadata: { name } }
          : structuredClone(routes.get(name))) as KubeObject | undefined,
      ),
    patch: ({ name }: { name: string }, { body }: { body: unknown }) => {
      const change = body as { metadata?: object; spec: object };
      written.push({ name, body: change });
      const route = routes.get(name);
      if (!route) throw new Error(`${name} is not there`);
      const generation = route.metadata.generation + 1;
      const next = {
        metadata: { ...route.metadata, ...change.metadata, generation },
        spec: { ...route.spec, ...change.spec },
        status: status(generation),
      };
      routes.set(name, next);
      return Promise.resolve(next as KubeObject & Route);
    },
  } as Partial<KubeClient> as KubeClient;
  const router = new GatewayRouter({
    ...{ kube, fieldManager: 'test', boundMs: 0, signal: () => undefined },
    proof: { isFor: () => false, of: {} as RouteProof },
  });
  const divided = names.map((name) => ({
    ...{ kind: 'HTTPRoute', namespace: 'shop', name, foreignPaths: [] },
    served: [{ parent: PARENT, controller: CONTROLLER }],
  }));
  const survey = surveyOf(divided);
  return { router, survey, written, routes };
}

describe('faults of others, which are none here', () => {
  it(`${PLUGIN}#190, #208, #164: a label of ours on the route has GitOps tools out of sync for ever`, async () => {
    const { router, survey, written, routes } = aCluster(['web']);
    await router.prepare(survey);
    for (const canary of [10, 100, 0]) await router.split(survey, { canary, mirror: null });
    expect(written.length).toBeGreaterThan(0);
    for (const { body } of written) {
      expect(Object.keys(body.spec)).toEqual(['rules']);
      expect(Object.keys(body.metadata ?? {}).filter((field) => field !== 'resourceVersion')).toEqual([]);
    }
    expect(routes.get('web')?.metadata).toMatchObject({ labels: { team: 'shop' }, annotations: { note: 'mine' } });
  });

  it(`${PLUGIN} docs/features/multiple-routes.md: of several routes each has the weight`, async () => {
    const { router, survey, routes } = aCluster(['web', 'admin', 'api']);
    await router.prepare(survey);
    await router.split(survey, { canary: 25, mirror: null });
    for (const { spec } of routes.values())
      expect(spec).toMatchObject({
        rules: [
          {
            backendRefs: [
              { name: 'ledger', weight: 75 },
              { name: 'ledger-canary', weight: 25 },
            ],
          },
        ],
      });
  });

  it('Gateway API httproute_types.go: a backend that is not there is a 500 for its share, so that none is named', async () => {
    const { router, survey, written } = aCluster(['web'], ['ledger-canary']);
    await expect(router.prepare(survey)).rejects.toThrow('ledger-canary is not there');
    expect(written).toEqual([]);
  });
});
