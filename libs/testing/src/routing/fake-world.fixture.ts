import type { TrafficRouter } from '@scc/routing';
import type { RouterWorld, RouteShares } from './contract.js';
import { FakeRouter, type FakeMesh, type FakeRoute } from './fake-router.js';

const aRoute = (...destinations: FakeRoute['destinations']): FakeRoute => ({
  destinations,
  labels: { team: 'shop' },
  annotations: { note: 'mine' },
  timeout: null,
});

export const aMesh = (routes: [string, FakeRoute][]): FakeMesh => ({ routes: new Map(routes), reachable: new Set() });
export const ALONE: [string, FakeRoute] = ['alone', aRoute({ service: 'ledger', weight: 100 })];
export const SHARED: [string, FakeRoute] = [
  'shared',
  aRoute({ service: 'ledger', weight: 8 }, { service: 'other', weight: 2 }),
];
const ELSEWHERE: [string, FakeRoute] = ['elsewhere', aRoute({ service: 'other', weight: 100 })];

interface Made {
  meshes: FakeMesh[];
  /** A router over these meshes; `called` after each change of any of them. */
  routerOf: (meshes: FakeMesh[], called?: (call: string) => void) => TrafficRouter;
}

/** The world of the contract in memory: by default one mesh and one router. */
export function aFakeWorld(
  { meshes, routerOf }: Made = {
    meshes: [aMesh(structuredClone([ALONE, SHARED, ELSEWHERE]))],
    routerOf: ([mesh = aMesh([])], called) => new FakeRouter(mesh, called),
  },
): RouterWorld {
  const all = (): [string, FakeRoute][] => meshes.flatMap(({ routes }) => [...routes]);
  const route = (name: string): FakeRoute => all().find(([known]) => known === name)?.[1] ?? aRoute();
  const sharesOf = (name: string, who?: 'ofTesters' | 'ofReturning'): RouteShares => {
    const found = route(name);
    const destinations = (who && found[who]) ?? found.destinations;
    const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
    const of = (wanted: string): number =>
      destinations.filter(({ service }) => service === wanted).reduce((sum, { weight }) => sum + weight, 0) / total;
    return { stable: of('ledger'), canary: of('ledger-canary'), foreign: of('other') };
  };
  return {
    request: {
      namespace: 'shop',
      services: [{ name: 'ledger', canary: 'ledger-canary' }],
      label: { key: 'app', stable: 'ledger', canary: 'ledger-canary' },
      markers: {},
    },
    verifiedBy: 'proxies',
    router: () => routerOf(meshes),
    crashing: (at) => {
      let calls = 0;
      return routerOf(meshes, () => {
        calls += 1;
        if (calls === at) throw new Error('the process ended');
      });
    },
    state: () =>
      Promise.resolve(
        Object.fromEntries(
          all().map(([name, { labels, annotations, ...spec }]) => [
            name,
            structuredClone({ spec, labels, annotations }),
          ]),
        ),
      ),
    shares: () => Promise.resolve({ alone: sharesOf('alone'), shared: sharesOf('shared') }),
    sharesOfTesters: () => Promise.resolve([sharesOf('alone', 'ofTesters'), sharesOf('shared', 'ofTesters')]),
    sharesOfReturning: () => Promise.resolve([sharesOf('alone', 'ofReturning'), sharesOf('shared', 'ofReturning')]),
    edit: () => Promise.resolve(void (route('alone').timeout = '5s')),
    tamper: () => Promise.resolve(void (route('alone').destinations = [{ service: 'ledger', weight: 100 }])),
    additions: () => Promise.resolve(meshes.flatMap(({ reachable }) => [...reachable])),
  };
}
