import type { KubeClient, KubeEvent } from '@scc/kube';
import { messageOf } from '@scc/runtime';
import { isAnswer } from '../failures.js';

/**
 * A client whose Events are best effort, whichever activity records them: the API server's answer that it takes one not,
 * for want of a right or because its namespace goes away, ends nothing. The status says the same as the Event.
 * @param refused told of each
 */
export function eventsAtBest(kube: KubeClient, refused: (event: KubeEvent, error: unknown) => void): KubeClient {
  const recordEvent = async (event: KubeEvent): Promise<void> => {
    try {
      await kube.recordEvent(event);
    } catch (error) {
      if (!isAnswer(error)) throw error;
      refused(event, error);
    }
  };
  return new Proxy(kube, {
    get: (target, name) => (name === 'recordEvent' ? recordEvent : (Reflect.get(target, name) as unknown)),
  });
}

/** Between two lines of the log about Events that one namespace does not take, in milliseconds. */
const SAY_MS = 600_000;

/** Counts refused Events, and says them in the log from time to time. */
export function refusedEvents(
  count: () => void,
  say: (facts: { namespace: string; reason: string; error: string }) => void,
  now: () => number = () => performance.now(),
): (event: KubeEvent, error: unknown) => void {
  const saidMs = new Map<string, number>();
  return ({ regarding: { namespace = '' }, reason }, error) => {
    count();
    if (now() - (saidMs.get(namespace) ?? -Infinity) < SAY_MS) return;
    saidMs.set(namespace, now());
    say({ namespace, reason, error: messageOf(error) });
  };
}
