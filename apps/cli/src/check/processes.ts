import type { KubeClient, KubeObject } from '@scc/kube';
import type { CheckFault } from '@scc/runtime';
import { z } from 'zod';
import { lookAtPlatform } from './api.js';
import { faultsOf, type Look, missing, orNotServed } from './look.js';

/** The product's processes; each is a Deployment of that name, whose pods bear the label `scc-NAME`. */
export const PROCESSES = ['governance', 'worker', 'watcher'] as const;
type Process = (typeof PROCESSES)[number];

const deploymentSchema = z.looseObject({
  spec: z.looseObject({
    replicas: z.int().default(1),
    template: z.looseObject({
      spec: z.looseObject({
        containers: z.array(
          z.looseObject({
            env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })).default([]),
          }),
        ),
      }),
    }),
  }),
  status: z
    .looseObject({
      readyReplicas: z.int().default(0),
      conditions: z
        .array(z.looseObject({ type: z.string(), status: z.string(), message: z.string().default('') }))
        .default([]),
    })
    .prefault({}),
});
type Deployment = z.infer<typeof deploymentSchema>;

const stateSchema = z.looseObject({
  waiting: z.looseObject({ reason: z.string().default(''), message: z.string().default('') }).optional(),
  terminated: z.looseObject({ reason: z.string().default(''), exitCode: z.int().default(0) }).optional(),
});
const podSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  status: z
    .looseObject({
      phase: z.string().default(''),
      containerStatuses: z
        .array(z.looseObject({ state: stateSchema.prefault({}), lastState: stateSchema.prefault({}) }))
        .default([]),
      conditions: z
        .array(z.looseObject({ type: z.string(), status: z.string(), message: z.string().default('') }))
        .default([]),
    })
    .prefault({}),
});
export type PodOfProcess = z.infer<typeof podSchema>;

/** Pods of a process that have not ended. */
export async function podsOf(kube: KubeClient, namespace: string, process: Process): Promise<PodOfProcess[]> {
  const labelSelector = `app.kubernetes.io/name=scc-${process}`;
  const { items } = await kube.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace, labelSelector });
  return items.map((item) => podSchema.parse(item)).filter(({ status }) => status.phase !== 'Failed');
}

/** Why a process has no ready pod, in the words of the cluster. */
function reasonOf({ status }: Deployment, pods: readonly PodOfProcess[]): string {
  const refused = status.conditions.find(({ type, status: value }) => type === 'ReplicaFailure' && value === 'True');
  if (refused) return refused.message;
  for (const pod of pods) {
    for (const { state, lastState } of pod.status.containerStatuses) {
      const ended = lastState.terminated ?? state.terminated;
      const because = ended ? ` (it ended with ${ended.reason || 'an error'}, code ${ended.exitCode})` : '';
      if (state.waiting) return `${state.waiting.reason} ${state.waiting.message}${because}`.trim();
      if (ended) return `the container is not ready${because}`;
    }
    const condition = pod.status.conditions.find(({ status: value, message }) => value === 'False' && message !== '');
    if (condition) return condition.message;
  }
  return pods.length === 0 ? 'no pod was made' : 'its pods are not ready';
}

/** Of a variable that is there more than once the last one counts. */
const envOf = ({ spec }: Deployment, name: string): string | undefined =>
  spec.template.spec.containers.flatMap(({ env }) => env).findLast((one) => one.name === name)?.value;

/** The port of a process's health server, as its Deployment says. */
export async function healthPort(kube: KubeClient, namespace: string, process: Process): Promise<number> {
  const found = await deploymentOf(kube, namespace, process);
  return Number((found && envOf(found, 'HEALTH_PORT')) ?? 9100);
}

async function deploymentOf(kube: KubeClient, namespace: string, name: Process): Promise<Deployment | undefined> {
  const object: KubeObject | undefined = await kube.get({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name });
  return object && deploymentSchema.parse(object);
}

/** The variables in which the watcher and the worker have to agree, and governance where it has them. */
const SHARED = ['TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE', 'TEMPORAL_TASK_QUEUE'] as const;

function disagreements(found: ReadonlyMap<Process, Deployment>): CheckFault[] {
  return SHARED.flatMap((variable) => {
    const said = [...found].flatMap(([process, deployment]) => {
      const value = envOf(deployment, variable);
      return value === undefined ? [] : [{ process, value }];
    });
    if (new Set(said.map(({ value }) => value)).size < 2) return [];
    const text = said.map(({ process, value }) => `${process}: ${value}`).join(', ');
    return [
      faultsOf('temporal')(
        `the processes do not agree in ${variable} (${text}), so nobody takes up what the watcher starts`,
        'Install the chart again: helm upgrade; remove variables that were set by hand.',
      ),
    ];
  });
}

/** The Deployments of the product, and whether they were told the same. */
export const lookAtProcesses: Look = async ({ kube, namespace }) => {
  const found = new Map<Process, Deployment>();
  const faults = await Promise.all(
    PROCESSES.map(async (process): Promise<CheckFault[]> => {
      const fault = faultsOf(process);
      const deployment = await deploymentOf(kube, namespace, process);
      if (!deployment)
        return [
          fault(
            `the Deployment ${namespace}/${process} is missing`,
            'Install the chart: helm install, see docs/INSTALL.md.',
          ),
        ];
      found.set(process, deployment);
      if (deployment.status.readyReplicas > 0) return [];
      if (deployment.spec.replicas === 0)
        return [fault('it is scaled to 0', `kubectl -n ${namespace} scale deployment ${process} --replicas 2`)];
      const why = reasonOf(deployment, await podsOf(kube, namespace, process));
      return [
        fault(
          `none of its pods is ready: ${why}`,
          `kubectl -n ${namespace} describe pods -l app.kubernetes.io/name=scc-${process}; kubectl -n ${namespace} logs deployment/${process}`,
        ),
      ];
    }),
  );
  const governance = found.get('governance');
  return [
    ...faults.flat(),
    ...disagreements(found),
    ...(governance ? await lookAtPlatform(kube, envOf(governance, 'SCC_MODE')) : []),
  ];
};

const leaseSchema = z.looseObject({
  spec: z
    .looseObject({
      holderIdentity: z.string().nullish(),
      renewTime: z.string().nullish(),
      leaseDurationSeconds: z.int().nullish(),
    })
    .prefault({}),
});
/** So many of its lives late, a holder is gone. */
const LIVES = 3;

/** What the processes keep in the cluster, and whether a watcher leads. */
export const lookAtState: Look = async ({ kube, namespace }) => {
  const [configMap, account] = ['ConfigMap', 'ServiceAccount'].map((kind) => ({ apiVersion: 'v1', kind, namespace }));
  const absent = await missing(kube, 'installation', [
    { apiVersion: 'v1', kind: 'Namespace', name: 'scc-undo' },
    ...(configMap ? ['scc-audit-checkpoint', 'scc-webhook-entries'].map((name) => ({ ...configMap, name })) : []),
    ...(account ? PROCESSES.map((name) => ({ ...account, name })) : []),
  ]);
  const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', namespace, name: 'scc-watcher' };
  const object = await kube.get(lease).catch(orNotServed);
  if (!object) return [...absent, ...(await missing(kube, 'watcher', [lease]))];
  const { holderIdentity, renewTime, leaseDurationSeconds } = leaseSchema.parse(object).spec;
  const age = renewTime ? Date.now() - Date.parse(renewTime) : Number.POSITIVE_INFINITY;
  const isLed = Boolean(holderIdentity) && age < (leaseDurationSeconds ?? 10) * LIVES * 1000;
  return isLed
    ? absent
    : [
        ...absent,
        faultsOf('watcher')(
          holderIdentity ? `${holderIdentity} leads no more: the Lease is not renewed` : 'no watcher leads',
          `kubectl -n ${namespace} logs deployment/watcher; plans are not taken up meanwhile`,
        ),
      ];
};
