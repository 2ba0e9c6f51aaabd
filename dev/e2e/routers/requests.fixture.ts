import { expect, it } from '@jest/globals';
import { canaryLabels } from '@scc/plan';
import type { TrafficRouter } from '@scc/routing';
import { waitFor } from '@scc/runtime';
import { stringify } from 'yaml';
import { compositeRouter, gatewayRoute, gatewayRouteOf } from './gateway.fixture.js';
import { ISTIO_ALONE, ISTIO_GATEWAY } from './istio.fixture.js';
import { type Mesh, requestOf, SERVICES } from './mesh.fixture.js';
import { deployment } from './replicas.fixture.js';

/** Not 127.0.0.1: there the client's proxy listens for Services of the mesh with that port, the gateway's own among them. */
const INGRESS = 'http://127.0.0.2:15080/';
const testers = { header: 'x-tester', value: 'yes' };
const affinity = { cookie: 'scc-canary', value: 'mine', maxAgeS: 600 };
const CARRIED = ['-H', 'Cookie: a=1; scc-canary=mine; b=2'];
const NEW_CLIENT = /^set-cookie: scc-canary=mine; Path=\/; Max-Age=600/im;
const DROPPED = /^set-cookie: scc-canary=; Path=\/; Max-Age=0/im;

interface Asked {
  router: TrafficRouter;
  host: string;
  namespace: string;
}

/** A workload and its canary, of real pods, behind a route at the gateway. */
async function behindRoute(mesh: Mesh, kind: 'VirtualService' | 'HTTPRoute'): Promise<Asked> {
  const namespace = `requests-${kind.toLowerCase()}`;
  const host = `alone.${namespace}.example`;
  const backends = [{ name: 'ledger', port: 80 }];
  const routes =
    kind === 'VirtualService'
      ? [ISTIO_GATEWAY(namespace), ISTIO_ALONE(namespace)]
      : [gatewayRoute({ kind, namespace, name: 'alone', host, backends })];
  const services = SERVICES(namespace, 'http');
  await mesh.stack.apply(
    [...services, deployment(namespace, 'ledger'), deployment(namespace, 'ledger-canary'), ...routes]
      .map((object) => stringify(object))
      .join('---\n'),
  );
  if (kind === 'HTTPRoute') await gatewayRouteOf(mesh, { kind, namespace, name: 'alone' }).accepted();
  for (const name of ['ledger', 'ledger-canary'])
    await waitFor(async () => (await mesh.ready(name, namespace)) === 2, {
      timeoutMs: 60_000,
      everyMs: 100,
      what: `pods of ${name}`,
    });
  return { router: compositeRouter(mesh, mesh.kube), host, namespace };
}

/** Clients of a gateway, whose cookies and headers say where they go: seen in the answers of the pods. */
export function realRequests(meshOf: () => Mesh, timeoutMs: number): void {
  it.each(['VirtualService', 'HTTPRoute'] as const)(
    'by a %s: testers and clients that met the canary are led to it, and to the workload with the first write of an undo',
    async (kind) => {
      const { router, host, namespace } = await behindRoute(meshOf(), kind);
      const curl = (...args: string[]) => meshOf().stack.exec('curl', ['-s', '-H', `Host: ${host}`, ...args]);
      /** How many of so many requests the canary answers; no other answer than 200 counts for one. */
      const atCanary = async (count: number, ...args: string[]): Promise<number> => {
        const said = ['-o', '/dev/null', '-w', '%{http_code} %header{x-pod}\\n', `${INGRESS}?[1-${count}]`];
        const lines = (await curl(...args, ...said)).trim().split('\n');
        expect(lines.filter((line) => line.startsWith('200 ledger'))).toHaveLength(count);
        return lines.filter((line) => line.startsWith('200 ledger-canary')).length;
      };
      const answered = (...args: string[]) => curl('-o', '/dev/null', '-D', '-', ...args, INGRESS);
      const isServed = async () => (await curl('-o', '/dev/null', '-w', '%{http_code}', INGRESS)) === '200';
      await waitFor(isServed, { timeoutMs: 60_000, everyMs: 200, what: `${host} to be served` });

      const request = { ...requestOf(namespace, canaryLabels('requests')), testers, affinity };
      const { survey, violations } = await router.survey(request);
      expect(violations).toEqual([]);
      const images = await router.preImages(survey);
      await router.prepare(survey);
      expect(await atCanary(10)).toBe(0);
      expect(await atCanary(10, '-H', 'x-tester: yes')).toBe(10);
      expect(await atCanary(10, '-H', 'x-tester: no')).toBe(0);

      await router.split(survey, { canary: 10, mirror: null });
      const meets = async (): Promise<boolean> => {
        const answer = await answered();
        const isCanary = /^x-pod: ledger-canary/im.test(answer);
        expect(NEW_CLIENT.test(answer)).toBe(isCanary);
        return isCanary;
      };
      await waitFor(meets, { timeoutMs: 60_000, everyMs: 5, what: 'a client to meet the canary' });
      expect(await atCanary(20, ...CARRIED)).toBe(20);
      expect(await atCanary(20, '-H', 'Cookie: scc-canary=another')).toBeLessThan(20);
      // A client that keeps cookies as browsers do: once it has met the canary it never leaves it.
      const jar = `${meshOf().stack.stateDir}/${namespace}.cookies`;
      await waitFor(async () => (await atCanary(1, '-b', jar, '-c', jar)) === 1, {
        timeoutMs: 60_000,
        what: 'a cookie',
      });
      expect(await atCanary(20, '-b', jar, '-c', jar)).toBe(20);

      const ongoing = new AbortController();
      let asked = 0;
      const clients = [CARRIED, ['-H', 'x-tester: yes'], []].map(async (as) => {
        while (!ongoing.signal.aborted) {
          await atCanary(20, ...as);
          asked += 20;
        }
      });
      await router.split(survey, { canary: 0, mirror: null, isUndo: true });
      expect(await atCanary(10, '-H', 'x-tester: yes')).toBe(0);
      expect(await atCanary(10, ...CARRIED)).toBe(0);
      expect(await answered(...CARRIED)).toMatch(DROPPED);
      expect(await answered('-b', jar, '-c', jar)).toMatch(DROPPED);
      expect(await answered('-b', jar, '-c', jar)).not.toMatch(/^set-cookie/im);
      expect(await router.restore(survey, images)).toEqual([]);
      expect(await atCanary(10, ...CARRIED)).toBe(0);
      expect(await answered(...CARRIED)).not.toMatch(/^set-cookie/im);
      ongoing.abort();
      await Promise.all(clients);
      expect(asked).toBeGreaterThan(0);
    },
    timeoutMs,
  );
}
