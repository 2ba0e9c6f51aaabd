import type { KubeObject } from '@scc/kube';
import type { Facts } from './facts.js';
import { aSet, someFacts } from './facts.fixture.js';
import { deliveredWarnings, managedViolations } from './managed.js';

const namespace = (labels: Record<string, string>, name = 'shop'): Partial<Facts> => ({ namespace: { name, labels } });
const ambient = namespace({ 'istio.io/dataplane-mode': 'ambient' });
const podMode = (mode: string) => ({
  template: {
    metadata: { labels: { app: 'ledger', 'istio.io/dataplane-mode': mode } },
    spec: { containers: [{ name: 'app', image: 'ledger:1' }] },
  },
});
const waypoint = namespace({ 'istio.io/use-waypoint': 'edge' });
const podWaypoint = {
  template: {
    metadata: { labels: { app: 'ledger', 'istio.io/use-waypoint': 'edge' } },
    spec: { containers: [{ name: 'app', image: 'ledger:1' }] },
  },
};
/** A workload whose Service has these labels. */
const behind = (labels: Record<string, string>, facts: Partial<Facts> = {}): Facts =>
  someFacts({
    facts,
    services: [{ name: 'ledger', selector: { app: 'ledger' }, labels, sessionAffinity: 'None', others: [] }],
  });
const scaler = (minReplicas: number | undefined, metadata: object = {}): KubeObject => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'ledger', namespace: 'shop', ...metadata },
  spec: { ...(minReplicas === undefined ? {} : { minReplicas }), maxReplicas: 9 },
});
const keda = {
  ownerReferences: [
    { apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject', name: 'ledger', uid: 's', controller: true },
  ],
};
const scaled = (autoscaler: KubeObject, facts = someFacts()): Facts => {
  if (!facts.workload) throw new Error('no workload');
  return { ...facts, workload: { ...facts.workload, autoscalers: [autoscaler] } };
};

describe('managedViolations', () => {
  it.each<[string, Facts, string[]]>([
    ['finds nothing in an ordinary namespace', someFacts({ facts: namespace({}) }), []],
    ['refuses a namespace of the system', someFacts({ facts: namespace({}, 'default') }), ['NamespaceExempt']],
    [
      'refuses one with a run level, also for a StatefulSet',
      aSet({ facts: namespace({ 'openshift.io/run-level': '1' }) }),
      ['NamespaceExempt'],
    ],
    [
      'refuses one that is taken out of SCC admission',
      someFacts({ facts: namespace({ 'security.openshift.io/disable-securitycontextconstraints': 'true' }) }),
      ['NamespaceExempt'],
    ],
    ['refuses a workload of the ambient mesh', someFacts({ facts: ambient }), ['AmbientNotDivided']],
    ['takes one that is out of it', someFacts({ facts: ambient, deployment: podMode('none') }), []],
    ['refuses one whose Service a waypoint serves', behind({ 'istio.io/use-waypoint': 'edge' }), ['AmbientNotDivided']],
    ['refuses one whose namespace a waypoint serves', someFacts({ facts: waypoint }), ['AmbientNotDivided']],
    ['refuses one whose pods a waypoint serves', someFacts({ deployment: podWaypoint }), ['AmbientNotDivided']],
    ['takes one whose Service is out of its namespace’s', behind({ 'istio.io/use-waypoint': 'none' }, waypoint), []],
    [
      'takes one behind a waypoint that the plan accepts',
      someFacts({ facts: waypoint, spec: { traffic: { accept: [{ kind: 'Namespace', name: 'shop' }] } } }),
      [],
    ],
    ['refuses one that is in it alone', someFacts({ deployment: podMode('ambient') }), ['AmbientNotDivided']],
    [
      'takes one that the plan accepts',
      someFacts({ facts: ambient, spec: { traffic: { accept: [{ kind: 'Namespace', name: 'shop' }] } } }),
      [],
    ],
    ['divides nothing of a StatefulSet', aSet({ facts: ambient }), []],
    ['holds an autoscaler of the user', scaled(scaler(1)), []],
    ['cannot hold one that KEDA writes', scaled(scaler(1, keda)), ['AutoscalerIsManaged']],
    ['cannot hold the default minimum either, or none', scaled(scaler(undefined, keda)), ['AutoscalerIsManaged']],
    ['need not hold one that is held already', scaled(scaler(3, keda)), []],
    ['holds none for a StatefulSet', scaled(scaler(1, keda), aSet()), []],
  ])('%s', (_case, facts, expected) => {
    expect(managedViolations(facts).map(({ code }) => code)).toEqual(expected);
  });

  it.each<[string, Facts, string, string]>([
    [
      'of a Service',
      behind({ 'istio.io/use-waypoint': 'edge', 'istio.io/use-waypoint-namespace': 'mesh' }),
      'callers in the ambient mesh reach Service ledger by the waypoint Gateway mesh/edge',
      'label Service ledger istio.io/use-waypoint: none, or accept',
    ],
    [
      'of the pods',
      someFacts({ deployment: podWaypoint }),
      'callers in the ambient mesh reach the pods of Deployment ledger by the waypoint Gateway edge',
      'label the template of Deployment ledger istio.io/use-waypoint: none, or accept',
    ],
    [
      'of a workload that is in the ambient mesh itself',
      someFacts({ facts: namespace({ 'istio.io/dataplane-mode': 'ambient', 'istio.io/use-waypoint': 'edge' }) }),
      'ztunnel and the waypoint Gateway edge send requests to them',
      'label istio.io/dataplane-mode: none, istio-injection: enabled',
    ],
  ])('names the waypoint %s, and what to do by hand', (_case, facts, message, remedy) => {
    expect(managedViolations(facts)).toMatchObject([
      { message: expect.stringContaining(message) as string, remedy: expect.stringContaining(remedy) as string },
    ]);
  });

  it('names who owns an autoscaler, and what to set there', () => {
    expect(managedViolations(scaled(scaler(1, keda)))[0]).toMatchObject({
      message: expect.stringContaining('HorizontalPodAutoscaler ledger is controlled by ScaledObject ledger') as string,
      remedy: expect.stringContaining('Set the minimum in ScaledObject ledger to 3') as string,
    });
  });
});

describe('deliveredWarnings', () => {
  const argo = { labels: { 'argocd.argoproj.io/instance': 'shop' } };
  it.each<[string, KubeObject, number]>([
    ['warns of an autoscaler that a tool delivers', scaler(1, argo), 1],
    ['has nothing to say of one that need not be held', scaler(3, argo), 0],
    ['has nothing to say of one that no tool delivers', scaler(1), 0],
  ])('%s', (_case, autoscaler, expected) => {
    const { workload } = scaled(autoscaler);
    expect(workload && deliveredWarnings(workload)).toHaveLength(expected);
  });
});
