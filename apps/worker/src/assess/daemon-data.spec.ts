import type { KubeObject } from '@scc/kube';
import { podSchema } from '@scc/scc';
import { aDaemonSet } from './facts.fixture.js';
import { reviewVolumes } from './volumes.js';

/** The data of a DaemonSet: claims that its pods share, and folders of their nodes. */

const claim: KubeObject = {
  ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'files' } },
  spec: { volumeName: 'pv', accessModes: ['ReadWriteMany'] },
};
const nfs: KubeObject = { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'pv' }, spec: { nfs: {} } };
const objects: Record<string, KubeObject> = { files: claim, pv: nfs };
const kube = {
  get: ({ name }: { name: string }) => Promise.resolve(objects[name]),
  list: () => Promise.resolve({ items: [], resourceVersion: '1' }),
};

const SHARED = { name: 'shared', persistentVolumeClaim: { claimName: 'files' } };
const STATE = { name: 'state', hostPath: { path: '/var/lib/agent' } };
const LOGS = { name: 'logs', hostPath: { path: '/var/log' } };
const SOCKET = { name: 'runtime', hostPath: { path: '/run/crio.sock', type: 'Socket' } };
const mounted = { shared: '/srv', state: '/state', logs: '/logs', runtime: '/run/crio.sock' };
type Volume = typeof SHARED | typeof STATE;

const podOf = (volumes: readonly Volume[], securityContext: object, image = 'agent:1') =>
  podSchema.parse({
    ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'agent-x' } },
    spec: {
      ...{ securityContext, volumes },
      containers: [
        {
          ...{ name: 'agent', image },
          volumeMounts: volumes.map(({ name }) => ({
            ...{ name, mountPath: mounted[name as 'shared'] },
            ...(name === 'logs' ? { readOnly: true } : {}),
          })),
        },
      ],
    },
  });
const ASSIGNED = { runAsUser: 1000650000, fsGroup: 1000650000 };
const ROOT = { runAsUser: 0 };

function review(
  volumes: readonly Volume[],
  { before, after = ASSIGNED, ...spec }: { before?: object; after?: object } & Parameters<typeof aDaemonSet>[0] = {},
) {
  const claims = volumes.includes(SHARED) ? [{ name: 'files', accessModes: ['ReadWriteMany'] }] : [];
  const facts = aDaemonSet({ claims, ...spec });
  if (!facts.workload) throw new Error('the fixture has a workload');
  const running = before && podOf(volumes, before);
  return reviewVolumes(kube, facts, { workload: facts.workload, running, migrated: podOf(volumes, after) });
}
const census = { spec: { volumes: { census: true } } };

describe('the data of a DaemonSet', () => {
  it('on a claim is refused where the storage gives it to no group, with the step that its pods can do', async () => {
    const { violations } = await review([SHARED], { before: ROOT });
    expect(violations).toMatchObject([{ code: 'DataOfAnotherUser' }]);
    expect(violations[0]?.remedy).toContain("kubectl exec POD -- sh -c 'chgrp -R 1000650000 /srv");
    expect(violations[0]?.remedy).toContain('{kind: PersistentVolumeClaim, name: files}');
  });

  it('on a claim is let to the group by a census, as that of other kinds is', async () => {
    const reviewed = await review([SHARED], { before: ROOT, ...census });
    expect(reviewed.violations).toEqual([]);
    expect(reviewed.census).toEqual({
      ...{ volumes: ['files'], uid: 1000650000, groups: [1000650000], group: 1000650000 },
    });
  });

  it('on its nodes is refused where the user changes: no node gives a folder of its own to a group', async () => {
    const { violations } = await review([STATE], { before: ROOT });
    expect(violations[0]?.message).toContain('state (hostPath /var/lib/agent)');
    expect(violations[0]?.remedy).toContain('Have a Job look whether they can use it (spec.volumes.census: true)');
    expect(violations[0]?.remedy).toContain('chgrp -R 1000650000 /state');
    expect(violations[0]?.remedy).toContain('{kind: HostPath, name: state}');
  });

  it('on its nodes is only looked at by a census, whatever else could be given to the group', async () => {
    const reviewed = await review([SHARED, STATE], { before: ROOT, ...census });
    expect(reviewed.violations).toEqual([]);
    expect(reviewed.census).toMatchObject({ volumes: ['files'], hostPaths: ['state'], group: null });
    expect(reviewed.warnings[0]).toContain('ends the migration where the migrated pods could not use them');
  });

  it('of pods that are not root is let to the group from outside: nobody stops them all', async () => {
    const { violations } = await review([STATE], { before: { runAsUser: 7 } });
    expect(violations[0]?.remedy).toContain(
      'as root, in a pod that mounts them at the same paths, a folder of a node on each node (hostPath /var/lib/agent), chgrp -R 1000650000 /state && chmod -R g+rwX /state',
    );
    expect(violations[0]?.remedy).not.toContain('scale to 0');
  });

  it('of pods that get no group is used as its user alone may', async () => {
    const { violations } = await review([STATE], { before: { runAsUser: 7 }, after: { runAsUser: 8 } });
    expect(violations[0]?.remedy).toContain('give the pods an fsGroup that may use the files');
  });

  it('is changed by nobody while it is stopped', async () => {
    const spec = { volumes: { ownerChange: 'WhileStopped' as const } };
    const { violations } = await review([SHARED], { before: { runAsUser: 7 }, spec });
    expect(violations[0]).toMatchObject({ code: 'OwnerChangeNotPossible' });
  });

  it.each<[string, Parameters<typeof review>[1]]>([
    ['the image decides about the user, now and then', { before: {}, after: {} }],
    ['the user stays', { before: ASSIGNED }],
    ['the pods become root', { before: { runAsUser: 7 }, after: ROOT }],
    [
      'the plan accepts it by name',
      { before: ROOT, spec: { traffic: { accept: [{ kind: 'HostPath', name: 'state' }] } } },
    ],
  ])('needs nothing where %s', async (_case, over) => {
    expect(await review([STATE], over)).toEqual({ violations: [], warnings: [] });
  });

  it('is not known to stay where no pod shows the present user', async () => {
    const { violations } = await review([STATE], { after: {} });
    expect(violations).toMatchObject([{ code: 'DataOfAnotherUser' }]);
  });

  it('of others, which its pods only read or call, is named', async () => {
    const { violations, warnings } = await review([LOGS, SOCKET], { before: ROOT });
    expect(violations).toEqual([]);
    expect(warnings).toEqual([
      expect.stringContaining('read or call /var/log, /run/crio.sock of their node') as unknown,
    ]);
  });
});
