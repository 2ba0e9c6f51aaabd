import { UNREADY_ANNOTATION } from '@scc/plan';
import { observedSource, type Facts } from './facts.js';
import { aDaemonSet, aSet, someFacts } from './facts.fixture.js';
import { cronJobSchema } from '../cluster/cron-jobs.js';
import { relabelViolations, violationsOf, warningsOf } from './checks.js';

const codes = (facts: Facts): string[] => violationsOf(facts).map(({ code }) => code);
const pinned = {
  metadata: { labels: { app: 'ledger' }, annotations: { 'openshift.io/required-scc': 'restricted-v2' } },
};

describe('violationsOf', () => {
  it.each<[string, Facts, string[]]>([
    ['finds nothing wrong with a healthy workload', someFacts(), []],
    ['refuses a workload that does not exist', someFacts({ facts: { workload: null } }), ['WorkloadNotFound']],
    ['refuses an SCC that does not exist', someFacts({ spec: { targetSCC: 'nothing' } }), ['SCCNotFound']],
    [
      'refuses a ServiceAccount that does not exist',
      someFacts({ facts: { serviceAccount: { name: 'x', exists: false, automountToken: undefined } } }),
      ['ServiceAccountNotFound'],
    ],
    [
      'refuses a source that the pods do not have',
      someFacts({ spec: { sourceSCC: 'privileged' } }),
      ['SourceIsAnother'],
    ],
    [
      'refuses a workload that a controller owns',
      someFacts({
        metadata: { ownerReferences: [{ apiVersion: 'x/v1', kind: 'Shop', name: 's', uid: 's', controller: true }] },
      }),
      ['WorkloadIsOwned'],
    ],
    [
      'refuses a workload that OLM installed, by its owner',
      someFacts({
        metadata: { ownerReferences: [{ apiVersion: 'x/v1', kind: 'ClusterServiceVersion', name: 's', uid: 's' }] },
      }),
      ['WorkloadIsOwned'],
    ],
    [
      'refuses a workload that OLM installed, by its labels',
      someFacts({ metadata: { labels: { 'olm.owner': 'shop.v1', 'olm.owner.kind': 'ClusterServiceVersion' } } }),
      ['WorkloadIsOwned'],
    ],
    [
      'has nothing against an owner that only collects garbage',
      someFacts({ metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 's', uid: 's' }] } }),
      [],
    ],
    [
      'takes a claim that one node alone may mount: its own pods change',
      someFacts({ claims: [{ name: 'data', accessModes: ['ReadWriteOnce'] }] }),
      [],
    ],
    [
      'refuses a canary beside a claim that one node alone may mount',
      someFacts({ spec: { strategy: { type: 'Canary' } }, claims: [{ name: 'data', accessModes: ['ReadWriteOnce'] }] }),
      ['VolumeCannotBeShared'],
    ],
    [
      'refuses a gate that compares where the facts allow no copy',
      someFacts({
        spec: {
          gates: { metrics: [{ name: 'errors', preset: 'request-success-rate', min: 99, relativeTo: 'stable' }] },
        },
        services: [],
      }),
      ['GateCannotCompare'],
    ],
    [
      'accepts a claim that many may mount',
      someFacts({ claims: [{ name: 'data', accessModes: ['ReadWriteMany'] }] }),
      [],
    ],
    [
      "refuses a Service that leads to another workload's pods too",
      someFacts({
        services: [
          { name: 'web', selector: { app: 'ledger' }, sessionAffinity: 'None', others: ['ReplicaSet web-next-1'] },
        ],
      }),
      ['SharedService'],
    ],
    ['accepts the source that they have', someFacts({ spec: { sourceSCC: 'anyuid' } }), []],
    [
      'refuses what is done already',
      someFacts({
        pods: [{ scc: 'restricted-v2' }],
        deployment: { template: { ...pinned, spec: { containers: [] } } },
      }),
      ['AlreadyMigrated'],
    ],
    [
      'moves pods that are under the target by chance but not pinned to it',
      someFacts({ pods: [{ scc: 'restricted-v2' }] }),
      [],
    ],
    ['refuses a paused workload', someFacts({ deployment: { paused: true } }), ['WorkloadPaused']],
    ['takes a workload without replicas', someFacts({ deployment: { replicas: 0 }, pods: [] }), []],
    [
      'refuses a canary of one without replicas',
      someFacts({ spec: { strategy: { type: 'Canary' } }, deployment: { replicas: 0 }, pods: [] }),
      ['NoReplicas'],
    ],
    ['refuses an unhealthy source', someFacts({ deployment: { replicas: 4 } }), ['SourceNotReady']],
    [
      'moves an unhealthy source when its author says so',
      someFacts({ deployment: { replicas: 4 }, facts: { planAnnotations: { [UNREADY_ANNOTATION]: 'true' } } }),
      [],
    ],
    ['takes a workload without clients: its own pods change', someFacts({ services: [] }), []],
    [
      'refuses a canary of a workload without clients',
      someFacts({ spec: { strategy: { type: 'Canary' } }, services: [] }),
      ['NoService'],
    ],
    [
      'refuses a name that is taken',
      someFacts({ facts: { inTheWay: ['Deployment ledger-scc-canary'] } }),
      ['NameTaken'],
    ],
    [
      'says everything at once',
      someFacts({
        spec: { targetSCC: 'nothing', sourceSCC: 'x', strategy: { type: 'Canary' } },
        services: [],
        deployment: { paused: true },
      }),
      ['SCCNotFound', 'SourceIsAnother', 'WorkloadPaused', 'NoService'],
    ],
  ])('%s', (_case, facts, expected) => {
    expect(codes(facts)).toEqual(expected);
  });

  it.each<[string, Parameters<typeof aSet>[0], string[]]>([
    ['takes a StatefulSet', {}, []],
    ['takes one without clients, with one pod, or with a volume of its own', { services: [] }, []],
    [
      'refuses one whose change is rolled out in stages',
      { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } },
      ['PartitionInUse'],
    ],
    [
      'refuses one whose pods count later than the plan waits for them',
      { deployment: { minReadySeconds: 300 } },
      ['ReadinessTooShort'],
    ],
    ['takes one whose pods count in time', { deployment: { minReadySeconds: 299 } }, []],
    ['takes one that is replaced by deletion', { updateStrategy: { type: 'OnDelete' } }, []],
    ['takes one without replicas', { deployment: { replicas: 0 } }, []],
    [
      'refuses one that is not ready',
      { rollout: { state: 'waiting', message: '2 of 3 pods are available', available: false } },
      ['SourceNotReady'],
    ],
  ])('%s', (_case, over, expected) => {
    expect(codes(aSet(over))).toEqual(expected);
  });

  it.each<[string, Parameters<typeof someFacts>[0], string[]]>([
    ['takes a DaemonSet', {}, []],
    ['takes one without clients', { services: [] }, []],
    ['takes one that no node runs', { deployment: { replicas: 0 }, pods: [] }, []],
  ])('%s', (_case, over, expected) => {
    expect(codes(aDaemonSet(over))).toEqual(expected);
  });

  it('names a StatefulSet by its kind', () => {
    const updateStrategy = { rollingUpdate: { partition: 2 } };
    expect(violationsOf(aSet({ updateStrategy }))[0]?.message).toContain('StatefulSet ledger has the partition 2');
  });

  it('names field, reason and remedy of each', () => {
    const [violation] = violationsOf(someFacts({ spec: { targetSCC: 'restrictedv2' } }));
    expect(violation).toMatchObject({
      field: 'spec.targetSCC',
      message: expect.stringContaining('restrictedv2') as string,
      remedy: expect.stringContaining('restricted-v2') as string,
    });
  });
});

describe('warningsOf', () => {
  it('says what the override lets pass, and what the mesh cannot keep', () => {
    const facts = someFacts({
      deployment: { replicas: 4 },
      services: [{ name: 'ledger', selector: { app: 'ledger' }, sessionAffinity: 'ClientIP', others: [] }],
      facts: { planAnnotations: { [UNREADY_ANNOTATION]: 'true' } },
    });
    expect(warningsOf(facts)).toEqual([
      expect.stringContaining('session affinity') as string,
      expect.stringContaining('not fully available') as string,
    ]);
  });

  it('names an owner that may write the template, although it is not marked as controller', () => {
    const ownedBy = (kind: string) =>
      someFacts({ metadata: { ownerReferences: [{ apiVersion: 'x/v1', kind, name: 's', uid: 's' }] } });
    expect(warningsOf(ownedBy('Shop'))).toEqual([
      expect.stringContaining('belongs to Shop s, which is not marked as its controller') as string,
    ]);
    expect(warningsOf(ownedBy('ConfigMap'))).toEqual([]);
  });
});

describe('the outage of a StatefulSet', () => {
  it.each([
    [1, 'StatefulSet ledger has one pod: its requests wait, or fail, while it is stopped'],
    [3, 'the pods of StatefulSet ledger are stopped and started one by one'],
  ])('is said of %d pods', (replicas, words) => {
    expect(warningsOf(aSet({ deployment: { replicas } }))).toEqual([expect.stringContaining(words) as string]);
  });
});

it('the outage of a DaemonSet is said', () => {
  expect(warningsOf(aDaemonSet())).toEqual([
    expect.stringContaining('the pods of DaemonSet ledger are stopped and started node by node') as string,
  ]);
});

describe('the outage of a Deployment whose own pods change', () => {
  const claims = [{ name: 'data', accessModes: ['ReadWriteOnce'] }];
  it.each<[string, Parameters<typeof someFacts>[0], string[]]>([
    ['is none where a further pod starts first', { services: [] }, []],
    [
      'is said of one pod with a volume of its own',
      { claims, deployment: { replicas: 1 } },
      ['Deployment ledger has one pod, and the claim data is mounted on one node at a time: the pod is stopped first'],
    ],
    ['is said of the first of several', { claims }, ['so its first pod is stopped before the new one starts']],
    [
      'is said of Recreate',
      { claims, deployment: { strategy: { type: 'Recreate' } } },
      ['Deployment ledger stops all of its pods before the first new one starts (strategy: Recreate)'],
    ],
  ])('%s', (_case, over, words) => {
    const ready = { planAnnotations: {} };
    const facts = someFacts({ ...over, facts: ready });
    const workload = facts.workload && { ...facts.workload, rollout: { state: 'done' } as const };
    expect(warningsOf({ ...facts, workload })).toEqual(words.map((text) => expect.stringContaining(text) as string));
  });
});

describe('observedSource', () => {
  const source = (...sccs: (string | null)[]): string | null => {
    const { workload } = someFacts({ pods: sccs.map((scc) => ({ scc })) });
    return workload && observedSource(workload, 'restricted-v2');
  };
  it.each<[string, (string | null)[], string | null]>([
    ['the SCC that all have', ['anyuid', 'anyuid'], 'anyuid'],
    ['the other one while some are moved', ['anyuid', 'restricted-v2'], 'anyuid'],
    ['the target when all are there', ['restricted-v2'], 'restricted-v2'],
    ['unknown while they differ', ['anyuid', 'privileged'], null],
    ['unknown where no SCC decides', [null], null],
  ])('is %s', (_case, sccs, expected) => {
    expect(source(...sccs)).toBe(expected);
  });
});

describe('relabelViolations', () => {
  const shared = [{ name: 'data', accessModes: ['ReadWriteMany'] }];
  const accept = [{ kind: 'PersistentVolumeClaim', name: 'data' }];
  it.each<[string, Facts, string[]]>([
    ['refuses a volume that both sides mount', someFacts({ claims: shared }), ['VolumeRelabelled']],
    ['takes one that the plan accepts', someFacts({ claims: shared, spec: { traffic: { accept } } }), []],
    ['has nothing to say of pods without a claim', someFacts(), []],
  ])('%s', (_case, facts, expected) => {
    if (!facts.workload) throw new Error('no workload');
    expect(relabelViolations(facts.workload, facts).map(({ code }) => code)).toEqual(expected);
  });
});

describe('warnings of a CronJob', () => {
  const aCron = (over: object, trouble: string | null = null) => {
    const facts = someFacts({ pods: [{ trouble }] });
    if (!facts.workload) throw new Error('the fixture has a workload');
    const jobTemplate = { spec: { template: { spec: { containers: [] } } } };
    const { spec } = cronJobSchema.parse({ spec: { schedule: '0 3 * * *', jobTemplate, ...over } });
    const strategy = { type: 'NextRun', reason: 'of its kind' } as const;
    return warningsOf({ ...facts, workload: { ...facts.workload, cron: spec, strategy } });
  };

  it('name a last run that was not well before anything was touched', () => {
    expect(aCron({}, 'container app ended with exit code 1')).toEqual([
      expect.stringContaining('waits for the next run') as string,
      expect.stringContaining('was not well already (container app ended with exit code 1)') as string,
    ]);
  });

  it('name a deadline within which the controller may not look', () => {
    expect(aCron({ startingDeadlineSeconds: 200 })).toHaveLength(1);
    expect(aCron({ startingDeadlineSeconds: 5 }).join()).toContain('its startingDeadlineSeconds is 5');
  });
});
