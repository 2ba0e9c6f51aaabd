import { NODE } from '@scc/dev';
import type { RouterWorld } from '@scc/testing/routing';
import { gatewayWorld } from './gateway.fixture.js';
import { istioWorld } from './istio.fixture.js';
import type { Mesh } from './mesh.fixture.js';

/** Asks istiod for the routes of a proxy all the time, as many migrations and people do at once. */
const ASKING = `const http = require('node:http');
const agent = new http.Agent({ keepAlive: true, maxSockets: 48 });
const at = { host: '127.0.0.1', port: 8081, path: '/debug/config_dump?proxyID=client.shop&types=rds', agent };
const ask = () => http.get(at, (answer) => answer.resume().on('end', ask)).on('error', () => setTimeout(ask, 100));
for (let one = 0; one < 48; one += 1) ask();`;

/**
 * A dump between a change and its push leaves the routes before it in istiod's cache, which the proxy gets, and keeps:
 * of dumps all the time, nearly each change meets one.
 */
export function amongDumps(mesh: () => Mesh, timeoutMs: number): void {
  it.each<[string, () => Promise<RouterWorld>]>([
    ['a VirtualService', () => istioWorld(mesh())],
    ['an HTTPRoute', () => gatewayWorld(mesh(), 'HTTPRoute')],
  ])(
    'the requests of %s are divided and restored although dumps meet each change',
    async (_kind, make) => {
      const world = await make();
      const router = world.router();
      const before = await world.state();
      const { survey } = await router.survey(world.request);
      const images = await router.preImages(survey);
      const asking = mesh().stack.spawn(NODE, ['-e', ASKING], { stdio: 'ignore' });
      try {
        await router.prepare(survey);
        for (const canary of [20, 70]) {
          const split = { canary, mirror: null };
          expect(await router.split(survey, split)).toEqual({ verifiedBy: world.verifiedBy });
          expect(await router.drift(survey, split)).toBeNull();
        }
        expect(await router.restore(survey, images)).toEqual([]);
      } finally {
        asking.kill();
      }
      expect(await world.state()).toEqual(before);
    },
    timeoutMs,
  );
}
