import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { KubeError } from '@scc/kube';
import { STORAGE_DRIVER } from '../cluster/storage.js';
import { Claims, folderOfVolume } from './claims.js';
import { giveToGroup } from './fs-group.js';
import { MissingReference } from './references.js';

/** Root gives files to any group; an ordinary user, as whom the stack may run, to one of its own alone. */
const uid = process.getuid?.() ?? 0;
const gid = uid === 0 ? 5000 : (process.getgid?.() ?? 0);
let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'scc-claims-'));
});
afterEach(() => rm(stateDir, { recursive: true }));

/** A cluster with one bound claim `data`. */
function cluster({ modes = ['ReadWriteOnce'], driver = STORAGE_DRIVER, policy = 'File', bound = true } = {}) {
  const objects: Record<string, unknown> = {
    '/api/v1/namespaces/shop/persistentvolumeclaims/data': { spec: bound ? { volumeName: 'pvc-1' } : {} },
    '/api/v1/persistentvolumes/pvc-1': { spec: { accessModes: modes, csi: { driver, fsType: 'ext4' } } },
    [`/apis/storage.k8s.io/v1/csidrivers/${driver}`]: { spec: { fsGroupPolicy: policy } },
  };
  return {
    get: (url: string): Promise<unknown> =>
      url in objects
        ? Promise.resolve(objects[url])
        : Promise.reject(new KubeError(404, { message: url, reason: 'NotFound' })),
  };
}
const pod = (uid: string, node = 'node-1') => ({ namespace: 'shop', uid, node });

describe('a claim', () => {
  it('is the folder of its volume', async () => {
    const mounted = await new Claims(stateDir).mount(cluster(), 'data', pod('a'), false);
    expect(mounted).toEqual({ folder: folderOfVolume(stateDir, 'pvc-1'), readOnly: false, givesToGroup: true });
  });

  it.each([
    ['is not bound yet', cluster({ bound: false }), 'claim data is not bound'],
    ['is not there', { get: () => Promise.reject(new KubeError(404, { message: 'x', reason: 'NotFound' })) }, 'data'],
  ])('keeps its pod waiting while it %s', async (_case, api, message) => {
    const mounting = new Claims(stateDir).mount(api, 'data', pod('a'), false);
    await expect(mounting).rejects.toThrow(MissingReference);
    await expect(mounting).rejects.toThrow(message);
  });

  it('of another driver is refused by name', async () => {
    const mounting = new Claims(stateDir).mount(cluster({ driver: 'nfs.csi.k8s.io' }), 'data', pod('a'), false);
    await expect(mounting).rejects.toThrow(`mount those of ${STORAGE_DRIVER} alone`);
  });

  it.each<[string, string[], [uid: string, node: string], string | null]>([
    ['ReadWriteOnce is shared on its node', ['ReadWriteOnce'], ['b', 'node-1'], null],
    ['ReadWriteOnce is not shared between nodes', ['ReadWriteOnce'], ['b', 'node-2'], 'in use on node-1'],
    ['ReadWriteMany is shared between nodes', ['ReadWriteMany'], ['b', 'node-2'], null],
    ['ReadWriteOncePod belongs to one pod', ['ReadWriteOncePod'], ['b', 'node-1'], 'another pod has it'],
  ])('%s', async (_case, modes, [uid, node], refusal) => {
    const claims = new Claims(stateDir);
    const api = cluster({ modes });
    await claims.mount(api, 'data', pod('a'), false);
    const second = claims.mount(api, 'data', pod(uid, node), false);
    if (refusal === null) await expect(second).resolves.toMatchObject({ readOnly: false });
    else await expect(second).rejects.toThrow(refusal);
    claims.unmount('a');
    await expect(claims.mount(api, 'data', pod(uid, node), false)).resolves.toMatchObject({ readOnly: false });
  });

  it('ReadOnlyMany is not written by anyone', async () => {
    const mounted = await new Claims(stateDir).mount(cluster({ modes: ['ReadOnlyMany'] }), 'data', pod('a'), false);
    expect(mounted.readOnly).toBe(true);
  });

  it.each([
    ['File', ['ReadWriteMany'], true],
    ['None', ['ReadWriteOnce'], false],
    ['ReadWriteOnceWithFSType', ['ReadWriteOnce'], true],
    ['ReadWriteOnceWithFSType', ['ReadWriteMany'], false],
  ])('with fsGroupPolicy %s and %j gives files to the group: %s', async (policy, modes, expected) => {
    const mounted = await new Claims(stateDir).mount(cluster({ policy, modes }), 'data', pod('a'), false);
    expect(mounted.givesToGroup).toBe(expected);
  });
});

describe('the fsGroup of a pod', () => {
  const modeOf = async (...names: string[]): Promise<string> => {
    const found = await stat(path.join(stateDir, ...names));
    return `${found.uid}:${found.gid} ${(found.mode & 0o7777).toString(8)}`;
  };
  beforeEach(async () => {
    await mkdir(path.join(stateDir, 'base'), { mode: 0o700 });
    await writeFile(path.join(stateDir, 'base', 'journal'), 'one\n', { mode: 0o600 });
  });
  const give = (policy: 'Always' | 'OnRootMismatch', readOnly = false): Promise<boolean> =>
    giveToGroup(stateDir, { gid, policy, readOnly });

  it('gets every file and folder, while owners and contents stay', async () => {
    expect(await give('Always')).toBe(true);
    expect(await modeOf('base', 'journal')).toBe(`${uid}:${gid} 660`);
    expect(await modeOf('base')).toBe(`${uid}:${gid} 2770`);
    expect(await readFile(path.join(stateDir, 'base', 'journal'), 'utf8')).toBe('one\n');
  });

  it('with OnRootMismatch is applied once', async () => {
    expect(await give('OnRootMismatch')).toBe(true);
    await writeFile(path.join(stateDir, 'later'), '', { mode: 0o600 });
    expect(await give('OnRootMismatch')).toBe(false);
    expect(await modeOf('later')).toMatch(/ 600$/);
    expect(await give('Always')).toBe(true);
    expect(await modeOf('later')).toBe(`${uid}:${gid} 660`);
  });

  it('may read a volume that is read only', async () => {
    await give('Always', true);
    expect(await modeOf('base', 'journal')).toBe(`${uid}:${gid} 640`);
  });
});
