import { istioWorld } from './istio.fixture.js';
import type { Mesh } from './mesh.fixture.js';

const POD = (namespace: string) => ({ apiVersion: 'v1', kind: 'Pod', namespace, name: 'left' });

/** Makes a pod that runs, as the API says, with a proxy that is connected to no istiod. */
async function leave({ kube }: Mesh, namespace: string): Promise<void> {
  const { apiVersion, kind, name } = POD(namespace);
  await kube.create({
    ...{ apiVersion, kind, metadata: { name, namespace } },
    // Nothing schedules it: that it runs is said here.
    spec: { schedulerName: 'none', containers: [{ name: 'istio-proxy', image: 'scc.poc/healthy:1' }] },
  });
  const body = { status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } };
  await kube.patch(POD(namespace), { type: 'merge', body, subresource: 'status' });
}

/** What one worker has seen is known to no other: each looks for the proxies that are away by itself. */
export function severalWorkers(mesh: () => Mesh, timeoutMs: number): void {
  it(
    'wait for a proxy that went away before the next of them began, while its pod runs',
    async () => {
      const world = await istioWorld(mesh());
      const [first, next] = [world.router(), world.router()];
      const { survey } = await first.survey({ ...world.request, unasked: [] });
      const images = await first.preImages(survey);
      await first.prepare(survey);
      await first.split(survey, { canary: 20, mirror: null });
      const { namespace } = world.request;
      await leave(mesh(), namespace);
      const half = { canary: 50, mirror: null };
      await expect(next.split(survey, half)).rejects.toThrow(
        `left.${namespace} may have had a route to the workload and is connected to no istiod that is asked`,
      );
      await mesh().kube.delete(POD(namespace), { graceSeconds: 0 });
      expect(await next.split(survey, half)).toEqual({ verifiedBy: 'proxies' });
      expect(await world.router().restore(survey, images)).toEqual([]);
    },
    timeoutMs,
  );
}
