import { hashOf, type NoteSigner, signNote } from '@scc/audit';
import { undoMaterialText, type UndoMaterial, type UndoSeal } from '@scc/governance-api';
import { findMigration } from '../plans/store.js';
import type { Database } from '../database/rows.js';
import { Refusal } from '../refusal/refusal.js';
import { requireOpen } from './outcome.js';
import { BACK } from './order.js';
import { PreImageEntity } from './pre-image.entity.js';
import { TARGET_KEY, targetOf } from './target.js';

/** Signs what an undo needs when governance does not answer; the key is the one of the audit log, under its origin. */
export class UndoSealer {
  constructor(
    private readonly signer: NoteSigner,
    private readonly origin: string,
  ) {}

  /**
   * Everything that an undo of the migration may need, and the signature that lets it be used without governance.
   * @throws Refusal when nothing was recorded, or the migration is over.
   */
  async seal(db: Database, uid: string): Promise<UndoSeal> {
    const { namespace, name } = await findMigration(db, uid);
    await requireOpen(db, uid);
    const target = await targetOf(db, uid);
    if (!target) throw new Refusal('conflict', `nothing was recorded of the migration ${uid} yet`);
    const images = await db
      .getRepository(PreImageEntity)
      .find({ where: { planUid: uid }, order: { ordinal: 'ASC', key: 'ASC' } });
    const material: UndoMaterial = {
      plan: { namespace, name, uid },
      target,
      images: images.filter(({ key }) => key !== TARGET_KEY).map(({ key, manifest }) => ({ key, manifest })),
      activities: [...BACK],
    };
    return { material, note: signNote(undoMaterialText(this.origin, uid, hashOf(material)), [this.signer]) };
  }
}
