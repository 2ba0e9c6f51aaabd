import { expect, it } from '@jest/globals';
import { istiodView, IstioRouter } from '@scc/istio';
import { waitFor } from '@scc/runtime';
import { istioWorld } from './istio.fixture.js';
import { MANAGER, openDoor, type Mesh } from './mesh.fixture.js';

/** Refusals of the mesh: what each one says to do is done, and the same workload is taken. */

const ETCD_PORT = 2379;
const PROXIES = ['envoy-gateway', 'envoy-client'];

/** @param mesh asked at each use: a suite starts its stack after it has named its tests */
export function waysOutOfTheMesh(mesh: () => Mesh, timeoutMs: number): void {
  it(
    'ProxiesUnseen: ISTIOD_DEBUG_URL is set to where istiod serves its debug endpoints',
    async () => {
      const { kube, istiod, stack } = mesh();
      const { request } = await istioWorld(mesh());
      const asking = (url: string) => {
        const view = istiodView({ url });
        return new IstioRouter({ kube, fieldManager: MANAGER, view, boundMs: 0, signal: () => undefined });
      };
      // etcd answers there, and not istiod.
      const elsewhere = await openDoor(stack, ETCD_PORT);
      const refused = await asking(elsewhere.url).survey({ ...request, unasked: [] });
      elsewhere.close();
      expect(refused.violations).toMatchObject([
        { code: 'ProxiesUnseen', remedy: expect.stringContaining('check ISTIOD_DEBUG_URL') as unknown },
      ]);
      const taken = await asking(istiod).survey({ ...request, unasked: [] });
      expect(taken.violations).toEqual([]);
      expect(taken.ways.map(({ name }) => name)).toContain('alone');
    },
    timeoutMs,
  );

  it(
    'NotServedByMesh: its callers, and a gateway, are added to the mesh',
    async () => {
      const { kube, stack, istio, view, known } = mesh();
      const { request } = await istioWorld(mesh());
      const survey = () => istio(kube).survey({ ...request, unasked: [] });
      for (const name of PROXIES) await stack.part(name).kill();
      try {
        const isAway = async (): Promise<boolean> => (await view.proxies()).length === 0;
        await waitFor(isAway, { timeoutMs: 60_000, what: 'istiod to know no proxy' });
        const { violations } = await survey();
        expect(violations).toMatchObject([
          { code: 'NotServedByMesh', remedy: expect.stringContaining('Add the workload or its callers') as unknown },
        ]);
      } finally {
        for (const name of PROXIES) await stack.part(name).start();
      }
      await known('ledger', request.namespace);
      expect((await survey()).violations).toEqual([]);
    },
    timeoutMs,
  );
}
