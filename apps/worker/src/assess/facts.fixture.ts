import { chooseStrategy, planSpecSchema, type PlanSpecInput } from '@scc/plan';
import { compileSCCs, defaultSCCs } from '@scc/scc';
import { daemonSetSchema } from '../cluster/daemons.js';
import { deploymentSchema } from '../cluster/objects.js';
import { statefulSetSchema } from '../cluster/ordinals.js';
import { rolloutOf, type Rollout, type RolloutPod } from '../cluster/rollout.js';
import type { Facts, AssessedWorkload } from './facts.js';

interface Over {
  spec?: Partial<PlanSpecInput>;
  /** Of the Deployment. */
  deployment?: Record<string, unknown>;
  podSpec?: Record<string, unknown>;
  pods?: Partial<RolloutPod>[];
  services?: AssessedWorkload['services'];
  claims?: AssessedWorkload['claims'];
  /** Of the Deployment's metadata. */
  metadata?: Record<string, unknown>;
  facts?: Partial<Facts>;
}

/** A healthy Deployment of three pods under anyuid and a plan to move it to restricted-v2. */
export function someFacts({
  spec,
  deployment,
  podSpec,
  pods = [{}, {}, {}],
  services,
  claims,
  metadata,
  facts,
}: Over = {}): Facts {
  const labels = { app: 'ledger' };
  const object = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'ledger', namespace: 'shop', uid: 'w1', generation: 1, ...metadata },
    spec: {
      replicas: 3,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { serviceAccountName: 'ledger', containers: [{ name: 'app', image: 'ledger:1' }], ...podSpec },
      },
      ...deployment,
    },
    status: { observedGeneration: 1, replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 },
  };
  const parsed = planSpecSchema.parse({
    workloadRef: { kind: 'Deployment', name: 'ledger' },
    targetSCC: 'restricted-v2',
    ...spec,
  });
  const behind = {
    services: services ?? [{ name: 'ledger', selector: labels, sessionAffinity: 'None', others: [] }],
    claims: claims ?? [],
  };
  return {
    ref: { namespace: 'shop', name: 'move', uid: 'u1' },
    spec: parsed,
    planAnnotations: {},
    planCreatedAt: null,
    namespace: {
      name: 'shop',
      annotations: {
        'openshift.io/sa.scc.uid-range': '1000650000/10000',
        'openshift.io/sa.scc.supplemental-groups': '1000650000/10000',
        'openshift.io/sa.scc.mcs': 's0:c26,c5',
      },
    },
    ownedLabels: [],
    sccs: compileSCCs(defaultSCCs()),
    workload: {
      object,
      strategy: chooseStrategy({
        ...{ kind: parsed.workloadRef.kind, asked: parsed.strategy?.type, ...behind },
        replicas: object.spec.replicas,
      }),
      deployment: deploymentSchema.parse(object),
      ordered: null,
      daemon: null,
      cron: null,
      rollout: rolloutOf(object),
      pods: pods.map((pod, index) => ({
        name: `ledger-${index}`,
        uid: `p${index}`,
        scc: 'anyuid',
        node: 'node-1',
        ready: true,
        trouble: null,
        leaving: false,
        createdAt: '',
        ...pod,
      })),
      ...behind,
      servicesByEndpoints: [],
      autoscalers: [],
      livePods: [],
    },
    policies: { copied: [], foreign: [], unread: [], unreadOfPlatform: [] },
    ways: [],
    unread: [],
    serviceAccount: { name: 'ledger', exists: true, automountToken: undefined },
    inTheWay: [],
    ...facts,
  };
}

/** The same of a StatefulSet, whose volumes are its pods' own. */
export function aSet({
  updateStrategy,
  rollout,
  claimTemplates = [],
  ...over
}: Over & { updateStrategy?: object; rollout?: Rollout; claimTemplates?: string[] } = {}): Facts {
  const facts = someFacts({ ...over, spec: { workloadRef: { kind: 'StatefulSet', name: 'ledger' }, ...over.spec } });
  const { workload } = facts;
  if (!workload) return facts;
  const written = workload.object['spec'] as Record<string, unknown>;
  const volumeClaimTemplates = claimTemplates.map((name) => ({ metadata: { name } }));
  const spec = { ...written, volumeClaimTemplates, ...(updateStrategy ? { updateStrategy } : {}) };
  const object = { ...workload.object, kind: 'StatefulSet', spec };
  const ordered = statefulSetSchema.parse(object).spec;
  return { ...facts, workload: { ...workload, object, ordered, rollout: rollout ?? { state: 'done' } } };
}

/** The same of a DaemonSet. */
export function aDaemonSet(over: Over = {}): Facts {
  const facts = someFacts({ ...over, spec: { workloadRef: { kind: 'DaemonSet', name: 'ledger' }, ...over.spec } });
  const { workload } = facts;
  if (!workload) return facts;
  const object = { ...workload.object, kind: 'DaemonSet' };
  return {
    ...facts,
    workload: { ...workload, object, daemon: daemonSetSchema.parse(object).spec, rollout: { state: 'done' } },
  };
}
