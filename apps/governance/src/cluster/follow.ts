import type { MakeInformer } from '@scc/kube';
import type { Logger } from 'pino';

interface KindToFollow {
  kind: Parameters<MakeInformer>[0];
  makeInformer: MakeInformer;
  logger: Logger;
  /** Takes over one change that was told of at a time; `current` is undefined when the object is gone. */
  enter: (key: string, change: { current: unknown; previous: unknown; at: Date }) => Promise<void>;
  /**
   * Takes over everything there is: what could not be written, and what happened while no watch was open, is found here.
   * The API server last said something `lastContactMs` milliseconds ago.
   */
  reconcile: (present: unknown[], lastContactMs: number) => Promise<void>;
  /** Milliseconds. */
  everyMs: number;
}

/** Follows the objects of a kind. Changes are taken over one after the other; one that fails is left to the next look. */
export function follow({ kind, makeInformer, logger, enter, reconcile, everyMs }: KindToFollow): {
  stop: () => Promise<void>;
} {
  let last: Promise<void> = Promise.resolve();
  const enqueue = (work: () => Promise<void>): void => {
    last = last
      .then(work)
      .catch((error: unknown) =>
        logger.warn({ err: error, kind: kind.kind }, 'recording a change of the cluster failed'),
      );
  };
  const informer = makeInformer(kind, (key, current, previous) => {
    const change = { current, previous, at: new Date() };
    enqueue(() => enter(key, change));
  });
  const look = (): void => enqueue(() => reconcile(informer.list(), informer.lastContactMs()));
  informer.start();
  informer.synced
    .then(look)
    .catch((error: unknown) => logger.warn({ err: error, kind: kind.kind }, 'objects of the cluster are not synced'));
  const timer = setInterval(look, everyMs);
  return {
    stop: async () => {
      clearInterval(timer);
      await informer.stop();
      await last;
    },
  };
}
