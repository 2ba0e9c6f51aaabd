import type { KubeClient, KubeObject } from '@scc/kube';
import { rolloutOf, strangers, troubles, type RolloutPod } from '../cluster/rollout.js';
import { podsOfWorkload } from '../cluster/workload-pods.js';
import { terminal } from '../failures.js';
import { until } from './pace.js';

const POLL_MS = 150;
/** How long pods may be refused before the refusal is final, in milliseconds: injectors and quotas come and go. */
const REFUSAL_LASTS_MS = 20_000;
/** What SCC admission says; asking again changes nothing. */
const BY_SCC = 'unable to validate against any security context constraint';

export interface AwaitedRollout {
  read: () => Promise<KubeObject>;
  /** The workload that is waited for, in messages. */
  subject: string;
  targetSCC: string;
  timeoutMs: number;
  /** The meaning of the end of the time. */
  overdue: 'readiness' | 'rollout';
  /** Anything else that is missing, or null. */
  missing?: () => Promise<string | null>;
  /** Looked at while it is waited for; it throws where waiting would not help. */
  watch?: () => Promise<void>;
}

/** Whether a refusal of pods is the last word. */
export const isFinalRefusal = (refusal: string, lastedMs: number): boolean =>
  refusal.includes(BY_SCC) || lastedMs >= REFUSAL_LASTS_MS;

/**
 * Waits until every pod of a Deployment has its template, is available and runs under the target.
 * @returns its pods.
 * @throws ApplicationFailure terminal, with the reasons that the pods give.
 */
export async function awaitRollout(kube: KubeClient, awaited: AwaitedRollout): Promise<RolloutPod[]> {
  const { read, subject, targetSCC, timeoutMs, overdue, missing, watch } = awaited;
  let refusedSinceMs: number | null = null;
  let message = 'it was not seen yet';
  const look = async (): Promise<RolloutPod[] | undefined> => {
    await watch?.();
    const object = await read();
    const { pods, refusal } = await podsOfWorkload(kube, object);
    refusedSinceMs = refusal === null ? null : (refusedSinceMs ?? performance.now());
    if (refusal !== null && isFinalRefusal(refusal, performance.now() - (refusedSinceMs ?? 0)))
      throw terminal('admission', `the pods of ${subject} are refused: ${refusal}`);
    const rollout = rolloutOf(object);
    if (rollout.state === 'waiting') {
      message = rollout.message + troubles(pods);
      return undefined;
    }
    const wrong = strangers(pods, targetSCC);
    if (wrong) throw terminal('admission', wrong);
    const lacking = (await missing?.()) ?? null;
    if (lacking === null) return pods.filter(({ leaving }) => !leaving);
    message = lacking;
    return undefined;
  };
  const expired = () => terminal(overdue, `${subject} is not ready after ${timeoutMs / 1000} s: ${message}`);
  return until(look, { everyMs: POLL_MS, timeoutMs, expired });
}
