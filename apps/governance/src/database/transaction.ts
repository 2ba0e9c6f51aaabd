import type { DataSource, EntityManager } from 'typeorm';

/** Runs the work in one transaction: all of its writes, its audit entries among them, or none. */
export const inTransaction = <T>(source: DataSource, work: (tx: EntityManager) => Promise<T>): Promise<T> =>
  source.transaction(work);
