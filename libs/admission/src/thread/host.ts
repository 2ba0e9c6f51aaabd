import { Worker } from 'node:worker_threads';
import { messageOf, withDeadline } from '@scc/runtime';
import type { FromThread, ThreadQuestion, ThreadSettings, ToThread } from './protocol.js';
import type { WriteHint } from '../review/pod-hint.js';
import type { SeenPod } from './seen-pod.js';

/** An answer that takes longer means that the thread is stuck. */
const PATIENCE_MS = 5000;
const STUCK = `admission has not reacted for ${PATIENCE_MS} ms`;

export interface AdmissionThreadOptions extends ThreadSettings {
  /** Called with pods that admission saw; their news may be old when the process is busy. */
  readonly onPods: (pods: readonly SeenPod[]) => void;
  /** Called with writes that admission let pass and that may lead to other pods. */
  readonly onWrites: (writes: readonly WriteHint[]) => void;
  /** The thread ended by itself. */
  readonly onEnd: (error: Error) => void;
}

/** The admission webhook in a thread of its own. */
export interface AdmissionThread {
  readonly port: number;
  /** A reason why reviews cannot be answered properly now, or null. */
  ready(): Promise<string | null>;
  /** A reason why the thread does not react at all, or null. */
  alive(): Promise<string | null>;
  /** In the text format of Prometheus. */
  metrics(): Promise<string>;
  stop(): Promise<void>;
}

/**
 * Starts the admission webhook in a thread: pods do not wait for a busy API. Resolves when it
 * listens.
 *
 * @throws the error for which the thread could not start.
 */
export async function startAdmissionThread({
  onPods,
  onWrites,
  onEnd,
  ...settings
}: AdmissionThreadOptions): Promise<AdmissionThread> {
  const worker = new Worker(new URL('./main.js', import.meta.url), { name: 'admission', workerData: settings });
  const send = (message: ToThread): void => worker.postMessage(message);
  const waiting = new Map<number, (value: string | null) => void>();
  const started = Promise.withResolvers<number>();
  const ended = Promise.withResolvers<undefined>();
  let failure: Error | undefined;
  let isServing = false;
  worker.on('message', (message: FromThread) => {
    if (message.is === 'started') started.resolve(message.port);
    else if (message.is === 'hints') {
      if (message.pods.length > 0) onPods(message.pods);
      if (message.writes.length > 0) onWrites(message.writes);
      send({ is: 'hints-taken' });
    } else {
      waiting.get(message.id)?.(message.value);
      waiting.delete(message.id);
    }
  });
  worker.once('error', (error) => (failure = error instanceof Error ? error : new Error(String(error))));
  worker.once('exit', () => {
    const error = failure ?? new Error('the admission thread ended');
    started.reject(error);
    ended.resolve(undefined);
    if (isServing) onEnd(error);
  });

  let asked = 0;
  const ask = (is: ThreadQuestion): Promise<string | null> => {
    asked += 1;
    const id = asked;
    return new Promise((resolve) => {
      waiting.set(id, resolve);
      send({ is, id });
    });
  };
  const askInTime = (is: ThreadQuestion): Promise<string | null> =>
    withDeadline(() => ask(is), { timeoutMs: PATIENCE_MS, message: STUCK });
  const port = await started.promise;
  isServing = true;
  return {
    port,
    ready: () => askInTime('ready').catch(messageOf),
    alive: () => askInTime('ready').then(() => null, messageOf),
    metrics: async () => (await askInTime('metrics').catch(() => null)) ?? '',
    stop: async () => {
      isServing = false;
      void ask('stop');
      await ended.promise;
    },
  };
}
