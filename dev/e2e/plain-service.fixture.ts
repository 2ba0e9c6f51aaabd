import { beforeAll, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { PLAIN_SERVICE, startLoad, type Stack, waitForDeployments } from '../src/index.js';
import { DEPLOYMENTS, type Engine, longHolds, NAMESPACE } from './engine.fixture.js';

const NAME = 'till';
const REPLICAS = 3;
const SERVICES = `/api/v1/namespaces/${NAMESPACE}/services`;
const BUDGETS = `/apis/policy/v1/namespaces/${NAMESPACE}/poddisruptionbudgets`;
const LABELS = { app: NAME };

const budgetSchema = z.looseObject({ status: z.looseObject({ expectedPods: z.int() }) });

/** A workload whose Service no proxy of the mesh knows, and which callers reach at its cluster address. */
export function plainService(engine: Engine, stackOf: () => Stack): void {
  const { apply, until, untilPhase, untilWeight, handleOf, remains, specOf } = engine;
  const streams = [{ name: NAME, via: 'service' as const, host: NAME, rate: 50 }];

  beforeAll(async () => {
    const { api } = stackOf();
    await api.create(`/api/v1/namespaces/${NAMESPACE}/serviceaccounts`, { metadata: { name: NAME } });
    await api.create(`/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}/rolebindings`, {
      metadata: { name: `${NAME}-anyuid` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:openshift:scc:anyuid' },
      subjects: [{ kind: 'ServiceAccount', name: NAME, namespace: NAMESPACE }],
    });
    await api.create(DEPLOYMENTS, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: NAME, labels: LABELS },
      spec: {
        replicas: REPLICAS,
        selector: { matchLabels: LABELS },
        strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        template: {
          metadata: { labels: LABELS },
          spec: {
            serviceAccountName: NAME,
            terminationGracePeriodSeconds: 10,
            containers: [
              {
                name: 'app',
                image: 'scc.poc/healthy:1',
                ports: [{ name: 'http', containerPort: 8080 }],
                readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 },
              },
            ],
          },
        },
      },
    });
    await api.create(SERVICES, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: NAME, labels: LABELS, annotations: { 'networking.istio.io/exportTo': '~' } },
      spec: { clusterIP: PLAIN_SERVICE, selector: LABELS, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    });
    await api.create(BUDGETS, {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: NAME },
      spec: { minAvailable: 1, selector: { matchLabels: LABELS } },
    });
    await waitForDeployments(api, NAMESPACE);
    const asked = ['-s', '-o', '/dev/null', '-w', '%{http_code}', `http://${PLAIN_SERVICE}/`];
    await waitFor(async () => (await stackOf().exec('curl', asked)) === '200', {
      timeoutMs: 60_000,
      everyMs: 200,
      what: `${NAME} to be served`,
    });
  }, 240_000);

  const served = (share: number) => [
    { kind: 'Service', name: NAME, dividedBy: 'Replicas', verifiedBy: 'Bound', share },
  ];

  it('is told in a dry run that its pods divide it, and into which shares', async () => {
    await apply('plain-dry', NAME, { dryRun: true, traffic: { ...longHolds, weights: [10, 50, 100] } });
    const { traffic, warnings = [] } = await until('plain-dry', ({ phase }) => phase === 'Completed', 'completed');
    expect(traffic).toMatchObject([{ kind: 'Service', name: NAME, dividedBy: 'Replicas' }]);
    expect(warnings.join()).toContain('weights 10 % as 25 %, 50 % as 50 %, 100 % as 100 %');
  });

  it('is undone at 25 %, and its disruption budget counts no pod of the canary', async () => {
    const before = await specOf(`${SERVICES}/${NAME}`);
    const load = await startLoad(stackOf(), { streams });
    await apply('plain-undone', NAME, { traffic: { ...longHolds, weights: [25, 100] } });
    expect((await untilWeight('plain-undone', 25)).traffic).toEqual(served(25));
    expect(budgetSchema.parse(await stackOf().api.get(`${BUDGETS}/${NAME}`)).status.expectedPods).toBe(REPLICAS);
    await (await handleOf('plain-undone')).signal('rollback');
    await untilPhase('plain-undone', 'RolledBack');
    const { total } = await load.stop();
    expect(total.failed).toBe(0);
    expect(await remains()).toEqual([]);
    expect(await specOf(`${SERVICES}/${NAME}`)).toEqual(before);
  });

  it('completes without a failed request', async () => {
    const before = await specOf(`${SERVICES}/${NAME}`);
    const load = await startLoad(stackOf(), { streams });
    await apply('plain', NAME);
    await untilPhase('plain', 'Completed');
    const { total } = await load.stop();
    expect(total.failed).toBe(0);
    expect(await remains()).toEqual([]);
    expect(await specOf(`${SERVICES}/${NAME}`)).toEqual(before);
  });
}
