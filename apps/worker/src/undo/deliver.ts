import { GovernanceError, GUARDED_ACTIVITIES, type GovernanceClient } from '@scc/governance-api';
import type { SealedMaterial } from './sealed.js';

/** Governance does not know the plan: its database was lost, and restored from before the plan. */
export const isUnknownPlan = (error: unknown): boolean => error instanceof GovernanceError && error.status === 404;

/** Tells governance of every activity of an undo that was done while it did not answer; told twice is told once. */
export async function deliverUndone(
  { governance, sealed }: { governance: Pick<GovernanceClient, 'begin' | 'done'>; sealed: SealedMaterial },
  uid: string,
): Promise<void> {
  for (const activity of GUARDED_ACTIVITIES) {
    const done = await sealed.remembered(uid, activity);
    if (!done) continue;
    const { at, ...run } = done;
    const verdict = await governance.begin(uid, { ...run, activity, way: 'back', weight: null, withoutGovernance: at });
    if (verdict.allowed) await governance.done(uid, run);
    await sealed.forget(uid, activity);
  }
}
