import { pause, within } from '@scc/runtime';
import { SCC_ANNOTATION } from '@scc/scc';
import { behaviourOf, type Behaviour, type Image } from './behaviour.js';
import { KILLED, OUT_OF_MEMORY, type End, type Execution, type Runnable } from './execution.js';
import type { KubeletContainer, KubeletPod } from './pod-schema.js';
import type { Serving } from './serving.js';

/** A container of an image that is a behaviour: HTTP servers at the pod's address, in the thread that serves. */
export const servedContainer = (
  pod: KubeletPod,
  container: KubeletContainer,
  { image, ip, serving }: { image: Image; ip: string; serving: Serving },
): Runnable => ({
  uid: image.uid,
  prepare: () => Promise.resolve(),
  start: async () => {
    const behaviour = behaviourOf(pod, container, image);
    if (behaviour.dies !== null) throw new Error(behaviour.dies);
    const server = await serving.listen({ host: ip, behaviour, headers: headersOf(pod, behaviour) });
    const { promise, resolve } = Promise.withResolvers<End>();
    const timers = [outOfMemory(behaviour, resolve), done(behaviour, resolve)];
    const ended = promise.then((end) => {
      for (const timer of timers) clearTimeout(timer);
      server.destroy();
      return end;
    });
    const execution: Execution = {
      ended,
      stop: async (graceMs) => {
        const deadline = performance.now() + graceMs;
        const left = (): number => Math.max(0, deadline - performance.now());
        // It goes on serving for its own drain time after SIGTERM, then answers what is under way.
        server.drain();
        await pause(Math.min(behaviour.drainMs, left()));
        await within(server.close(), left());
        resolve({ exitCode: 0, reason: 'Completed' });
        await ended;
      },
      kill: (end = KILLED) => resolve(end),
      signal: (signal) => {
        if (signal === 'SIGKILL') resolve(KILLED);
      },
    };
    return execution;
  },
});

const outOfMemory = ({ oomAfterMs }: Behaviour, end: (end: End) => void): NodeJS.Timeout | undefined =>
  Number.isFinite(oomAfterMs) ? setTimeout(() => end(OUT_OF_MEMORY), oomAfterMs) : undefined;

const done = ({ endsAfterMs }: Behaviour, end: (end: End) => void): NodeJS.Timeout | undefined =>
  Number.isFinite(endsAfterMs) ? setTimeout(() => end({ exitCode: 0, reason: 'Completed' }), endsAfterMs) : undefined;

function headersOf(pod: KubeletPod, { identity }: Behaviour): Record<string, string> {
  const { name, annotations } = pod.metadata;
  return { 'x-pod': name, 'x-scc': annotations[SCC_ANNOTATION] ?? 'none', 'x-uid': String(identity.uid) };
}
