import { type EntityManager, IsNull } from 'typeorm';
import { EmergencyStopEntity } from './stop.entity.js';

/** What stops the migrations of a namespace now; one that takes them back outweighs one that only holds them. */
export async function stopInForce(tx: EntityManager, namespace: string): Promise<EmergencyStopEntity | null> {
  return tx.getRepository(EmergencyStopEntity).findOne({
    where: [
      { liftedAt: IsNull(), namespace: IsNull() },
      { liftedAt: IsNull(), namespace },
    ],
    order: { takeBack: 'DESC', id: 'ASC' },
  });
}
