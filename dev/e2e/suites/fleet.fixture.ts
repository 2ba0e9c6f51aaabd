import type { CampaignSpecInput } from '@scc/plan';
import { scaled } from '@scc/testing/scale';
import { accountUnder } from '../account.fixture.js';

/** A fleet of mixed workloads for one campaign in four waves: six in the gate, sixty in `npm run verify`. */

const SIZE = scaled(6);
const WAVES = 4;
export const FLEET = 'fleet';
/** Where the author of the campaign has no rights to begin with. */
export const VAULT = 'vault';

/** `quiet` workloads serve nobody: their pods only say that they are ready. */
type Shape = 'served' | 'needs-root' | 'quiet' | 'as-root' | 'set' | 'daemon';
const TURNS: readonly Shape[] = ['served', 'quiet', 'set', 'quiet', 'as-root', 'daemon'];
const KINDS = { set: 'StatefulSet', daemon: 'DaemonSet' } as const;

interface FleetWorkload {
  namespace: string;
  name: string;
  kind: 'Deployment' | 'StatefulSet' | 'DaemonSet';
  shape: Shape;
  wave: number;
}

/** Workloads of each wave, the first ones larger. */
export const SIZES = Array.from(
  { length: WAVES },
  (_wave, at) => Math.floor(SIZE / WAVES) + (at < SIZE % WAVES ? 1 : 0),
);
const waveOf = (at: number): number =>
  1 + SIZES.findIndex((_size, wave) => at < SIZES.slice(0, wave + 1).reduce((sum, size) => sum + size));
const PLACE_OF_BROKEN = 3;
/** The one that cannot run under its target, in the second wave. */
const BROKEN = Array.from({ length: SIZE }, (_one, at) => at).find(
  (at) => waveOf(at) === 2 && at % TURNS.length === PLACE_OF_BROKEN,
);
const shapeOf = (at: number): Shape => {
  if (at === 1) return 'served';
  return at === BROKEN ? 'needs-root' : (TURNS[at % TURNS.length] ?? 'quiet');
};
export const MEMBERS: readonly FleetWorkload[] = Array.from({ length: SIZE }, (_one, at) => {
  const shape = shapeOf(at);
  return {
    namespace: at === 1 ? VAULT : FLEET,
    name: `fleet-${String(at + 1).padStart(2, '0')}`,
    kind: shape === 'set' || shape === 'daemon' ? KINDS[shape] : 'Deployment',
    shape,
    wave: waveOf(at),
  };
});

export const FAILING = {
  /** The author of the campaign may not touch it. */
  withoutRights: MEMBERS.find(({ namespace }) => namespace === VAULT)?.name ?? '',
  /** Its pods do not start under the target. */
  broken: MEMBERS.find(({ shape }) => shape === 'needs-root')?.name ?? '',
};
const isServed = ({ shape }: FleetWorkload): boolean => shape === 'served' || shape === 'needs-root';
/** Requests a second to each: sixty workloads on one machine leave little for them, and each has more time then. */
const RATE = scaled(1) > 1 ? 5 : 20;
export const ANSWER_MS = scaled(1) > 1 ? 60_000 : 10_000;
/** A stream of requests to each workload that serves. */
export const streams = () =>
  MEMBERS.filter(isServed).map(({ namespace, name }) => ({
    name,
    via: 'ingress' as const,
    host: `${name}.${namespace}.example`,
    rate: RATE,
  }));

const RBAC = 'apiVersion: rbac.authorization.k8s.io/v1';
const PROBE = 'readinessProbe: { httpGet: { path: /readyz, port: http }, periodSeconds: 1, timeoutSeconds: 5 }';
const SPECS: Record<FleetWorkload['kind'], string> = {
  Deployment: 'replicas: 1\n  strategy: { type: RollingUpdate, rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }',
  StatefulSet: 'replicas: 1\n  serviceName: none',
  DaemonSet: 'updateStrategy: { type: RollingUpdate }',
};

function manifestOf(workload: FleetWorkload): string {
  const { namespace, name, kind, shape } = workload;
  const user = shape === 'as-root' ? '\n          securityContext: { runAsUser: 0 }' : '';
  const image = shape === 'needs-root' ? shape : 'healthy';
  return `${accountUnder('anyuid', namespace, name)}---
apiVersion: apps/v1
kind: ${kind}
metadata: { name: ${name}, namespace: ${namespace}, labels: { fleet: one } }
spec:
  ${SPECS[kind]}
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      serviceAccountName: ${name}
      terminationGracePeriodSeconds: 10
      containers:
        - name: app
          image: scc.poc/${image}:1
          ports: [{ name: http, containerPort: 8080 }]
          ${PROBE}${user}
---${isServed(workload) ? wayTo(workload) : ''}`;
}

const wayTo = ({ namespace, name }: FleetWorkload): string => `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: ${namespace} }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: 80, targetPort: http }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  hosts: [${name}.${namespace}.example]
  gateways: [shop/shop]
  http: [{ retries: { attempts: 0 }, route: [{ destination: { host: ${name}, port: { number: 80 } } }] }]
---`;

/** The author's rights in a namespace. */
export const edits = (namespace: string): string => `
${RBAC}
kind: RoleBinding
metadata: { name: fleet-author, namespace: ${namespace} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: fleet-edits }
subjects: [{ kind: ServiceAccount, name: fleet-author, namespace: ${FLEET} }]
---`;
const namespace = (name: string): string => `
apiVersion: v1
kind: Namespace
metadata: { name: ${name}, labels: { scc.poc/enforce: 'true' } }
---`;
export const MANIFESTS = `
${[FLEET, VAULT].map(namespace).join('')}
${MEMBERS.map(manifestOf).join('')}
{ apiVersion: v1, kind: ServiceAccount, metadata: { name: fleet-author, namespace: ${FLEET} } }
---
{ apiVersion: v1, kind: ServiceAccount, metadata: { name: fleet-approver, namespace: ${FLEET} } }
---
${RBAC}
kind: ClusterRole
metadata: { name: fleet-edits }
rules: [{ apiGroups: [apps], resources: [deployments, statefulsets, daemonsets], verbs: [get, update, patch] }]
---
${RBAC}
kind: ClusterRole
metadata: { name: fleet-campaigns }
rules: [{ apiGroups: [scc.poc], resources: [sccmigrationcampaigns], verbs: [create, get, patch] }]
---
${RBAC}
kind: ClusterRoleBinding
metadata: { name: fleet-campaigns }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: fleet-campaigns }
subjects:
  - { kind: ServiceAccount, name: fleet-author, namespace: ${FLEET} }
  - { kind: ServiceAccount, name: fleet-approver, namespace: ${FLEET} }
---
${edits(FLEET)}
`;

/** One of the two that fail is within the budget. */
export const FLEET_SPEC: CampaignSpecInput = {
  workloads: MEMBERS.map(({ namespace: of, kind, name, wave }) => ({ namespace: of, kind, name, wave })),
  template: {
    traffic: { mirror: { duration: '0s' }, interval: '0s' },
    gates: { metrics: [], readiness: { timeout: scaled(1) > 1 ? '90s' : '30s' } },
  },
  maxConcurrent: scaled(1) > 1 ? 6 : 3,
  soak: '0s',
  failureBudget: 1,
  approval: { required: true },
};
