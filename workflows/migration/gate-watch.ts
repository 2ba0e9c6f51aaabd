import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import type { GateSample } from '@scc/plan';
import { defaultActivities } from './activities.js';
import type { HoldRequest } from './contract.js';

/**
 * Holds and watches the gates; `ended` becoming true ends that early and without samples, `stopped` says that the whole
 * migration was stopped, which is no early end but the cancellation that it is.
 */
export async function watchGates(
  request: HoldRequest,
  { ended, stopped }: { ended: () => boolean; stopped: () => boolean },
): Promise<GateSample[]> {
  const scope = new CancellationScope();
  const samples = scope.run(() => defaultActivities.hold(request));
  const early = new CancellationScope();
  const end = early
    .run(() => condition(ended))
    .then(() => scope.cancel())
    .catch(() => undefined);
  try {
    return await samples;
  } catch (error) {
    if (isCancellation(error) && ended() && !stopped()) return [];
    throw error;
  } finally {
    early.cancel();
    await end;
  }
}
