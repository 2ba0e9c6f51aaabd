import type { CensusTask } from '@scc/migration/contract';
import { censusJobOf, judgeCensus } from './census.js';

const task: CensusTask = { volumes: ['data'], uid: 1000650000, groups: [5000], group: 5000 };
const DONE = 'census: done';
const log = (...lines: string[]): string => [...lines, DONE].join('\n');

describe('judgeCensus', () => {
  it.each<[string, string, Partial<CensusTask>, string, RegExp]>([
    ['an empty volume', log(), {}, 'Nothing', /all of 0 files/],
    ['files of the new user', log('   3 1000650000:0:600:regular file'), {}, 'Nothing', /all of 3 files/],
    [
      'files of the group',
      log('      2 0:5000:660:regular file', ' 1 0:5000:2770:directory'),
      {},
      'Nothing',
      /3 files/,
    ],
    ['files that anybody may write', log('1 0:0:666:regular file'), {}, 'Nothing', /1 file/],
    ['files that nobody but readers has', log('1 0:5000:440:regular file'), {}, 'Nothing', /1 file/],
    [
      'files of root',
      log('7 0:0:600:regular file', '2 0:0:755:directory'),
      {},
      'Group',
      /9 of 9 .* 7 files of 0:0 .*0600/,
    ],
    ['a group that may only read', log('7 0:5000:640:regular file'), {}, 'Group', /7 of 7/],
    ['a folder that the group may not enter', log('1 0:5000:760:directory'), {}, 'Group', /1 folder of 0:5000/],
    ['the group beside an owner who may less', log('1 1000650000:5000:060:regular file'), {}, 'Nothing', /1 file/],
    ['a user that is not one', log('1 7:5000:600:regular file'), { uid: null }, 'Group', /1 of 1/],
    ['files that are only looked at', log('1 0:0:600:regular file'), { group: null }, 'Refuse', /1 of 1/],
    ['the same, which fit', log('1 0:0:666:regular file'), { group: null }, 'Nothing', /1 file/],
    [
      'files of pods that serve, which need no group for them',
      log('3 999:2000:640:regular file', '1 0:0:644:regular file'),
      { uid: 999, groups: [], group: null, isServing: true },
      'Refuse',
      /user 999 of the pods that serve may need a group for 1 of 4 files, such as 1 file of 0:0/,
    ],
    [
      'files that are all of the user of pods that serve',
      log('3 999:2000:640:regular file', '1 999:2000:750:directory'),
      { uid: 999, groups: [], group: null, isServing: true },
      'Nothing',
      /user 999 of the pods that serve needs no group for 4 files/,
    ],
    [
      'files of pods that serve as the user whom their Job says',
      log('census: user 7', '3 999:2000:640:regular file'),
      { uid: null, groups: [], group: null, isServing: true },
      'Refuse',
      /user 7 of the pods that serve may need a group for 3 of 3/,
    ],
    [
      'files of pods that serve as root',
      log('census: user 0', '3 999:2000:640:regular file'),
      { uid: null, groups: [], group: null, isServing: true },
      'Nothing',
      /user 0 .* needs no group/,
    ],
    [
      'files of pods that serve as nobody knows whom',
      log('3 999:2000:640:regular file'),
      { uid: null, groups: [], group: null, isServing: true },
      'Refuse',
      /may need a group for 3 of 3/,
    ],
    ['a log that was cut off', '1 0:0:666:regular file', {}, 'Refuse', /did not end/],
    ['what could not be read', log('find: /census-0/x: Permission denied'), {}, 'Refuse', /1 error/],
    [
      'a file that goes meanwhile',
      log("stat: cannot stat '/census-0/wal': No such file or directory", '1 0:0:666:regular file'),
      {},
      'Nothing',
      /1 file/,
    ],
    ['more files than are looked at', log('200001 0:0:666:regular file'), {}, 'Refuse', /more than 200000/],
  ])('%s', (...[, text, over, expected, reason]) => {
    const verdict = judgeCensus(text, { ...task, ...over });
    expect([verdict.do, verdict.reason]).toEqual([expected, expect.stringMatching(reason) as unknown]);
  });
});

describe('censusJobOf', () => {
  const podSpec = {
    nodeName: 'node-1',
    serviceAccountName: 'ledger',
    securityContext: { fsGroup: 7, seLinuxOptions: { level: 's0:c1' } },
    tolerations: [{ key: 'db', operator: 'Exists' }],
    volumes: [
      { name: 'data', persistentVolumeClaim: { claimName: 'data-ledger-0' } },
      { name: 'other', persistentVolumeClaim: { claimName: 'other' } },
      { name: 'config', configMap: { name: 'c' } },
    ],
    containers: [
      { name: 'proxy', image: 'proxy:1', volumeMounts: [{ name: 'config', mountPath: '/c' }] },
      {
        ...{ name: 'db', image: 'db:1', securityContext: { runAsUser: 0 } },
        volumeMounts: [
          { name: 'data', mountPath: '/var/lib/db', subPath: 'db' },
          { name: 'other', mountPath: '/o' },
        ],
      },
    ],
  };
  const census = {
    ...{ ref: { namespace: 'shop', name: 'move', uid: 'u1' }, name: 'move-census-0-look-scc-gate', task },
    ...{ sourceSCC: 'anyuid', gives: false },
  };
  const templateOf = (gives: boolean) =>
    (censusJobOf(podSpec, { ...census, gives })?.['spec'] as { template: { spec: { containers: object[] } } }).template;

  it('stands beside the pod under its user, its SCC and its level, mounts what the pod does, and never its fsGroup', () => {
    const job = censusJobOf(podSpec, census);
    expect(job).toMatchObject({
      metadata: { ownerReferences: [{ uid: 'u1' }], labels: { 'scc.poc/role': 'gate' } },
      spec: { backoffLimit: 0, activeDeadlineSeconds: 300 },
    });
    expect(templateOf(false)).toMatchObject({
      metadata: { annotations: { 'openshift.io/required-scc': 'anyuid' } },
      spec: {
        ...{ nodeName: 'node-1', serviceAccountName: 'ledger', automountServiceAccountToken: false },
        securityContext: { seLinuxOptions: { level: 's0:c1' } },
        tolerations: podSpec.tolerations,
        volumes: [podSpec.volumes[0]],
        containers: [
          {
            ...{ image: 'db:1', securityContext: { runAsUser: 0 } },
            volumeMounts: [{ name: 'data', mountPath: '/census-0', subPath: 'db', readOnly: true }],
          },
        ],
      },
    });
    expect(JSON.stringify(job)).not.toContain('fsGroup');
    expect(JSON.stringify(job)).not.toContain('chgrp 5000');
  });

  it('writes where it gives', () => {
    expect(templateOf(true).spec.containers).toMatchObject([
      {
        command: ['sh', '-c', expect.stringMatching(/chgrp 5000 .*chmod g\+rwX .*stat/) as unknown, 'sh', '/census-0'],
        volumeMounts: [{ readOnly: false }],
      },
    ]);
  });

  it('mounts a folder of the node that is asked for, and none by the name of a claim', () => {
    const state = { name: 'state', hostPath: { path: '/var/lib/agent' } };
    const spec = {
      volumes: [state],
      containers: [{ name: 'agent', image: 'agent:1', volumeMounts: [{ name: 'state', mountPath: '/state' }] }],
    };
    const looking = { volumes: ['state'], uid: 1, groups: [2], group: null };
    const of = (task: typeof looking & { hostPaths?: string[] }) => censusJobOf(spec, { ...census, task });
    expect(of(looking)).toBeNull();
    expect(of({ ...looking, volumes: [], hostPaths: ['state'] })).toMatchObject({
      spec: { template: { spec: { volumes: [state], containers: [{ volumeMounts: [{ readOnly: true }] }] } } },
    });
  });

  it('is none of a pod without these volumes', () => {
    expect(censusJobOf({ ...podSpec, volumes: [] }, census)).toBeNull();
  });
});
