import { generateKeyPairSync } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import {
  hashOf,
  type JsonValue,
  type NoteSigner,
  type PublishedRotation,
  rotationDetails,
  signerFromPem,
  signNote,
} from '@scc/audit';
import { undoMaterialText, type UndoMaterial, type UndoSeal } from '@scc/governance-api';
import { KubeError, type KubeObject, type ObjectId } from '@scc/kube';
import { undoSecretName } from '@scc/plan';
import { z } from 'zod';
import { deliverUndone } from './deliver.js';
import { resealWith } from './reseal.js';
import { MaterialTooLarge, SealedMaterial } from './sealed.js';

const ORIGIN = 'scc-governance.example';
const UID = '6f1c8a52-7a4f-4c53-9f0e-2f6a3d0b9c11';
const signer = (name = ORIGIN): NoteSigner =>
  signerFromPem(name, generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
const governanceKey = signer();

const materialOf = (over: Partial<UndoMaterial> = {}): UndoMaterial => ({
  plan: { namespace: 'shop', name: 'ledger', uid: UID },
  target: { workloadUid: 'w', sourceSCC: 'anyuid' },
  images: [{ key: 'v1|Service|shop|ledger', manifest: null }],
  activities: ['restoreRoutes', 'withdrawTargetGrant'],
  ...over,
});
const sealOf = (material: UndoMaterial, by = governanceKey, uid = material.plan.uid): UndoSeal => ({
  material,
  note: signNote(undoMaterialText(ORIGIN, uid, hashOf(material)), [by]),
});

/** When the Secrets of the cluster are made. */
const MADE_AT = '2026-11-24T10:00:00Z';

/** A namespace of Secrets, and the key that governance publishes, with the rotations that led to it. */
function aCluster(published = governanceKey, rotations: readonly PublishedRotation[] = []) {
  const objects = new Map<string, KubeObject>();
  const keyOf = ({ kind, namespace, name }: Pick<ObjectId, 'kind' | 'namespace' | 'name'>) =>
    `${kind}/${namespace ?? ''}/${name}`;
  const checkpoint = { kind: 'ConfigMap', namespace: 'scc-system', name: 'scc-audit-checkpoint' };
  objects.set(keyOf(checkpoint), {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'scc-system', name: checkpoint.name },
    data: { key: published.vkey, ...(rotations.length > 0 ? { rotations: JSON.stringify(rotations) } : {}) },
  });
  const kube = {
    get: (id: ObjectId) => Promise.resolve(objects.get(keyOf(id))),
    create: (object: KubeObject) => {
      const { namespace = '', name = '' } = object.metadata;
      const key = keyOf({ kind: object.kind, namespace, name });
      if (objects.has(key)) return Promise.reject(new KubeError(409, { reason: 'AlreadyExists', message: key }));
      objects.set(key, { ...object, metadata: { ...object.metadata, creationTimestamp: MADE_AT } });
      return Promise.resolve(object);
    },
    delete: (id: ObjectId) => Promise.resolve(void objects.delete(keyOf(id))),
  };
  const secrets = () => [...objects.values()].filter(({ kind }) => kind === 'Secret');
  const names = () => secrets().map(({ metadata }) => metadata.name);
  /** Writes a value of a Secret, as a thief of the right to it would. */
  const overwrite = (name: string, data: Record<string, string>): void => {
    const secret = secrets().find(({ metadata }) => metadata.name === name);
    if (!secret) throw new Error(`there is no Secret ${name}`);
    Object.assign(secret['data'] as Record<string, string>, data);
  };
  const dataOf = (name: string): Record<string, string> =>
    secrets().find(({ metadata }) => metadata.name === name)?.['data'] as Record<string, string>;
  return { sealed: new SealedMaterial(kube), names, overwrite, dataOf };
}

const begun = undoSecretName(UID, 'begun');

describe('sealed material', () => {
  it('is given out as governance signed it, and nothing is there before or after', async () => {
    const { sealed, names } = aCluster();
    await expect(sealed.open(UID)).resolves.toBeUndefined();
    await sealed.keep(sealOf(materialOf()), 'begun');
    await expect(sealed.open(UID)).resolves.toEqual(materialOf());
    await sealed.release(UID);
    await expect(sealed.open(UID)).resolves.toBeUndefined();
    expect(names()).toEqual([]);
  });

  it('stays as it was kept first, and with what was taken from old grants counts from then on', async () => {
    const { sealed } = aCluster();
    await sealed.keep(sealOf(materialOf()), 'begun');
    await sealed.keep(sealOf(materialOf({ target: { workloadUid: 'other' } })), 'begun');
    await expect(sealed.open(UID)).resolves.toEqual(materialOf());
    const later = materialOf({ images: [{ key: 'removed|b', manifest: { subjects: [] } }] });
    await sealed.keep(sealOf(later), 'revoking');
    await expect(sealed.open(UID)).resolves.toEqual(later);
  });

  it('that does not fit into a Secret is refused before anything is touched, as an answer about the plan', async () => {
    const { sealed, names } = aCluster();
    const noise = Array.from({ length: 60_000 }, () => crypto.randomUUID()).join('');
    const large = sealOf(materialOf({ target: { noise } }));
    await expect(sealed.keep(large, 'begun')).rejects.toThrow(MaterialTooLarge);
    const reseal = resealWith({ governance: { seal: () => Promise.resolve(large) }, sealed });
    await expect(reseal(UID, 'begun')).rejects.toMatchObject({ nonRetryable: true, type: 'Refused' });
    expect(names()).toEqual([]);
  });

  const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64');
  const packed = (material: UndoMaterial) => base64(gzipSync(JSON.stringify(material)));
  const privileged = materialOf({ target: { workloadUid: 'w', sourceSCC: 'privileged' } });
  const other = 'aaaaaaaa-7a4f-4c53-9f0e-2f6a3d0b9c11';
  const ofOther = materialOf({ plan: { namespace: 'shop', name: 'other', uid: other } });
  const FORGERIES: [string, Record<string, string>][] = [
    ['was changed under its signature', { material: packed(privileged) }],
    [
      'has one more object',
      { material: packed(materialOf({ images: [...materialOf().images, ...materialOf().images] })) },
    ],
    ['lets more be done', { material: packed(materialOf({ activities: ['grantTarget', 'restoreRoutes'] })) }],
    [
      'is signed by a key of its own',
      { material: packed(privileged), note: base64(sealOf(privileged, signer()).note) },
    ],
    [
      'is signed by another key under the name of governance',
      { note: base64(sealOf(materialOf(), signer(governanceKey.name)).note) },
    ],
    ['is another plan’s', { material: packed(ofOther), note: base64(sealOf(ofOther).note) }],
    [
      'is a checkpoint of the audit log',
      { note: base64(signNote(`${ORIGIN}\n5\n${hashOf(materialOf())}\n`, [governanceKey])) },
    ],
    ['carries no signature', { note: base64(undoMaterialText(ORIGIN, UID, hashOf(materialOf()))) }],
    ['has no note', { note: '' }],
    ['is no archive', { material: base64('{}') }],
    ['grows without end', { material: base64(gzipSync(Buffer.alloc(65 * 1024 * 1024))) }],
  ];
  it.each(FORGERIES)('is refused when it %s', async (_what, data) => {
    const { sealed, overwrite } = aCluster();
    await sealed.keep(sealOf(materialOf()), 'begun');
    overwrite(begun, data);
    await expect(sealed.open(UID)).rejects.toThrow();
  });

  it('is refused when governance publishes another key than the one that signed it', async () => {
    const { sealed } = aCluster(signer());
    await sealed.keep(sealOf(materialOf()), 'begun');
    await expect(sealed.open(UID)).rejects.toThrow(`${begun} is not what governance signed for the plan ${UID}`);
  });

  describe('signed by a key that was rotated since', () => {
    const [second, third] = [signer(), signer()];
    const rotation = (details: JsonValue, at = '2026-11-24T11:00:00.000Z'): PublishedRotation => ({ details, at });
    const toSecond = rotation(rotationDetails(ORIGIN, governanceKey, second));
    const toThird = rotation(rotationDetails(ORIGIN, second, third), '2026-11-24T12:00:00.000Z');
    const { note } = z.object({ note: z.string() }).parse(rotationDetails(ORIGIN, governanceKey, signer()));
    const forged = { from: governanceKey.vkey, to: second.vkey, note };
    const early = '2026-11-24T09:00:00.000Z';

    it.each<[string, NoteSigner, PublishedRotation[], boolean]>([
      ['is given out', second, [toSecond], true],
      ['is given out after two rotations', third, [toSecond, toThird], true],
      [
        'is given out when it was made while replicas were replaced',
        second,
        [{ ...toSecond, at: '2026-11-24T09:55:00.000Z' }],
        true,
      ],
      ['is refused when it was made after the time of the key', second, [{ ...toSecond, at: early }], false],
      ['is refused when a rotation in between is missing', third, [toThird], false],
      [
        'is refused when the rotation is of another log',
        second,
        [rotation(rotationDetails('other', governanceKey, second))],
        false,
      ],
      ['is refused when the old key alone signed the rotation', second, [rotation(forged)], false],
      [
        'is refused when keys hand the log over in a circle',
        second,
        [rotation(rotationDetails(ORIGIN, third, second)), toThird],
        false,
      ],
    ])('%s', async (_what, published, rotations, isGivenOut) => {
      const { sealed } = aCluster(published, rotations);
      await sealed.keep(sealOf(materialOf()), 'begun');
      const opened = await sealed.open(UID).then(
        () => true,
        () => false,
      );
      expect(opened).toBe(isGivenOut);
    });
  });

  it('is not passed over in favour of an older Secret when the newer one is forged', async () => {
    const { sealed, overwrite } = aCluster();
    await sealed.keep(sealOf(materialOf()), 'begun');
    await sealed.keep(sealOf(materialOf()), 'revoking');
    overwrite(undoSecretName(UID, 'revoking'), { material: packed(privileged) });
    await expect(sealed.open(UID)).rejects.toThrow('not what governance signed');
  });

  it('is compressed, for templates are long and alike', async () => {
    const { sealed, dataOf } = aCluster();
    await sealed.keep(sealOf(materialOf()), 'begun');
    const unpacked = gunzipSync(Buffer.from(dataOf(begun)['material'] ?? '', 'base64')).toString('utf8');
    expect(JSON.parse(unpacked)).toEqual(materialOf());
  });
});

describe('what an undo did while governance did not answer', () => {
  const run = { workflowId: 'scc/shop/ledger/1', runId: 'r1' };
  const at = '2026-11-24T10:00:00.000Z';

  /** A governance that lets everything begin but what is named, and the calls that it got. */
  function aGovernance(refused: readonly string[] = []) {
    const calls: string[] = [];
    return {
      calls,
      begin: (
        uid: string,
        request: { activity: string; withoutGovernance?: string | null | undefined; way: string },
      ) => {
        const { activity, withoutGovernance, way } = request;
        calls.push(`begin ${uid} ${activity} ${way} ${String(withoutGovernance)}`);
        const allowed = !refused.includes(activity);
        return Promise.resolve({ allowed, reason: 'r', sequence: 1, target: null, images: [], receipt: null });
      },
      done: (_uid: string, { activityId }: { activityId: string }) => {
        calls.push(`done ${activityId}`);
        return Promise.resolve({ recorded: true });
      },
    };
  }

  it('is told once, activity by activity, with the time at which it was done', async () => {
    const { sealed, names } = aCluster();
    const governance = aGovernance();
    await sealed.remember(UID, 'restoreRoutes', { ...run, activityId: 'a2', at });
    await sealed.remember(UID, 'withdrawTargetGrant', { ...run, activityId: 'a3', at });
    await deliverUndone({ governance, sealed }, UID);
    await deliverUndone({ governance, sealed }, UID);
    expect(governance.calls).toEqual([
      `begin ${UID} restoreRoutes back ${at}`,
      'done a2',
      `begin ${UID} withdrawTargetGrant back ${at}`,
      'done a3',
    ]);
    expect(names()).toEqual([]);
  });

  it('is told again when governance went away in the middle of it', async () => {
    const { sealed } = aCluster();
    await sealed.remember(UID, 'restoreRoutes', { ...run, activityId: 'a2', at });
    const away = { ...aGovernance(), done: () => Promise.reject(new Error('away')) };
    await expect(deliverUndone({ governance: away, sealed }, UID)).rejects.toThrow('away');
    const back = aGovernance();
    await deliverUndone({ governance: back, sealed }, UID);
    expect(back.calls).toEqual([`begin ${UID} restoreRoutes back ${at}`, 'done a2']);
  });

  it('is not said to be done where governance does not take it', async () => {
    const { sealed } = aCluster();
    const governance = aGovernance(['restoreRoutes']);
    await sealed.remember(UID, 'restoreRoutes', { ...run, activityId: 'a2', at });
    await deliverUndone({ governance, sealed }, UID);
    expect(governance.calls).toEqual([`begin ${UID} restoreRoutes back ${at}`]);
  });

  it('counts from its first try', async () => {
    const { sealed } = aCluster();
    await sealed.remember(UID, 'restoreRoutes', { ...run, activityId: 'a2', at });
    await sealed.remember(UID, 'restoreRoutes', { ...run, activityId: 'a9', at: '2026-11-24T11:00:00.000Z' });
    await expect(sealed.remembered(UID, 'restoreRoutes')).resolves.toEqual({ ...run, activityId: 'a2', at });
  });
});
