import { expect, it } from '@jest/globals';
import { isRecord, PLAN_TYPE } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { readPlan } from '@scc/worker/testing';
import { type Cluster, idIn } from './world.fixture.js';

/** The longest names that the API server takes, on a workload whose pods are kept apart and spread by their label. */

/** What a name of the API server ends with at its longest: parts with dots, up to 253 characters. */
const named = (begin: string, length: number): string =>
  `${begin}.${'a-long.name-'.repeat(30)}`.slice(0, length - 1).replace(/[.-]+$/, 'x') + 'z';

/** Its controller shortens it for the ReplicaSets; those of older versions cannot make any, and say why. */
const WORKLOAD = named('wide', 253);
const PLAN = named('plan', 253);
const NAMESPACE = 'bare';

const selector = { matchLabels: { app: 'wide' } };
const WIDE = [
  {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: WORKLOAD, namespace: NAMESPACE } },
    spec: {
      ...{ replicas: 2, selector },
      // Where pods are kept apart on as many nodes, none can be added before one is taken away.
      strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
      template: {
        metadata: { labels: { app: 'wide' } },
        spec: {
          containers: [
            {
              ...{ name: 'app', image: 'scc.poc/healthy:1', ports: [{ name: 'http', containerPort: 8080 }] },
              readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 },
              // The last of two counts; a server-side apply refuses them.
              env: [
                { name: 'MODE', value: 'first' },
                { name: 'MODE', value: 'last' },
              ],
            },
          ],
          serviceAccountName: 'ledger',
          affinity: {
            podAntiAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: [
                { topologyKey: 'kubernetes.io/hostname', labelSelector: selector },
              ],
            },
          },
          topologySpreadConstraints: [
            {
              ...{ maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'DoNotSchedule' },
              labelSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['wide'] }] },
            },
          ],
        },
      },
    },
  },
  {
    ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'wide', namespace: NAMESPACE } },
    spec: { selector: { app: 'wide' }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
  },
];

/** Declares its test; it needs the namespace of the world without routes. */
export function longestNames(bench: () => { cluster: Cluster }): void {
  it('a plan of 253 characters moves a workload of as many, whose pods are kept apart, and can be deleted', async () => {
    const { cluster } = bench();
    const { admin } = cluster;
    for (const object of WIDE) await admin.create(object);
    const id = { ...PLAN_TYPE, namespace: NAMESPACE, name: PLAN };
    expect([PLAN.length, WORKLOAD.length]).toEqual([253, 253]);
    const available = async (): Promise<true | undefined> => {
      const status = (await admin.get(idIn(NAMESPACE, 'Deployment', WORKLOAD)))?.['status'];
      return isRecord(status) && status['availableReplicas'] === 2 ? true : undefined;
    };
    await waitFor(available, { timeoutMs: 60_000, what: 'the workload with the long name' });
    const spec = { workloadRef: { kind: 'Deployment', name: WORKLOAD }, targetSCC: 'restricted-v2' };
    const { metadata } = await admin.create({ ...PLAN_TYPE, metadata: { namespace: NAMESPACE, name: PLAN }, spec });
    const ref = { namespace: NAMESPACE, name: PLAN, uid: metadata.uid ?? '' };
    const activities = cluster.run({ ref });
    expect(await activities.acceptPlan(ref)).toMatchObject({ accepted: true });
    const assessed = await activities.assess(ref, await readPlan(admin, ref));
    if (!assessed.ok) throw new Error(JSON.stringify(assessed.violations));
    const { target } = assessed;

    await activities.createCanary(target);
    // Apart from each other, and not from the pods that they copy: there are fewer nodes than pods of both.
    await expect(activities.awaitCanary(target, 60_000)).resolves.toHaveLength(2);
    const canary = await admin.get(idIn(NAMESPACE, 'Deployment', target.canary));
    const labels = { app: target.label.canary };
    expect(canary?.['spec']).toMatchObject({
      template: {
        metadata: { labels },
        spec: {
          affinity: {
            podAntiAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: labels } }],
            },
          },
          topologySpreadConstraints: [{ labelSelector: { matchExpressions: [{ key: 'app', values: [labels.app] }] } }],
        },
      },
    });
    const workload = { kind: 'Deployment' as const, name: WORKLOAD, uid: target.workloadUid };
    const events = [{ type: 'UndoStarted' as const, cause: 'gate' as const, message: 'the name is long' }];
    await activities.project(ref, { status: { phase: 'RollingBack' }, events, workload, unreported: [] });
    await activities.removeCanary(target);
    expect(await admin.get(idIn(NAMESPACE, 'Deployment', target.canary))).toBeUndefined();

    await admin.delete(id);
    await activities.releasePlan(ref);
    await waitFor(async () => ((await admin.get(id)) ? undefined : true), {
      timeoutMs: 30_000,
      what: 'the plan to go',
    });
    for (const { apiVersion, kind, metadata: made } of WIDE) await admin.delete({ apiVersion, kind, ...made });
  });
}
