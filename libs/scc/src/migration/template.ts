import type { Subject } from '../admission/request.js';
import { accountOf, type Container, type Pod, type PodSpec, type PodTemplate, type Volume } from '../model/pod.js';

export type WorkloadKind =
  | 'Deployment'
  | 'ReplicaSet'
  | 'StatefulSet'
  | 'DaemonSet'
  | 'Job'
  | 'CronJob'
  | 'ReplicationController'
  | 'DeploymentConfig'
  | 'Pod';

export interface WorkloadOrigin {
  readonly namespace: string;
  /** Of the workload; the pod gets a generated name, or ordinal 0 of a StatefulSet. */
  readonly name: string;
  readonly kind: WorkloadKind;
  /** Names of a StatefulSet's volumeClaimTemplates. */
  readonly volumeClaimTemplates?: readonly string[] | undefined;
  /** `automountServiceAccountToken` of the ServiceAccount; the template's own setting outranks it. */
  readonly automountToken?: boolean | undefined;
}

const CONTROLLERS = {
  Deployment: 'replicaset-controller',
  ReplicaSet: 'replicaset-controller',
  StatefulSet: 'statefulset-controller',
  DaemonSet: 'daemon-set-controller',
  Job: 'job-controller',
  CronJob: 'job-controller',
  ReplicationController: 'replication-controller',
  DeploymentConfig: 'replication-controller',
} as const;

/** The requester of a workload's pods: the controller, which unlike the pod's ServiceAccount is authenticated. */
export function controllerSubject(kind: Exclude<WorkloadKind, 'Pod'>): Subject {
  return {
    name: `system:serviceaccount:kube-system:${CONTROLLERS[kind]}`,
    groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
  };
}

const TOKEN_MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

const tokenVolume = (): Volume => ({
  name: 'kube-api-access',
  projected: {
    defaultMode: 420,
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
  },
});

const hasSource = (volume: Volume): boolean => Object.keys(volume).some((key) => key !== 'name' && volume[key] != null);

function mountsToken(container: Container): boolean {
  const mounts: unknown = container['volumeMounts'];
  return Array.isArray(mounts) && mounts.some((mount: { mountPath?: unknown }) => mount.mountPath === TOKEN_MOUNT);
}

function volumesOf(spec: PodSpec, { kind, name, volumeClaimTemplates, automountToken }: WorkloadOrigin): Volume[] {
  const claims = kind === 'StatefulSet' ? (volumeClaimTemplates ?? []) : [];
  const own = (spec.volumes ?? [])
    .filter((volume) => !claims.includes(volume.name))
    .map((volume) => (hasSource(volume) ? volume : { ...volume, emptyDir: {} }));
  const volumes = [
    ...own,
    ...claims.map((claim) => ({ name: claim, persistentVolumeClaim: { claimName: `${claim}-${name}-0` } })),
  ];
  const automount = spec['automountServiceAccountToken'] ?? automountToken ?? true;
  const needed = [...(spec.initContainers ?? []), ...spec.containers].some((container) => !mountsToken(container));
  return automount === true && needed ? [...volumes, tokenVolume()] : volumes;
}

/** Pods on the node's network publish every container port there. */
const onHostNetwork = (container: Container): Container =>
  container.ports
    ? {
        ...container,
        ports: container.ports.map((port) => ({
          ...port,
          hostPort: port.hostPort === 0 ? port.containerPort : (port.hostPort ?? port.containerPort),
        })),
      }
    : container;

/**
 * The pod that a workload's controller would ask for, with what Kubernetes fills in before SCC admission looks at it.
 * Containers that other webhooks inject are not in it.
 */
export function podFromTemplate(template: PodTemplate, origin: WorkloadOrigin): Pod {
  const { spec, metadata } = template;
  const account = accountOf(spec);
  const publish = (containers: readonly Container[] | null | undefined) =>
    (containers ?? []).map((container) => (spec.hostNetwork ? onHostNetwork(container) : container));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      labels: { ...metadata?.labels },
      annotations: { ...metadata?.annotations },
      namespace: origin.namespace,
      ...(origin.kind === 'StatefulSet' ? { name: `${origin.name}-0` } : { generateName: `${origin.name}-` }),
    },
    spec: {
      ...spec,
      serviceAccountName: account,
      serviceAccount: account,
      securityContext: spec.securityContext ?? {},
      volumes: volumesOf(spec, origin),
      containers: publish(spec.containers),
      initContainers: publish(spec.initContainers),
    },
  };
}
