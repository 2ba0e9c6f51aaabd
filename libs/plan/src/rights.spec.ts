import { describe, expect, it } from '@jest/globals';
import { lacksRight, rightsOf, systemNamespaceViolations } from './rights.js';

const plan = {
  namespace: 'shop',
  workloadRef: { kind: 'Deployment', name: 'web' },
  targetSCC: 'anyuid',
} as const;

describe('the rights that a plan uses', () => {
  it('are the update of its workload and the use of its target', () => {
    expect(rightsOf(plan).map(({ words, field }) => [words, field])).toEqual([
      ['update deployments.apps/web in shop', 'spec.workloadRef'],
      ['use the SCC anyuid in shop', 'spec.targetSCC'],
    ]);
  });

  it.each([
    ['Deployment', 'apps', 'deployments'],
    ['StatefulSet', 'apps', 'statefulsets'],
    ['DaemonSet', 'apps', 'daemonsets'],
    ['CronJob', 'batch', 'cronjobs'],
  ] as const)('name the resource of a %s', (kind, group, resource) => {
    const [workload] = rightsOf({ ...plan, workloadRef: { kind, name: 'web' } });
    expect(workload?.anyOf.flatMap(({ all }) => all)).toEqual(
      ['update', 'patch'].map((verb) => ({ group, resource, namespace: 'shop', name: 'web', verb })),
    );
  });

  it('let the target be used by the author, granted by the author, or held by the ServiceAccount already', () => {
    const [, target] = rightsOf(plan);
    const said = target?.anyOf.map(({ holder, all }) => [
      holder,
      ...all.map(({ verb, resource, name = '*', namespace }) => `${verb} ${resource}/${name} in ${namespace}`),
    ]);
    expect(said).toEqual([
      ['person', 'use securitycontextconstraints/anyuid in shop'],
      ['person', 'create rolebindings/* in shop', 'bind clusterroles/system:openshift:scc:anyuid in shop'],
      ['serviceAccount', 'use securitycontextconstraints/anyuid in shop'],
    ]);
  });

  it('are those to create a Job, for a look at the data', () => {
    expect(rightsOf({ ...plan, census: false })).toHaveLength(2);
    const [, , census] = rightsOf({ ...plan, census: true });
    expect(census).toMatchObject({
      field: 'spec.volumes.census',
      anyOf: [{ holder: 'person', all: [{ group: 'batch', resource: 'jobs', verb: 'create', namespace: 'shop' }] }],
    });
  });

  it('are those to create snapshots, for snapshots of the data', () => {
    const [, , snapshots] = rightsOf({ ...plan, snapshot: true });
    const right = { group: 'snapshot.storage.k8s.io', resource: 'volumesnapshots', verb: 'create', namespace: 'shop' };
    expect(snapshots).toMatchObject({ field: 'spec.volumes.snapshot', anyOf: [{ holder: 'person', all: [right] }] });
  });

  it('are those to create a Job and to read its template, for a gate that runs one', () => {
    const jobs = [{ from: { kind: 'CronJob' as const, name: 'checks' } }];
    const [, , job] = rightsOf({ ...plan, jobs });
    expect(job).toMatchObject({
      words: 'create jobs.batch in shop from cronjobs.batch/checks',
      field: 'spec.gates.jobs[0]',
      anyOf: [
        {
          holder: 'person',
          all: [
            { group: 'batch', resource: 'jobs', verb: 'create', namespace: 'shop' },
            { group: 'batch', resource: 'cronjobs', verb: 'get', namespace: 'shop', name: 'checks' },
          ],
        },
      ],
    });
  });

  it('are named with who lacks them and who can give them', () => {
    const [workload, target] = rightsOf(plan);
    expect(workload && lacksRight('alice', workload)).toEqual({
      code: 'AuthorLacksRight',
      field: 'spec.workloadRef',
      message: 'alice may not update deployments.apps/web in shop, and the plan would do it in their name',
      remedy:
        'Let a user who may do it apply the plan, or have an administrator of shop grant alice the verb update of deployments.apps/web, such as by the ClusterRole edit.',
    });
    // An administrator of a namespace holds no right to use an SCC, and whoever gives a right has to hold it.
    expect(target && lacksRight('alice', target).remedy).toBe(
      'Let a user who may do it apply the plan, or have an administrator of the cluster grant alice the verb use of securitycontextconstraints.security.openshift.io/anyuid, as the ClusterRole system:openshift:scc:anyuid does, or create of rolebindings together with bind of that ClusterRole.',
    );
  });

  it('name, each of them, somebody who can give it', () => {
    const all = rightsOf({
      ...plan,
      ...{
        jobs: [{ from: { kind: 'Job' as const, name: 'checks' } }],
        census: true,
        ownerChange: true,
        snapshot: true,
      },
    });
    expect(all.map(({ field, giver }) => [field, giver])).toEqual([
      ['spec.workloadRef', 'an administrator of shop'],
      ['spec.targetSCC', 'an administrator of the cluster'],
      ['spec.gates.jobs[0]', 'an administrator of shop'],
      ['spec.volumes.census', 'an administrator of shop'],
      ['spec.volumes.ownerChange', 'an administrator of shop'],
      ['spec.volumes.snapshot', 'an administrator of the cluster'],
    ]);
  });
});

describe('a namespace of the cluster or of this product', () => {
  it.each(['kube-system', 'kube-public', 'default', 'openshift', 'openshift-ingress', 'scc-system'])(
    '%s is refused',
    (namespace) => {
      expect(systemNamespaceViolations(namespace, 'scc-system')).toMatchObject([{ code: 'SystemNamespace' }]);
    },
  );

  it.each(['shop', 'kubernetes-lessons', 'openshifted', 'scc'])('%s is not', (namespace) => {
    expect(systemNamespaceViolations(namespace, 'scc-system')).toEqual([]);
  });
});
