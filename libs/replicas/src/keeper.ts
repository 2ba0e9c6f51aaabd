import { createInformer, isConflict, isNotFound, type KubeClient, type KubeObject } from '@scc/kube';
import { CANARY_ROLE, FIELD_MANAGER, LENT_FROM_ANNOTATION, ROLE_LABEL } from '@scc/plan';
import { pause } from '@scc/runtime';
import { SLICE_TYPE, sliceSchema, type Slice } from './schema.js';
import { isLent, renewedSlice, serviceOf } from './slices.js';

/** After which a look that failed is made again, in milliseconds. */
const RETRY_MS = 1_000;

interface KeeperOptions {
  kube: KubeClient;
  logger: NonNullable<Parameters<typeof createInformer>[0]['logger']>;
}

/**
 * Keeps the endpoints that are lent to Services in step with the canary's pods, for as long as the process lives: between
 * the steps of a migration no activity runs. Each worker does so; a write that comes second is refused by the version.
 */
export function keepLentEndpoints({ kube, logger }: KeeperOptions): { stop: () => Promise<void> } {
  const stopping = new AbortController();
  let work = Promise.resolve();
  const later = (namespace: string | undefined): void => {
    work = work.then(() => look(namespace)).catch((error: unknown) => failed(error, namespace));
  };
  const failed = (error: unknown, namespace: string | undefined): void => {
    // Another worker, or a step, was first; that change comes here as well.
    if (isConflict(error) || isNotFound(error)) return;
    logger.warn({ err: error, namespace }, 'lent endpoints could not be kept in step with their pods');
    void pause(RETRY_MS, stopping.signal).then(() => (stopping.signal.aborted ? undefined : later(namespace)));
  };
  const look = async (namespace: string | undefined): Promise<void> => {
    const objects = informer.list().filter(({ metadata }) => metadata.namespace === namespace);
    const read = objects.map((object) => ({ object, slice: sliceSchema.parse(object) }));
    for (const { object, slice } of read.filter((one) => isLent(one.slice)))
      await renew(
        object,
        slice,
        read.map((one) => one.slice),
      );
  };
  const renew = async (object: KubeObject, slice: Slice, all: readonly Slice[]): Promise<void> => {
    const from = slice.metadata.annotations[LENT_FROM_ANNOTATION];
    const next = renewedSlice(
      slice,
      all.filter((one) => serviceOf(one) === from && !isLent(one)),
    );
    if (next === null) return;
    const { name = '', namespace = '', resourceVersion } = object.metadata;
    const id = { ...SLICE_TYPE, namespace, name };
    const body = { metadata: { resourceVersion }, ...next };
    await kube.patch(id, { type: 'merge', body, fieldManager: FIELD_MANAGER });
  };
  const informer = createInformer({
    client: kube,
    kind: SLICE_TYPE,
    // The controller of endpoints gives the slices of a Service the Service's labels.
    labelSelector: `${ROLE_LABEL}=${CANARY_ROLE}`,
    logger,
    onChange: (_key, current, previous) => later((current ?? previous)?.metadata.namespace),
  });
  informer.start();
  return {
    stop: async () => {
      stopping.abort();
      await informer.stop();
      await work;
    },
  };
}
