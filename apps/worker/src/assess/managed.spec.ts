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
