import { asyncLocalStorage } from '@temporalio/activity';
import type { KubeClient } from '@scc/kube';
import { aWholeTarget } from '@scc/migration/testing';
import { type Conflict, RoutesBehind, type Split, type TrafficRouter } from '@scc/routing';
import { noMetrics } from '../outside/prometheus.js';
import { contextOf } from './context.fixture.js';
import { routeActivities } from './routes.js';

const target = { ...aWholeTarget(), services: [], survey: { request: {}, routes: {} } };
const unasked = () => Promise.reject(new Error('it is not asked for'));

/** Routes that the proxies do not follow, and the client that is found to write them meanwhile. */
function setToZero(drift: () => Promise<Conflict | null>) {
  const router: TrafficRouter = {
    ...{ survey: unasked, preImages: unasked, prepare: unasked, restore: unasked, drift },
    split: () => Promise.reject(new RoutesBehind('ingress.istio-system has the old weights')),
  };
  const kube = Object.assign(Object.create(null) as KubeClient, { get: () => Promise.resolve(undefined) });
  const { setWeights } = routeActivities({ kube, router, metrics: noMetrics, root: 'istio-system' });
  return asyncLocalStorage.run(contextOf(), () => setWeights(target, 0));
}

describe('the first weight of an undo', () => {
  it.each([undefined, true])('leads nobody to the canary beside its share', async (isUndo) => {
    const asked: Split[] = [];
    const router: TrafficRouter = {
      ...{ survey: unasked, preImages: unasked, prepare: unasked, restore: unasked, drift: unasked },
      split: (_survey, split) => {
        asked.push(split);
        return Promise.resolve({ verifiedBy: 'proxies' });
      },
    };
    const kube = Object.assign(Object.create(null) as KubeClient, { get: () => Promise.resolve(undefined) });
    const { setMirror, setWeights } = routeActivities({ kube, router, metrics: noMetrics, root: 'istio-system' });
    const undone = isUndo ? { ...target, isUndo } : target;
    await asyncLocalStorage.run(contextOf(), async () => {
      await setMirror(undone, null);
      await setWeights(undone, 0);
    });
    const split = { canary: 0, mirror: null, ...(isUndo ? { isUndo } : {}) };
    expect(asked).toEqual([split, split]);
  });
});

describe('weights that the proxies do not follow', () => {
  it('fluxcd/flagger#1720, #1407: are said to be those of the client that writes the routes again and again', async () => {
    const other = { object: 'VirtualService shop/ledger', fields: ['spec.http'], manager: 'argocd-controller' };
    await expect(setToZero(() => Promise.resolve(other))).rejects.toMatchObject({
      type: 'WorkloadChanged',
      message: expect.stringMatching(
        /^argocd-controller writes spec\.http of VirtualService shop\/ledger again .*old weights/,
      ) as unknown,
    });
  });

  it.each<[string, () => Promise<Conflict | null>]>([
    ['nobody else writes the routes', () => Promise.resolve(null)],
    ['the routes cannot be read', unasked],
  ])('are said to be behind where %s', async (_case, drift) => {
    await expect(setToZero(drift)).rejects.toMatchObject({
      type: 'NotReady',
      message: 'the proxies do not follow: ingress.istio-system has the old weights',
    });
  });
});
