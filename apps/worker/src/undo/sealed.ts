import { promisify } from 'node:util';
import { gunzip as gunzipped, gzip as gzipped } from 'node:zlib';
import { formerKeys, hashOf, isSignedBy, parseNote, parseVerifier, publishedRotationsSchema } from '@scc/audit';
import {
  undoMaterialSchema,
  undoMaterialText,
  type UndoMaterial,
  type UndoSeal,
  workflowRunSchema,
} from '@scc/governance-api';
import { isAlreadyThere, type KubeClient, type KubeObject, type ObjectId } from '@scc/kube';
import { UNDO_NAMESPACE, UNDO_SECRET_TYPE, undoneSecretName, undoSecretName } from '@scc/plan';
import { z } from 'zod';

const gzip = promisify(gzipped);
const gunzip = promisify(gunzipped);

/** The size that a Secret holds at most, less some room for its other keys, in bytes. */
const MAX_BYTES = 1024 * 1024 - 16 * 1024;
/** The size that a Secret is unpacked to at most, in bytes: one that governance did not sign may be made to grow. */
const MAX_UNPACKED_BYTES = 64 * 1024 * 1024;

/** The material does not fit into a Secret, so that nothing may be touched. */
export class MaterialTooLarge extends Error {
  override readonly name = 'MaterialTooLarge';
}

/** The checkpoint of the audit log, beside which governance publishes its public key. */
const CHECKPOINT: ObjectId = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  namespace: 'scc-system',
  name: 'scc-audit-checkpoint',
};
const checkpointSchema = z.looseObject({
  data: z.looseObject({ key: z.string(), rotations: z.string().default('[]') }),
});
const secretSchema = z.looseObject({
  metadata: z.looseObject({ creationTimestamp: z.iso.datetime({ offset: true }).optional() }),
  data: z.record(z.string(), z.string()),
});
type Kept = z.infer<typeof secretSchema>;

/** After its rotation, a key still signs for so long, in milliseconds: replicas are replaced one after the other. */
const OVERLAP_MS = 10 * 60_000;

const secretId = (name: string): ObjectId => ({ apiVersion: 'v1', kind: 'Secret', namespace: UNDO_NAMESPACE, name });
const base64 = (bytes: Buffer | string): string => Buffer.from(bytes).toString('base64');

const doneSchema = workflowRunSchema.extend({ activityId: z.string(), at: z.iso.datetime() });
/** An activity of an undo that was done while governance did not answer. */
export type DoneAlone = z.infer<typeof doneSchema>;

type Store = Pick<KubeClient, 'get' | 'create' | 'delete'>;

/**
 * The Secrets with what undos need while governance does not answer, in a namespace kept for these alone: signed by
 * governance, written by the worker before anything is touched, taken away when the outcome is recorded.
 */
export class SealedMaterial {
  constructor(private readonly kube: Store) {}

  /**
   * Keeps the material; what is kept already stays.
   * @throws MaterialTooLarge
   */
  async keep({ material, note }: UndoSeal, stage: 'begun' | 'revoking'): Promise<void> {
    const packed = await gzip(JSON.stringify(material));
    if (packed.length > MAX_BYTES)
      throw new MaterialTooLarge(
        `the objects that an undo needs take ${packed.length} bytes compressed, and a Secret holds ${MAX_BYTES}: make the workload's template, its policies or its routes smaller`,
      );
    await this.#create(undoSecretName(material.plan.uid, stage), { material: base64(packed), note: base64(note) });
  }

  /**
   * What was kept for an undo, when its signature is governance's; undefined when nothing was.
   * @throws Error when it was changed, or is signed by another key
   */
  async open(uid: string): Promise<UndoMaterial | undefined> {
    const newest = await this.#read(undoSecretName(uid, 'revoking'));
    const kept = newest ?? (await this.#read(undoSecretName(uid, 'begun')));
    if (!kept) return undefined;
    const packed = Buffer.from(kept.data['material'] ?? '', 'base64');
    const unpacked: unknown = JSON.parse(
      (await gunzip(packed, { maxOutputLength: MAX_UNPACKED_BYTES })).toString('utf8'),
    );
    await this.#verify(uid, unpacked, kept);
    return undoMaterialSchema.parse(unpacked);
  }

  /** Remembers, for governance, that an activity was done while it did not answer. */
  async remember(uid: string, activity: string, done: DoneAlone): Promise<void> {
    await this.#create(undoneSecretName(uid, activity), { done: base64(JSON.stringify(done)) });
  }

  async remembered(uid: string, activity: string): Promise<DoneAlone | undefined> {
    const kept = await this.#read(undoneSecretName(uid, activity));
    if (!kept) return undefined;
    return doneSchema.parse(JSON.parse(Buffer.from(kept.data['done'] ?? '', 'base64').toString('utf8')));
  }

  async forget(uid: string, activity: string): Promise<void> {
    await this.kube.delete(secretId(undoneSecretName(uid, activity)));
  }

  /** Takes away what was kept of a migration that is over. */
  async release(uid: string): Promise<void> {
    for (const stage of ['begun', 'revoking'] as const) await this.kube.delete(secretId(undoSecretName(uid, stage)));
  }

  /** By the key in use, or by one before it when the Secret is of its time: the API server says when it was made. */
  async #verify(uid: string, material: unknown, { data, metadata }: Kept): Promise<void> {
    const published = checkpointSchema.parse(await this.kube.get(CHECKPOINT)).data;
    const current = parseVerifier(published.key);
    const rotations = publishedRotationsSchema.parse(JSON.parse(published.rotations));
    const madeAt = Date.parse(metadata.creationTimestamp ?? '');
    const former = formerKeys(current, rotations).filter(({ until }) => madeAt <= until.getTime() + OVERLAP_MS);
    const note = parseNote(Buffer.from(data['note'] ?? '', 'base64').toString('utf8'));
    const isGovernances = [current, ...former.map(({ key }) => key)].some(
      (key) => note.text === undoMaterialText(key.name, uid, hashOf(z.json().parse(material))) && isSignedBy(note, key),
    );
    if (!isGovernances)
      throw new Error(`Secret ${undoSecretName(uid, 'begun')} is not what governance signed for the plan ${uid}`);
  }

  async #create(name: string, data: Record<string, string>): Promise<void> {
    const secret: KubeObject = {
      ...{ apiVersion: 'v1', kind: 'Secret', type: UNDO_SECRET_TYPE, immutable: true },
      metadata: { namespace: UNDO_NAMESPACE, name },
      data,
    };
    try {
      await this.kube.create(secret);
    } catch (error) {
      if (!isAlreadyThere(error)) throw error;
    }
  }

  async #read(name: string): Promise<Kept | undefined> {
    const secret = await this.kube.get(secretId(name));
    return secret && secretSchema.parse(secret);
  }
}
