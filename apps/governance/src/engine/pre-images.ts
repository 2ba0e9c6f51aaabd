import { createHash } from 'node:crypto';
import { hashOf } from '@scc/audit';
import type { PreImages } from '@scc/governance-api';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import type { CallContext } from '../call/caller.js';
import { type Database, rowsOf } from '../database/rows.js';
import { lockKnownMigration, planObject } from '../plans/store.js';
import { requireOpen } from './outcome.js';
import { PreImageEntity } from './pre-image.entity.js';

const addedRow = z.object({ key: z.string(), ordinal: z.int(), manifest: z.string().nullable() });
/** Of the text that is stored; null stays null. */
const sha256 = (text: string | null): string | null => text && createHash('sha256').update(text).digest('hex');

/**
 * Stores objects as they were before the first change. The first image of an object stays: a second attempt sees what
 * the first one changed already.
 * @returns what is stored.
 * @throws Refusal when the migration is unknown or has ended.
 */
export async function savePreImages(
  tx: EntityManager,
  uid: string,
  { workflowId, images }: PreImages,
  { actor, requestId, now }: CallContext,
): Promise<PreImages> {
  const migration = await lockKnownMigration(tx, uid);
  await requireOpen(tx, uid);
  const added = await rowsOf(
    tx,
    addedRow,
    `insert into pre_image (plan_uid, key, ordinal, workflow_id, manifest, recorded_at)
     select $1, key, ordinal, $2, manifest, $3 from unnest($4::text[], $5::int[], $6::json[]) as t (key, ordinal, manifest)
     on conflict do nothing returning key, ordinal, manifest::text as manifest`,
    [
      uid,
      workflowId,
      now,
      images.map(({ key }) => key),
      images.map(({ order }) => order),
      images.map(({ manifest }) => (manifest === null ? null : JSON.stringify(manifest))),
    ],
  );
  const stored = await readPreImages(tx, uid, workflowId);
  if (added.length > 0)
    await appendAudit(tx, {
      actor,
      action: 'preImages.recorded',
      object: planObject(migration),
      requestId,
      details: {
        ...{ uid, workflowId, keys: added.map(({ key }) => key), hash: hashOf(stored.images) },
        images: added.map(({ key, ordinal, manifest }) => ({ key, order: ordinal, manifest: sha256(manifest) })),
        at: now.toISOString(),
      },
    });
  return stored;
}

/**
 * The pre-images of the plan; none when nothing was touched, also of a plan that was never asked about.
 * @throws Refusal when the migration has ended: what it changed stays.
 */
export async function preImages(db: Database, uid: string): Promise<PreImages> {
  await requireOpen(db, uid);
  return readPreImages(db, uid, '');
}

async function readPreImages(db: Database, uid: string, workflowId: string): Promise<PreImages> {
  const rows = await db
    .getRepository(PreImageEntity)
    .find({ where: { planUid: uid }, order: { ordinal: 'ASC', key: 'ASC' } });
  return {
    workflowId: rows[0]?.workflowId ?? workflowId,
    images: rows.map(({ key, ordinal, manifest }) => ({ key, order: ordinal, manifest })),
  };
}
