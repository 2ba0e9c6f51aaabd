import type { WorkloadFacts } from '@scc/governance-api';
import type { EntityManager } from 'typeorm';
import type { SCCVersions } from '../migrations/content-hash.js';

export function currentVersions(
  _tx: EntityManager,
  _facts: Pick<WorkloadFacts, 'sourceSCC' | 'targetSCC'>,
): Promise<SCCVersions> {
  return Promise.resolve({ source: null, target: null });
}
