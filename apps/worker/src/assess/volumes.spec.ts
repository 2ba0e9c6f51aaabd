import type { KubeObject } from '@scc/kube';
import { podSchema } from '@scc/scc';
import { aSet, someFacts } from './facts.fixture.js';
import { decideVolumes } from './data-decision.js';
import { storageOf, type DataVolume } from './storage.js';
import { reviewVolumes, volumeUserOf } from './volumes.js';

const data = (fsGroup: DataVolume['fsGroup'] = 'Honoured'): DataVolume => ({
  ...{ name: 'data', paths: ['/data'], storage: 'ebs', isOfOnePod: false },
  fsGroup,
});
const root = { uids: [0], fsGroup: null };
const assigned = { uids: [1000650000], fsGroup: 1000650000, changePolicy: null };

describe('decideVolumes', () => {
  type Question = Parameters<typeof decideVolumes>[0];
  const question = { volumes: [data()], images: ['shop/db:1'], before: root, after: assigned };
  it.each<[string, Partial<Question>, string, RegExp]>([
    ['no data', { volumes: [] }, 'Nothing', /no data/],
    ['the same user and group', { before: assigned }, 'Nothing', /keep their user/],
    ['a pod that becomes root', { after: { ...root, changePolicy: null } }, 'Nothing', /root/],
    ['another user on storage that honours fsGroup', {}, 'FsGroup', /given to group 1000650000 .* mounted, once/],
    ['the same, as its user wants it', { after: { ...assigned, changePolicy: 'Always' } }, 'FsGroup', /at each start/],
    ['the same, walked once', { after: { ...assigned, changePolicy: 'OnRootMismatch' } }, 'FsGroup', /mounted, once/],
    ['the same user with another group', { before: { ...assigned, fsGroup: 1 } }, 'FsGroup', /given to group/],
    ['a user that the image decides', { before: { uids: [null], fsGroup: null } }, 'FsGroup', /given to group/],
    [
      'storage that ignores fsGroup, and pods that are root',
      { volumes: [data(), { ...data('Ignored'), storage: 'nfs' }] },
      'Group',
      /data \(nfs\)/,
    ],
    [
      'storage that ignores fsGroup, and pods that are not root',
      { volumes: [{ ...data('Ignored'), storage: 'nfs' }], before: { uids: [1000], fsGroup: null } },
      'Refuse',
      /data \(nfs\)/,
    ],
    [
      'storage that ignores fsGroup, and pods whose user the image decides',
      { volumes: [data('Ignored')], before: { uids: [null], fsGroup: null } },
      'Refuse',
      /gives no file/,
    ],
    [
      'some storage that ignores it and some unknown',
      { volumes: [data('Ignored'), data('Unknown')] },
      'Refuse',
      /not known/,
    ],
    [
      'storage that ignores fsGroup and pods without one',
      { volumes: [data('Ignored')], after: { ...assigned, fsGroup: null } },
      'Refuse',
      /no fsGroup/,
    ],
    [
      'PostgreSQL on storage that ignores fsGroup',
      { volumes: [data('Ignored')], images: ['postgres:17'] },
      'Refuse',
      /own user/,
    ],
    ['PostgreSQL under the name of an extension', { images: ['pgvector/pgvector:pg17'] }, 'Refuse', /own user/],
    ['PostgreSQL of an operator', { images: ['ghcr.io/zalando/spilo-17:4.0'] }, 'Refuse', /own user/],
    ['storage of which nothing is known', { volumes: [data('Unknown')] }, 'Refuse', /not known/],
    ['pods without an fsGroup', { after: { ...assigned, fsGroup: null } }, 'Refuse', /no fsGroup/],
    ['PostgreSQL, which no group helps', { images: ['docker.io/library/postgres:17'] }, 'Refuse', /postgres:17 takes/],
    ['PostgreSQL of another maker', { images: ['quay.io/sclorg/postgresql-16-c9s'] }, 'Refuse', /takes a data folder/],
    ['PostgreSQL that keeps its user', { images: ['postgres:17'], before: assigned }, 'Nothing', /keep/],
    ['an exporter beside no database', { images: ['prom/mypostgresql'] }, 'FsGroup', /given/],
  ])('%s', (_case, over, expected, reason) => {
    const decision = decideVolumes({ ...question, ...over });
    expect([decision.do, decision.reason]).toEqual([expected, expect.stringMatching(reason) as unknown]);
  });

  it.each([
    [null, 'OnRootMismatch'],
    ['OnRootMismatch', null],
    ['Always', null],
  ])('with the policy %s sets %s', (changePolicy, expected) => {
    const after = { ...assigned, changePolicy };
    expect(decideVolumes({ ...question, after })).toMatchObject({ do: 'FsGroup', changePolicy: expected });
  });
});

const volume = (spec: object): KubeObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: 'pv' },
  spec,
});
const driver = (fsGroupPolicy?: string): KubeObject => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'CSIDriver',
  metadata: { name: 'd' },
  spec: fsGroupPolicy === undefined ? {} : { fsGroupPolicy },
});
const csi = (...accessModes: string[]) => volume({ accessModes, csi: { driver: 'd' } });

describe('storageOf', () => {
  it.each<[string, KubeObject, KubeObject | undefined, string, string]>([
    ['a driver that gives all files', csi('ReadWriteMany'), driver('File'), 'd', 'Honoured'],
    ['a driver that gives none', csi('ReadWriteOnce'), driver('None'), 'd', 'Ignored'],
    ['a driver that decides by the access mode', csi('ReadWriteOnce'), driver(), 'd', 'Honoured'],
    ['the same for a shared volume', csi('ReadWriteMany'), driver(), 'd', 'Ignored'],
    ['a driver that says nothing of itself', csi('ReadWriteOncePod'), undefined, 'd', 'Honoured'],
    ['NFS', volume({ nfs: { server: 's', path: '/' } }), undefined, 'nfs', 'Ignored'],
    ['a folder of a node', volume({ hostPath: { path: '/x' } }), undefined, 'hostPath', 'Ignored'],
    ['a disk of a node', volume({ local: { path: '/x' } }), undefined, 'local', 'Honoured'],
    ['a kind that nobody knows', volume({ tape: {} }), undefined, 'an unknown kind of volume', 'Unknown'],
  ])('%s', (...[, object, of, storage, fsGroup]) => {
    expect(storageOf(object, of)).toEqual({ storage, fsGroup });
  });
});

describe('userOf', () => {
  const pod = (spec: object, status: object = {}) =>
    podSchema.parse({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'db-0' },
      spec: { containers: [{ name: 'db', image: 'db' }], ...spec },
      status,
    });
  it.each<[string, Parameters<typeof volumeUserOf>[0], object]>([
    ['the user of the pod', pod({ securityContext: { runAsUser: 7, fsGroup: 8 } }), { uids: [7], fsGroup: 8 }],
    [
      'the user of a container',
      pod({
        securityContext: { runAsUser: 7 },
        containers: [{ name: 'db', image: 'db', securityContext: { runAsUser: 9 } }],
      }),
      { uids: [9], fsGroup: null },
    ],
    ['unknown where the image decides', pod({}), { uids: [null], fsGroup: null }],
    ['unknown without a pod', undefined, { uids: [null], fsGroup: null }],
  ])('%s', (_case, asked, expected) => {
    expect(volumeUserOf(asked)).toEqual(expected);
  });
});

describe('reviewVolumes', () => {
  const migrated = podSchema.parse({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'ledger-0' },
    spec: {
      securityContext: { fsGroup: 1000650000 },
      containers: [
        {
          ...{ name: 'app', image: 'ledger:1', securityContext: { runAsUser: 1000650000 } },
          volumeMounts: [
            { name: 'data', mountPath: '/var/lib/ledger' },
            { name: 'shared', mountPath: '/srv' },
          ],
        },
      ],
      volumes: [{ name: 'shared', persistentVolumeClaim: { claimName: 'files' } }],
    },
  });
  const objects: Record<string, KubeObject> = {
    'data-ledger-0': {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data-ledger-0' },
      spec: { volumeName: 'pv' },
    },
    pv: volume({ nfs: {} }),
    'disk-ledger-0': {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'disk-ledger-0' },
      spec: { volumeName: 'disk' },
    },
    disk: volume({ local: {} }),
    'alone-ledger-0': {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'alone-ledger-0' },
      spec: { volumeName: 'pv', accessModes: ['ReadWriteOncePod'] },
    },
    files: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'files' }, spec: { volumeName: 'pv' } },
  };
  const asRoot = podSchema.parse({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'ledger-0' },
    spec: { containers: [{ name: 'app', image: 'ledger:1', securityContext: { runAsUser: 0 } }] },
  });
  const someone = podSchema.parse({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'ledger-0' },
    spec: { containers: [{ name: 'app', image: 'ledger:1' }] },
  });
  /** By their kind. */
  const listed: Record<string, KubeObject[]> = {};
  const kube = {
    get: ({ name }: { name: string }) => Promise.resolve(objects[name]),
    list: ({ kind }: { kind: string }) => Promise.resolve({ items: listed[kind] ?? [], resourceVersion: '1' }),
  };
  const review = (over: Parameters<typeof aSet>[0], running?: typeof asRoot) => reviewOf(aSet(over), running);
  const reviewOf = (facts: ReturnType<typeof aSet>, running?: typeof asRoot) => {
    if (!facts.workload) throw new Error('the fixture has a workload');
    return reviewVolumes(kube, facts, { workload: facts.workload, running, migrated });
  };

  it('refuses data that the new user could not use, with the way by hand', async () => {
    const { violations } = await review({ claimTemplates: ['data'] });
    expect(violations).toMatchObject([
      {
        code: 'DataOfAnotherUser',
        message: expect.stringContaining('data (nfs)') as unknown,
        remedy: expect.stringContaining('{kind: PersistentVolumeClaim, name: data}') as unknown,
      },
    ]);
  });

  it('writes out the step by which the group may use the files, for each way to mount a claim', async () => {
    const claims = [{ name: 'files', accessModes: ['ReadWriteMany'] }];
    const { violations } = await review({ claimTemplates: ['data'], claims }, asRoot);
    expect(violations[0]?.remedy).toContain(
      "kubectl exec POD -- sh -c 'chgrp -R 1000650000 /var/lib/ledger /srv && chmod -R g+rwX /var/lib/ledger /srv'",
    );
    expect(violations[0]?.remedy).toContain('{kind: PersistentVolumeClaim, name: files}');
  });

  it('says to whom the files must belong where nothing less helps', async () => {
    const { violations } = await review({ claimTemplates: ['data'] });
    expect(violations[0]?.remedy).toContain('chown -R 1000650000:1000650000 /var/lib/ledger');
  });

  it.each([
    ['Apply', { spec: { securityContext: { fsGroupChangePolicy: 'OnRootMismatch' } } }],
    ['Require', undefined],
  ] as const)('has the files walked once where a plan says %s', async (mode, patch) => {
    const reviewed = await review({ claimTemplates: ['disk'], spec: { podSecurity: { mode } } }, asRoot);
    expect(reviewed).toMatchObject({ violations: [], warnings: [expect.stringContaining('given to group')] });
    expect(reviewed.patch).toEqual(patch);
  });

  describe('where the plan wants a census', () => {
    const spec = { volumes: { census: true } };

    it('has the files of pods that are root let to the group, and says so', async () => {
      const { violations, warnings, census } = await review({ claimTemplates: ['data'], spec }, asRoot);
      expect(violations).toEqual([]);
      expect(warnings).toEqual([expect.stringContaining('lets group 1000650000 use them where it cannot') as unknown]);
      expect(census).toEqual({ volumes: ['data'], uid: 1000650000, groups: [1000650000], group: 1000650000 });
    });

    it('has the files of pods whose user nobody knows let to the group by pods that turn out to be root', async () => {
      const { violations, census } = await review({ claimTemplates: ['data'], spec }, someone);
      expect([violations, census?.group]).toEqual([[], 1000650000]);
    });

    it('has the files of others only looked at', async () => {
      const other = { ...someone, spec: { ...someone.spec, securityContext: { runAsUser: 7 } } };
      const { violations, census } = await review({ claimTemplates: ['data'], spec }, other);
      expect([violations, census?.group]).toEqual([[], null]);
    });

    it.each([
      ['no pod shows who owns the files now', 'data', undefined, 'gives no file'],
      ['no other pod can mount the claim', 'alone', asRoot, 'no Job can mount alone (ReadWriteOncePod)'],
      ['nothing is known of the storage', 'logs', asRoot, 'has no volume'],
    ])('refuses as before where %s', async (_case, claim, running, message) => {
      const { violations, census } = await review({ claimTemplates: [claim], spec }, running);
      expect(violations[0]?.message).toContain(message);
      expect(census).toBeUndefined();
    });
  });

  describe('where the plan lets it be stopped for a change of owners', () => {
    const spec = { volumes: { ownerChange: 'WhileStopped' as const } };
    const other = { ...someone, spec: { ...someone.spec, securityContext: { runAsUser: 999 } } };
    const alone = { claimTemplates: ['data'], pods: [{ scc: 'anyuid' }], spec };

    it('says the outage and whose files become whose, where nothing less helps', async () => {
      const { violations, warnings, owners } = await review(alone, other);
      expect(violations).toEqual([]);
      expect(owners).toEqual({ volumes: ['data'], from: 999, to: 1000650000, groups: [1000650000] });
      expect(warnings).toEqual([expect.stringContaining('are stopped, which is an outage') as unknown]);
      expect(warnings[0]).toContain('from user 999 to user 1000650000');
    });

    it('does less where that is enough', async () => {
      expect(await review({ ...alone, claimTemplates: ['disk'] }, other)).not.toHaveProperty('owners');
      const census = { volumes: { ...spec.volumes, census: true } };
      expect(await review({ ...alone, spec: census }, asRoot)).toHaveProperty('census');
    });

    it.each([
      ['it is not known who its pods run as', alone, someone, 'one user, now and then'],
      [
        'the claim is not the own one of each pod',
        { ...alone, claimTemplates: [], claims: [{ name: 'files', accessModes: [] }] },
        other,
        'the claim files may be mounted by other workloads',
      ],
      ['no Job can look at it first', { ...alone, claimTemplates: ['alone'] }, other, 'ReadWriteOncePod'],
      [
        'its SCC lets nothing run as root',
        { ...alone, pods: [{ scc: 'nonroot-v2' }] },
        other,
        'SCC nonroot-v2 lets no Job run as root',
      ],
    ])('refuses it where %s', async (_case, over, running, message) => {
      const { violations } = await review(over, running);
      expect(violations.map(({ code }) => code)).toContain('OwnerChangeNotPossible');
      expect(violations.map((one) => one.message).join()).toContain(message);
    });

    it('asks for the consent to what a budget forbids', async () => {
      listed['PodDisruptionBudget'] = [
        {
          ...{ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'two' } },
          spec: { selector: { matchLabels: { app: 'ledger' } } },
        },
      ];
      const { violations } = await review(alone, other);
      expect(violations.map(({ code }) => code)).toEqual(['OutageNotAllowed']);
      const accept = [{ kind: 'PodDisruptionBudget', name: 'two' }];
      expect((await review({ ...alone, spec: { ...spec, traffic: { accept } } }, other)).violations).toEqual([]);
      listed['PodDisruptionBudget'] = [];
    });

    describe('and is a Deployment', () => {
      const facts = (over: Parameters<typeof someFacts>[0] = {}) =>
        someFacts({ spec, services: [], claims: [{ name: 'files', accessModes: ['ReadWriteOnce'] }], ...over });
      const template = {
        metadata: { labels: { app: 'report' } },
        spec: { volumes: [{ name: 'x', persistentVolumeClaim: { claimName: 'files' } }], containers: [] },
      };
      const metadata = { name: 'report', namespace: 'shop', uid: 'r1' };
      afterEach(() => {
        for (const kind of Object.keys(listed)) listed[kind] = [];
      });

      it('says the same where its own pods move, and nobody else has its claim', async () => {
        listed['Deployment'] = [
          {
            apiVersion: 'apps/v1',
            kind: 'Deployment',
            metadata,
            spec: { template: { ...template, spec: { containers: [] } } },
          },
        ];
        const { violations, warnings, owners } = await reviewOf(facts(), other);
        expect(violations).toEqual([]);
        expect(owners).toEqual({ volumes: ['files'], from: 999, to: 1000650000, groups: [1000650000] });
        expect(warnings).toEqual([expect.stringContaining('all 3 pods of Deployment ledger are stopped') as unknown]);
      });

      it.each<[string, KubeObject]>([
        ['Deployment report', { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas: 0, template } }],
        [
          'CronJob report',
          { apiVersion: 'batch/v1', kind: 'CronJob', metadata, spec: { jobTemplate: { spec: { template } } } },
        ],
        ['Pod report', { apiVersion: 'v1', kind: 'Pod', metadata, spec: template.spec, status: { phase: 'Running' } }],
      ])('refuses it where %s has its claim, too', async (named, object) => {
        listed[object.kind] = [object];
        const { violations } = await reviewOf(facts(), other);
        expect(violations).toMatchObject([
          { code: 'OwnerChangeNotPossible', message: expect.stringContaining(`${named} mounts files, too`) as unknown },
        ]);
      });
    });
  });

  describe('of a Deployment that gets a canary', () => {
    const service = { name: 'ledger', selector: { app: 'ledger' }, sessionAffinity: 'None', others: [] };
    const files = { name: 'files', accessModes: ['ReadWriteMany'] };
    const disk = { name: 'disk-ledger-0', accessModes: ['ReadWriteMany'] };
    const facts = (over: Parameters<typeof someFacts>[0] = {}) =>
      someFacts({ services: [service], claims: [files], ...over });
    const user = (runAsUser: number, fsGroup?: number) => ({
      ...someone,
      spec: { ...someone.spec, securityContext: { runAsUser, ...(fsGroup === undefined ? {} : { fsGroup }) } },
    });
    const census = { volumes: { census: true } };

    it('is refused where a copy beside its pods could not use the files that they share', async () => {
      const { violations } = await reviewOf(facts(), user(999));
      expect(violations).toMatchObject([
        { code: 'DataOfAnotherUser', message: expect.stringContaining('files (nfs)') as unknown },
      ]);
      const accept = [{ kind: 'PersistentVolumeClaim', name: 'files' }];
      expect(await reviewOf(facts({ spec: { traffic: { accept } } }), user(999))).toEqual({
        violations: [],
        warnings: [],
      });
    });

    it('has the files looked at before its canary starts, and let to the group where its pods are root', async () => {
      const { violations, warnings, census: task } = await reviewOf(facts({ spec: census }), asRoot);
      expect([violations, task?.group]).toEqual([[], 1000650000]);
      expect(warnings).toEqual([
        expect.stringContaining(
          'before a canary starts, a Job beside a pod looks at the files of files (nfs)',
        ) as unknown,
      ]);
    });

    it('is told to whom the files belong that the canary writes beside pods that are not root', async () => {
      const { warnings } = await reviewOf(facts({ spec: census }), user(999));
      expect(warnings).toHaveLength(2);
      expect(warnings[1]).toContain('what a canary writes to files (nfs) belongs to user 1000650000');
    });

    it('says that its own pods could be stopped for a change of owners instead', async () => {
      const { violations } = await reviewOf(facts({ spec: { volumes: { ownerChange: 'WhileStopped' } } }), user(999));
      expect(violations[0]).toMatchObject({
        code: 'OwnerChangeNotPossible',
        message: expect.stringContaining('spec.strategy.type: Rolling') as unknown,
      });
    });

    describe('on storage whose files the node gives to a group', () => {
      const shared = { claims: [disk] };

      it('takes nothing from pods that are root', async () => {
        const { violations, warnings } = await reviewOf(facts(shared), asRoot);
        expect([violations, warnings.length]).toEqual([[], 1]);
      });

      it('takes nothing from pods of the same group', async () => {
        const { violations, warnings } = await reviewOf(facts(shared), user(999, 1000650000));
        expect([violations, warnings.length]).toEqual([[], 2]);
      });

      it('is refused where pods that serve could lose what their group lets them use', async () => {
        const { violations } = await reviewOf(facts(shared), user(999, 2000));
        expect(violations).toMatchObject([
          {
            code: 'DataOfAnotherUser',
            message: expect.stringContaining('would be taken from the pods that serve') as unknown,
            remedy: expect.stringContaining('spec.volumes.census: true') as unknown,
          },
        ]);
      });

      it('has a census find out whether their user needs a group', async () => {
        const { violations, census: task } = await reviewOf(facts({ ...shared, spec: census }), user(999, 2000));
        expect(violations).toEqual([]);
        expect(task).toEqual({ volumes: ['disk-ledger-0'], uid: 999, groups: [], group: null, isServing: true });
      });

      it('has the Job say who that user is where nothing shows it', async () => {
        const { violations, census: task } = await reviewOf(facts({ ...shared, spec: census }), someone);
        expect([violations, task?.uid, task?.isServing]).toEqual([[], null, true]);
      });
    });
  });

  describe('of pods that share a claim and move one by one', () => {
    const disk = { claims: [{ name: 'disk-ledger-0', accessModes: ['ReadWriteOnce'] }], services: [] };
    const other = { ...someone, spec: { ...someone.spec, securityContext: { runAsUser: 999, fsGroup: 2000 } } };

    it('is told what the first one takes from the others', async () => {
      const { violations, warnings, census: task } = await reviewOf(someFacts(disk), other);
      expect([violations, task]).toEqual([[], undefined]);
      expect(warnings.join()).toContain(
        'the first pod that moves has the files of disk-ledger-0 (local) given to group',
      );
    });

    it('has a census find out whether they need it', async () => {
      const facts = someFacts({ ...disk, spec: { volumes: { census: true } } });
      expect((await reviewOf(facts, other)).census).toMatchObject({ uid: 999, isServing: true });
    });

    it.each([
      ['there is one pod', { deployment: { replicas: 1 } }],
      ['all are stopped before the first new one starts', { deployment: { strategy: { type: 'Recreate' } } }],
    ])('is told nothing where %s', async (_case, over) => {
      const { warnings } = await reviewOf(someFacts({ ...disk, ...over }), other);
      expect(warnings).toHaveLength(1);
    });
  });

  it('takes it where the plan accepts it by name', async () => {
    const accept = [{ kind: 'PersistentVolumeClaim', name: 'data' }];
    await expect(review({ claimTemplates: ['data'], spec: { traffic: { accept } } })).resolves.toEqual({
      violations: [],
      warnings: [],
    });
  });

  it('refuses a claim without a volume, since nothing is known of it', async () => {
    const { violations } = await review({ claimTemplates: ['logs'] });
    expect(violations[0]?.message).toContain('claim logs-ledger-0 has no volume');
  });

  it('has nothing to say of a set without claims', async () => {
    await expect(review({})).resolves.toEqual({ violations: [], warnings: [] });
  });
});
