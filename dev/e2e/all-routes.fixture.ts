import path from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { DEPLOYMENTS, type Engine, longHolds, NAMESPACE, ROUTES } from './engine.fixture.js';
import {
  HAPROXY_MISSING,
  hasHaproxy,
  ROOT,
  ROUTER_PORTS,
  startLoad,
  startRouter,
  type Stack,
  waitForAnswers,
  waitForDeployments,
} from '../src/index.js';

/** The gateway, as callers inside the stack reach it. */
const INGRESS = 'http://127.0.0.1:15080/';
const ROUTER = `http://127.0.0.1:${ROUTER_PORTS.http}/`;

/**
 * A workload that requests reach by a VirtualService, by an HTTPRoute and, where the machine has HAProxy, by a Route of
 * OpenShift, on the stack of the engine's suite.
 */
export function routesOfAllKinds(engine: Engine, stackOf: () => Stack): void {
  const { apply, untilPhase, untilWeight, handleOf, remains, specOf } = engine;
  const HTTP_ROUTES = `/apis/gateway.networking.k8s.io/v1/namespaces/${NAMESPACE}/httproutes`;
  const OPENSHIFT_ROUTES = `/apis/route.openshift.io/v1/namespaces/${NAMESPACE}/routes`;
  const host = 'ledger.gateway.example';
  const appHost = 'ledger.apps.example';
  const hasRouter = hasHaproxy();
  const streams = [
    { name: 'HTTPRoute', via: 'ingress' as const, host, rate: 25 },
    ...(hasRouter ? [{ name: 'Route', via: 'router' as const, host: appHost, rate: 50 }] : []),
    { name: 'VirtualService', via: 'ingress' as const, host: 'ledger.shop.example', rate: 25 },
    { name: 'mesh', via: 'sidecar' as const, host: 'ledger', rate: 25 },
  ];
  const paths = [
    `${DEPLOYMENTS}/ledger`,
    `${ROUTES}/ledger`,
    `${HTTP_ROUTES}/edge`,
    ...(hasRouter ? [`${OPENSHIFT_ROUTES}/ledger`] : []),
  ];

  let router: Awaited<ReturnType<typeof startRouter>> = null;

  async function untilServed(name: string, url: string): Promise<void> {
    const asked = ['-s', '-o', '/dev/null', '-w', '%{http_code}', '-H', `Host: ${name}`, url];
    const isServed = async (): Promise<boolean> => (await stackOf().exec('curl', asked)) === '200';
    await waitFor(isServed, { timeoutMs: 60_000, everyMs: 200, what: `${name} to be served` });
  }

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
    await untilServed(host, INGRESS);
    router = await startRouter(stackOf());
    if (!router) return;
    await stackOf().api.create(OPENSHIFT_ROUTES, {
      apiVersion: 'route.openshift.io/v1',
      kind: 'Route',
      metadata: { name: 'ledger', annotations: { 'haproxy.router.openshift.io/disable_cookies': 'true' } },
      spec: { host: appHost, to: { kind: 'Service', name: 'ledger' }, port: { targetPort: 'http' } },
    });
    await untilServed(appHost, ROUTER);
  }, 240_000);
  afterAll(async () => {
    if (!router) return;
    await stackOf().api.call('DELETE', `${OPENSHIFT_ROUTES}/ledger`);
    await router.stop();
  });

  it(`are three kinds${hasRouter ? '' : `, of which two are tried: ${HAPROXY_MISSING}`}`, () => {
    expect(router !== null).toBe(hasRouter);
  });

  it('moves on all together, without a failed request, and is undone at 25 %', async () => {
    const before = await Promise.all(paths.map(specOf));
    const load = await startLoad(stackOf(), { streams });
    await apply('both-undone', 'ledger', { traffic: { ...longHolds, weights: [25, 100] } });
    const { traffic } = await untilWeight('both-undone', 25);
    const at25 = { verifiedBy: hasRouter ? 'Bound' : 'Proxies', share: 25 };
    expect(traffic).toEqual([
      // 75:25 of three pods each is 256:85 to the router.
      ...(hasRouter
        ? [{ kind: 'Route', name: 'ledger', dividedBy: 'OpenShiftRouter', verifiedBy: 'Bound', share: 24.93 }]
        : []),
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

  it('completes on all without a failed request', async () => {
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
