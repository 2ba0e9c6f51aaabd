import { setTimeout as delay } from 'node:timers/promises';
import { IstioRouter } from '@scc/istio';
import type { KubeClient } from '@scc/kube';
import type { Bench, BenchResult } from './types.js';

/** How long istiod takes for one answer here, in milliseconds. */
const ANSWER_MS = 2;
const CLUSTER = 'outbound|80||ledger.shop.svc.cluster.local';
const ROUTES = [{ virtual_hosts: [{ domains: ['ledger'], routes: [{ route: { cluster: CLUSTER } }] }] }];

/** A survey whose Service has no route of its own: restoring it writes nothing, so that only the proxies are asked. */
const SURVEY = {
  request: {
    namespace: 'shop',
    services: [{ name: 'ledger', canary: 'ledger-scc-canary' }],
    label: { key: 'app', stable: 'ledger', canary: 'ledger-scc-canary' },
    markers: {},
    podLabels: { app: 'ledger' },
  },
  routes: { divided: [], own: [], destinationRules: [], hasStreams: false },
};

/** The cost of seeing that so many proxies follow a step. */
async function seen(proxies: number): Promise<BenchResult[]> {
  const nonces = { sent: '1', acked: '1' };
  const all = Array.from({ length: proxies }, (_none, index) => ({
    ...{ id: `pod-${index}.shop`, istiod: '127.0.0.1' },
    ...{ routes: nonces, endpoints: nonces, clusters: nonces, listeners: nonces },
  }));
  let calls = 0;
  const answered = async <T>(answer: T): Promise<T> => {
    calls++;
    await delay(ANSWER_MS);
    return answer;
  };
  const router = new IstioRouter({
    kube: Object.create(null) as KubeClient,
    fieldManager: 'bench',
    view: { proxies: () => answered(all), dump: () => answered(ROUTES) },
    boundMs: 0,
    signal: () => undefined,
  });
  const start = performance.now();
  await router.restore(SURVEY, []);
  const value = performance.now() - start;
  const reference = proxies * ANSWER_MS;
  const of = `a step seen in ${proxies} proxies`;
  return [
    {
      name: 'proxies',
      metric: `${of}, calls`,
      value: calls,
      unit: 'calls',
      reference: proxies,
      ratio: calls / proxies,
    },
    { name: 'proxies', metric: `${of}, time`, value, unit: 'ms', reference, ratio: value / reference },
  ];
}

/** Calls of istiod's debug endpoints and time for one step, with one call for each proxy after the other as the reference. */
const bench: Bench = {
  name: 'proxies',
  run: async () => [...(await seen(10)), ...(await seen(100)), ...(await seen(1_000))],
};
export default bench;
