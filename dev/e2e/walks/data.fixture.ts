import { expect } from '@jest/globals';
import type { Violation } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { STORAGE_DRIVER } from '../../src/cluster/storage.js';
import { APP, byPlan, deployment, type Ground, service, templateOf, type Walk } from './walks.fixture.js';

/** Refusals for data of another user, on claims that one pod alone may mount. */

const CLAIM = 'data-app-0';
const mount = { name: 'data', mountPath: '/data' };
const OWNED = `find /data -exec stat -c '%u:%g' {} + | sort -u`;
const asUser = { securityContext: { runAsUser: 1000 } };
/** It is root, and its process has the mounts of a container. */
const database = {
  ...{ image: 'scc.poc/database:1', securityContext: { runAsUser: 0 } },
  env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
};
/** It is not root, and what it writes to belongs to root and is let to its group. */
const grouped = {
  container: { ...database, securityContext: {} },
  spec: { securityContext: { runAsUser: 1000, fsGroup: 2000 } },
};
const gates = { metrics: [], webhooks: [], readiness: { timeout: '60s' } };
const account = { serviceAccountName: APP, terminationGracePeriodSeconds: 1 };

/** A set whose data the storage gives to no group. */
const aSet = (namespace: string, container: object, mode = 'ReadWriteOncePod') => [
  {
    ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: APP, namespace } },
    spec: {
      ...{ serviceName: APP, replicas: 1, selector: { matchLabels: { app: APP } } },
      template: templateOf({ volumeMounts: [mount], ...container }),
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: { storageClassName: 'folders', accessModes: [mode], resources: { requests: { storage: '1Gi' } } },
        },
      ],
    },
  },
  service(namespace),
];

/** A Deployment whose pods mount one claim. */
const sharing = (namespace: string, container: object, mode: string, spec: object = {}) => [
  deployment(namespace, {
    template: templateOf(
      { volumeMounts: [mount], ...container },
      { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: CLAIM } }], ...spec },
    ),
  }),
  service(namespace),
  {
    ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: CLAIM, namespace } },
    spec: { storageClassName: 'folders', accessModes: [mode], resources: { requests: { storage: '1Gi' } } },
  },
];

/** A DaemonSet whose pods mount one claim, on each node. */
const onNodes = (namespace: string, container: object) => {
  const [, served, claim] = sharing(namespace, container, 'ReadWriteMany');
  const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: CLAIM } }];
  const template = templateOf({ volumeMounts: [mount], ...container }, { volumes });
  const spec = { selector: { matchLabels: { app: APP } }, template };
  const daemons = { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: APP, namespace }, spec };
  return [daemons, ...(served ? [served] : []), ...(claim ? [claim] : [])];
};

const givesToGroup = (fsGroupPolicy: string) => (ground: Ground) =>
  ground.admin.patch(
    { apiVersion: 'storage.k8s.io/v1', kind: 'CSIDriver', name: STORAGE_DRIVER },
    { type: 'merge', body: { spec: { fsGroupPolicy } } },
  );

/** Somebody's pod that mounts the claim as root. */
async function asRoot({ create, admin, read, namespace }: Ground, script: string): Promise<void> {
  const name = 'hand';
  const container = { name, image: 'scc.poc/database:1', command: ['sh', '-euc', script], volumeMounts: [mount] };
  await create({
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: { name, namespace, annotations: { 'openshift.io/required-scc': 'anyuid' } },
    spec: {
      ...{ ...account, restartPolicy: 'Never', containers: [{ ...container, securityContext: { runAsUser: 0 } }] },
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: CLAIM } }],
    },
  });
  const ended = async (): Promise<boolean> => {
    const { phase } = (await read('v1', 'Pod', name))['status'] as { phase?: string };
    if (phase === 'Failed') throw new Error(`${script} failed`);
    return phase === 'Succeeded';
  };
  await waitFor(ended, { timeoutMs: 60_000, everyMs: 200, what: script });
  await admin.delete({ apiVersion: 'v1', kind: 'Pod', namespace, name });
}

/** The commands of the refusal, in the order in which it says them. */
function commandsOf(violation: Violation | undefined) {
  const { remedy = '' } = violation ?? {};
  const part = (pattern: RegExp): string => pattern.exec(remedy)?.[1] ?? `: nothing in ${remedy} is ${String(pattern)}`;
  return {
    note: part(/note the owners \((.*?) >owners\)/),
    change: part(/(chown -R \S+ \/data)/),
    back: part(/give the owners back \((.*?) <owners\)/),
  };
}
const accept = { traffic: { accept: [{ kind: 'PersistentVolumeClaim', name: 'data' }] } };

/** All of it while no pod runs: noted, changed, given back, and changed. */
const byOwners: Walk['walk'] = async ([violation], ground) => {
  const { note, change, back } = commandsOf(violation);
  expect(violation?.remedy).toContain('scale to 0');
  await ground.sh(
    `kubectl scale statefulset ${APP} --replicas=0; kubectl wait --for=delete pod/${APP}-0 --timeout=60s`,
  );
  const isBack = `${change} && echo "$owners" | { ${back}; } && [ "$(${note})" = "$owners" ]`;
  const data = 'mkdir -p /data/log; touch /data/log/journal; chown -R 1000:1000 /data';
  await asRoot(ground, `${data}; owners=$(${note}); ${isBack}; ${change}; [ "$(${OWNED} | wc -l)" = 1 ]`);
  return accept;
};

/** `kubectl exec` into the pod that runs: the mount and pid namespaces of its process. */
const byGroup: Walk['walk'] = async ([violation], { stack, read }) => {
  const [, command = 'false'] = /kubectl exec POD -- sh -c '(.*?)'/.exec(violation?.remedy ?? '') ?? [];
  const { volumeName } = (await read('v1', 'PersistentVolumeClaim', CLAIM))['spec'] as { volumeName: string };
  const pids = await stack.exec('sh', ['-c', `grep -l '${volumeName} /data ' /proc/[0-9]*/mountinfo 2>/dev/null || :`]);
  const [, pid = ''] = /\/proc\/(\d+)\//.exec(pids) ?? [];
  await stack.exec('nsenter', ['-t', pid, '-m', '-r', '-p', 'sh', '-euc', command]);
  const owned = await stack.exec('nsenter', ['-t', pid, '-m', '-r', '-p', 'sh', '-euc', OWNED]);
  const [, group = ''] = /chgrp -R (\d+)/.exec(command) ?? [];
  expect(owned.trim()).toBe(`0:${group}`);
  return accept;
};

export const DATA_WALKS: readonly Walk[] = [
  {
    code: 'DataOfAnotherUser',
    way: 'a Job lets the group of a canary use the files that it shares, before it starts',
    workload: (namespace) => sharing(namespace, database, 'ReadWriteMany'),
    before: givesToGroup('None'),
    walk: ([violation]) => {
      expect(violation?.remedy).toContain('Have a Job do it (spec.volumes.census: true)');
      return Promise.resolve({ volumes: { census: true } });
    },
    then: async ({ plan, target }, { cluster, admin, ...ground }) => {
      expect([plan.census, target.strategy]).toEqual(['BeforeCanary', 'Canary']);
      const act = cluster.run({ ref: target.ref });
      const [sample] = await act.callWebhooks(target, { at: 'BeforeCanary', gates, weight: 0 });
      const { group } = target.census ?? {};
      expect(sample).toMatchObject({
        verdict: 'pass',
        detail: expect.stringContaining(`group ${group} was let use them`) as unknown,
      });
      await givesToGroup('File')({ cluster, admin, ...ground });
    },
  },
  {
    code: 'DataOfAnotherUser',
    way: 'a Job lets the group of a DaemonSet use the claim that its pods share, before the first of them moves',
    workload: (namespace) => onNodes(namespace, database),
    before: givesToGroup('None'),
    walk: ([violation]) => {
      expect(violation?.remedy).toContain('Have a Job do it (spec.volumes.census: true)');
      return Promise.resolve({ volumes: { census: true } });
    },
    then: async ({ target }, { cluster, admin, ...ground }) => {
      const samples = await cluster
        .run({ ref: target.ref })
        .callWebhooks(target, { at: 'BeforeMigrate', gates, weight: 0 });
      expect([target.strategy, samples]).toMatchObject([
        'PerNode',
        [{ verdict: 'pass', detail: expect.stringContaining('was let use them') as unknown }],
      ]);
      await givesToGroup('File')({ cluster, admin, ...ground });
    },
  },
  {
    code: 'DataOfAnotherUser',
    way: 'a Job finds that pods that serve use by their group what a canary would take, and no canary starts',
    workload: (namespace) => sharing(namespace, grouped.container, 'ReadWriteMany', grouped.spec),
    walk: ([violation]) => {
      expect(violation?.message).toContain('would be taken from the pods that serve');
      expect(violation?.remedy).toContain('(spec.volumes.census: true)');
      return Promise.resolve({ volumes: { census: true } });
    },
    then: async ({ target }, { cluster }) => {
      const looked = cluster.run({ ref: target.ref }).callWebhooks(target, { at: 'BeforeCanary', gates, weight: 0 });
      await expect(looked).rejects.toThrow(
        /user 1000 of the pods that serve may need a group for 1 of .* 1 folder of 0:2000/,
      );
    },
  },
  {
    code: 'VolumeCannotBeShared',
    way: 'strategy is left out, and its own pods change',
    workload: (namespace) => sharing(namespace, { securityContext: { runAsUser: 0 } }, 'ReadWriteOnce'),
    plan: { strategy: { type: 'Canary' } },
    walk: byPlan({ strategy: undefined }),
    then: ({ target }) => {
      expect(target.strategy).toBe('Rolling');
      return Promise.resolve();
    },
  },
  {
    code: 'VolumeRelabelled',
    way: 'the claim is accepted by name',
    workload: (namespace) => sharing(namespace, { securityContext: { runAsUser: 0 } }, 'ReadWriteMany'),
    before: ({ sh, namespace }) =>
      sh(`kubectl annotate --overwrite namespace ${namespace} openshift.io/sa.scc.mcs=s0:c7,c3`),
    walk: ([violation]) => {
      const [, name = ''] = /name: '(.*?)'/.exec(violation?.remedy ?? '') ?? [];
      return Promise.resolve({ traffic: { accept: [{ kind: 'PersistentVolumeClaim', name }] } });
    },
  },
  {
    code: 'DataOfAnotherUser',
    way: 'a ReadWriteOncePod claim, which no census can look at, is given to the new user while its pod is away',
    workload: (namespace) => aSet(namespace, asUser),
    before: givesToGroup('None'),
    plan: { volumes: { census: true } },
    walk: (violations, ...others) => {
      expect(violations[0]?.message).toContain('no census is possible: while its pod runs no Job can mount data');
      return byOwners(violations, ...others);
    },
    then: (_accepted, ground) => givesToGroup('File')(ground),
  },
  {
    code: 'DataOfAnotherUser',
    way: 'a ReadWriteOncePod claim is let to the group by its own pod, which runs on',
    workload: (namespace) => aSet(namespace, database),
    before: givesToGroup('None'),
    plan: { volumes: { census: true } },
    walk: byGroup,
    then: (_accepted, ground) => givesToGroup('File')(ground),
  },
  {
    code: 'OwnerChangeNotPossible',
    way: 'volumes.ownerChange is left out, and the way by hand is taken that the next refusal writes out',
    workload: (namespace) => aSet(namespace, asUser),
    before: givesToGroup('None'),
    plan: { volumes: { ownerChange: 'WhileStopped' } },
    walk: async ([violation], ground, refusedBy) => {
      expect(violation?.message).toContain('while its pod runs no Job can look at data (ReadWriteOncePod)');
      const next = await refusedBy({ volumes: undefined }, 'DataOfAnotherUser');
      return { volumes: undefined, ...((await byOwners(next, ground, refusedBy)) as object) };
    },
    then: (_accepted, ground) => givesToGroup('File')(ground),
  },
  {
    code: 'OutageNotAllowed',
    way: 'the budget is accepted by name',
    workload: (namespace) => aSet(namespace, asUser, 'ReadWriteOnce'),
    before: async (ground) => {
      await givesToGroup('None')(ground);
      await ground.sh(`kubectl create poddisruptionbudget ${APP} --selector=app=${APP} --min-available=1`);
    },
    plan: { volumes: { ownerChange: 'WhileStopped' } },
    walk: ([violation]) => {
      const [, kind = '', name = ''] = /accept: \[\{kind: (\w+), name: (\w+)\}\]/.exec(violation?.remedy ?? '') ?? [];
      return Promise.resolve({ traffic: { accept: [{ kind, name }] } });
    },
    then: (_accepted, ground) => givesToGroup('File')(ground),
  },
];
