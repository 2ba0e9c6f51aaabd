import { trafficRouterContract, type RouterWorld, type RouteShares } from './contract.js';
import { FakeRouter, type FakeMesh, type FakeRoute } from './fake-router.js';

const aRoute = (...destinations: FakeRoute['destinations']): FakeRoute => ({
  destinations,
  labels: { team: 'shop' },
  annotations: { note: 'mine' },
  timeout: null,
});

function aWorld(): RouterWorld {
  const mesh: FakeMesh = {
    routes: new Map([
      ['alone', aRoute({ service: 'ledger', weight: 100 })],
      ['shared', aRoute({ service: 'ledger', weight: 8 }, { service: 'other', weight: 2 })],
      ['elsewhere', aRoute({ service: 'other', weight: 100 })],
    ]),
    reachable: new Set(),
  };
  const route = (name: string): FakeRoute => mesh.routes.get(name) ?? aRoute();
  const sharesOf = (name: string): RouteShares => {
    const { destinations } = route(name);
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
    router: () => new FakeRouter(mesh),
    crashing: (at) => {
      let calls = 0;
      return new FakeRouter(mesh, () => {
        calls += 1;
        if (calls === at) throw new Error('the process ended');
      });
    },
    state: () =>
      Promise.resolve(
        Object.fromEntries(
          [...mesh.routes].map(([name, { labels, annotations, ...spec }]) => [
            name,
            structuredClone({ spec, labels, annotations }),
          ]),
        ),
      ),
    shares: () => Promise.resolve({ alone: sharesOf('alone'), shared: sharesOf('shared') }),
    edit: () => Promise.resolve(void (route('alone').timeout = '5s')),
    tamper: () => Promise.resolve(void (route('alone').destinations = [{ service: 'ledger', weight: 100 }])),
    additions: () => Promise.resolve([...mesh.reachable]),
  };
}

trafficRouterContract(() => Promise.resolve(aWorld()));
