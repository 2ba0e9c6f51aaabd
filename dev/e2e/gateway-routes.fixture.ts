import path from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { DEPLOYMENTS, type Engine, longHolds, NAMESPACE, ROUTES } from './engine.fixture.js';
import { ROOT, startLoad, type Stack, waitForAnswers, waitForDeployments } from '../src/index.js';

/** The gateway, as callers inside the stack reach it. */
const INGRESS = 'http://127.0.0.1:15080/';

/** A workload that requests reach by a VirtualService and by an HTTPRoute, on the stack of the engine's suite. */
export function routesOfBothKinds(engine: Engine, stackOf: () => Stack): void {
  const { apply, untilPhase, untilWeight, handleOf, remains, specOf } = engine;
  const HTTP_ROUTES = `/apis/gateway.networking.k8s.io/v1/namespaces/${NAMESPACE}/httproutes`;
  const host = 'ledger.gateway.example';
  const streams = [
    { name: 'HTTPRoute', via: 'ingress' as const, host, rate: 50 },
    { name: 'VirtualService', via: 'ingress' as const, host: 'ledger.shop.example', rate: 25 },
    { name: 'mesh', via: 'sidecar' as const, host: 'ledger', rate: 25 },
  ];
  const paths = [`${DEPLOYMENTS}/ledger`, `${ROUTES}/ledger`, `${HTTP_ROUTES}/edge`];

  /** As it came: other tests of the suite have moved it. */
  async function renewLedger(): Promise<void> {
    const { api, addresses } = stackOf();
    await api.call('DELETE', `${DEPLOYMENTS}/ledger`);
    const pods = `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=app%3Dledger`;
    await waitFor(async () => (await api.list(pods)).items.length === 0, {
      timeoutMs: 60_000,
      what: 'the old pods to be gone',
    });
    await stackOf().apply(path.join(ROOT, 'dev', 'samples', 'ledger.yaml'));
    await waitForDeployments(api, NAMESPACE);
    await waitForAnswers(addresses.ingress, 'ledger.shop.example');
    await waitForAnswers(addresses.sidecar, 'ledger');
  }

  beforeAll(async () => {
    await renewLedger();
    await stackOf().apply(path.join(ROOT, 'dev', 'samples', 'gateway-api', 'gateway.yaml'));
    await stackOf().api.create(HTTP_ROUTES, {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'edge' },
      spec: {
        parentRefs: [{ name: 'edge', namespace: 'istio-ingress' }],
        hostnames: [host],
        rules: [{ backendRefs: [{ name: 'ledger', port: 80, weight: 3 }] }],
      },
    });
    const isServed = async (): Promise<boolean> =>
      (await stackOf().exec('curl', [
        '-s',
        '-o',
        '/dev/null',
        '-w',
        '%{http_code}',
        '-H',
        `Host: ${host}`,
        INGRESS,
      ])) === '200';
    await waitFor(isServed, { timeoutMs: 60_000, everyMs: 200, what: 'the HTTPRoute to be served' });
  }, 240_000);

  it('moves on both together, without a failed request, and is undone at 25 %', async () => {
    const before = await Promise.all(paths.map(specOf));
    const load = await startLoad(stackOf(), { streams });
    await apply('both-undone', 'ledger', { traffic: { ...longHolds, weights: [25, 100] } });
    const { traffic } = await untilWeight('both-undone', 25);
    const at25 = { verifiedBy: 'Proxies', share: 25 };
    expect(traffic).toEqual([
      { kind: 'HTTPRoute', name: 'edge', dividedBy: 'GatewayAPI', ...at25 },
      { kind: 'VirtualService', name: 'ledger', dividedBy: 'Istio', ...at25 },
    ]);
    await (await handleOf('both-undone')).signal('rollback');
    await untilPhase('both-undone', 'RolledBack');
    const { total } = await load.stop();
    expect(total.failed).toBe(0);
    expect(await remains()).toEqual([]);
    expect(await Promise.all(paths.map(specOf))).toEqual(before);
  });

  it('completes on both without a failed request', async () => {
    const before = await Promise.all(paths.slice(1).map(specOf));
    const load = await startLoad(stackOf(), { streams });
    await apply('both', 'ledger');
    await untilPhase('both', 'Completed');
    const { total } = await load.stop();
    expect(total.failed).toBe(0);
    expect(await remains()).toEqual([]);
    expect(await Promise.all(paths.slice(1).map(specOf))).toEqual(before);
  });
}
