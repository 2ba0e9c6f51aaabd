import { waitForAnswers, waitForDeployments, type Stack } from '../../src/index.js';
import { accountUnder } from '../account.fixture.js';
import { DEPLOYMENTS, NAMESPACE, ROUTES } from '../engine.fixture.js';

/** Two pods that take a while to start, behind one Service and one route. */
export const manifestsOf = (
  name: string,
  namespace = NAMESPACE,
): string => `${accountUnder('anyuid', namespace, name)}---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  replicas: 2
  selector: { matchLabels: { app: ${name} } }
  strategy: { type: RollingUpdate, rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      serviceAccountName: ${name}
      terminationGracePeriodSeconds: 10
      containers:
        - name: app
          image: scc.poc/healthy:1
          env: [{ name: START_SECONDS, value: '2' }]
          ports: [{ name: http, containerPort: 8080 }]
          readinessProbe: { httpGet: { path: /readyz, port: http }, periodSeconds: 1, timeoutSeconds: 5 }
          resources: { requests: { cpu: 10m, memory: 8Mi } }
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  selector: { app: ${name} }
  ports: [{ name: http, port: 80, targetPort: http }]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  hosts: [${name}.shop.example, ${name}]
  gateways: [shop/shop, mesh]
  http: [{ retries: { attempts: 0 }, route: [{ destination: { host: ${name}, port: { number: 80 } } }] }]
`;

/** Applies workloads and waits until both proxies reach each of them. */
export async function deploy(stack: Stack, names: readonly string[]): Promise<void> {
  await stack.apply(names.map((name) => manifestsOf(name)).join('---\n'));
  await waitForDeployments(stack.api, NAMESPACE);
  const reached = names.flatMap((name) => [
    waitForAnswers(stack.addresses.sidecar, name),
    waitForAnswers(stack.addresses.ingress, `${name}.shop.example`),
  ]);
  await Promise.all(reached);
}

export async function remove(stack: Stack, names: readonly string[]): Promise<void> {
  const paths = names.flatMap((name) => [
    `${ROUTES}/${name}`,
    `${DEPLOYMENTS}/${name}`,
    `/api/v1/namespaces/${NAMESPACE}/services/${name}`,
  ]);
  await Promise.all(paths.map((path) => stack.api.call('DELETE', path)));
}

/** Requests through both proxies. @param rate of each, a second */
export const streamsOf = (name: string, rate: number) => [
  { name: `${name}-ingress`, via: 'ingress' as const, host: `${name}.shop.example`, rate },
  { name: `${name}-sidecar`, via: 'sidecar' as const, host: name, rate },
];
