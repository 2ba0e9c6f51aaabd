import type { GovernanceClient } from '@scc/governance-api';
import { terminal } from '../failures.js';
import { MaterialTooLarge, type SealedMaterial } from './sealed.js';

/** Has governance sign all that it keeps of a migration for an undo, and keeps that in the cluster as well. */
export type Reseal = (uid: string, stage: 'begun' | 'revoking') => Promise<void>;

export const resealWith =
  ({ governance, sealed }: { governance: Pick<GovernanceClient, 'seal'>; sealed: SealedMaterial }): Reseal =>
  async (uid, stage) => {
    try {
      await sealed.keep(await governance.seal(uid), stage);
    } catch (error) {
      if (error instanceof MaterialTooLarge) throw terminal('refused', `spec.workloadRef: ${error.message}`);
      throw error;
    }
  };
