import { type EntityManager, IsNull } from 'typeorm';
import { EmergencyStopEntity } from './stop.entity.js';

/** The emergency stop of a namespace now; one that takes migrations back outweighs one that only holds them. */
export async function stopInForce(tx: EntityManager, namespace: string): Promise<EmergencyStopEntity | null> {
  return tx.getRepository(EmergencyStopEntity).findOne({
    where: [
      { liftedAt: IsNull(), namespace: IsNull() },
      { liftedAt: IsNull(), namespace },
    ],
    order: { takeBack: 'DESC', id: 'ASC' },
  });
}
