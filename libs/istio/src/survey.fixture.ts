import type { KubeClient, KubeObject } from '@scc/kube';
import type { SurveyRequest } from '@scc/routing';
import type { VirtualServiceSpec } from './schema.js';
import { surveyRoutes } from './survey-cluster.js';

/** What is found for the workload `ledger` in a cluster with these VirtualServices. */
export function surveyed(
  asked: Pick<SurveyRequest, 'testers' | 'affinity'>,
  routes: VirtualServiceSpec[],
  ports: object[] = [{ port: 80, name: 'http' }],
) {
  const metadata = { name: 'ledger', namespace: 'shop' };
  const service: KubeObject = { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports } };
  const objects = routes.map((one): KubeObject => ({ apiVersion: 'x', kind: 'VirtualService', metadata, spec: one }));
  const kube: Pick<KubeClient, 'get' | 'list'> = {
    get: () => Promise.resolve(service),
    list: ({ kind }) => Promise.resolve({ items: kind === 'VirtualService' ? objects : [], resourceVersion: '1' }),
  };
  const services = [{ name: 'ledger', canary: 'ledger-scc-canary' }];
  const label = { key: 'app', stable: 'ledger', canary: 'ledger-scc-canary' };
  return surveyRoutes(kube, { namespace: 'shop', services, label, markers: {}, ...asked });
}
