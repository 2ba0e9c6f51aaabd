import { isDeepStrictEqual } from 'node:util';
import { isConflict } from './errors.js';
import { fenceOf, type KubeClient } from './kube-client.js';
import { withoutServerFields } from './managed-fields.js';
import type { KubeObject, ObjectId } from './object.js';

const MAX_CONFLICTS = 10;

/** Objects as they are now, without what the API server writes; null for those that do not exist. */
export const preImagesOf = <Id extends ObjectId>(kube: Pick<KubeClient, 'get'>, ids: readonly Id[]) =>
  Promise.all(
    ids.map(async (id) => {
      const object = await kube.get(id);
      return { id, manifest: object ? withoutServerFields(object) : null };
    }),
  );

/**
 * Writes some fields of a spec that belongs to a user and nothing else; starts over when another client wrote in
 * between.
 * @param change the fields as they are to be; called again for each version of the object that is met
 * @returns the object as it was before the write; null when it does not exist
 */
export async function rewriteSpec(
  kube: KubeClient,
  id: ObjectId,
  { fieldManager, change }: { fieldManager: string; change: (object: KubeObject) => { now: object; next: object } },
): Promise<KubeObject | null> {
  for (let attempt = 1; ; attempt++) {
    const object = await kube.get(id);
    if (!object) return null;
    const { now, next } = change(object);
    if (isDeepStrictEqual(now, next)) return object;
    const { resourceVersion } = object.metadata;
    try {
      await kube.patch(id, { type: 'merge', body: { metadata: { resourceVersion }, spec: next }, fieldManager });
      return object;
    } catch (error) {
      if (!isConflict(error) || attempt >= MAX_CONFLICTS) throw error;
    }
  }
}

/** Gives up the ownership of the fields that are back to what their user wrote, so that the user's next apply meets no conflict. */
export async function releaseFields(kube: KubeClient, id: ObjectId, fieldManager: string): Promise<void> {
  const object = await kube.get(id);
  const entries = object?.metadata.managedFields ?? [];
  const kept = entries.filter(({ manager, subresource }) => manager !== fieldManager || subresource);
  if (!object || kept.length === entries.length || kept.length === 0) return;
  const { resourceVersion } = object.metadata;
  try {
    await kube.patch(id, {
      type: 'merge',
      body: { metadata: { resourceVersion, managedFields: kept } },
      fieldManager,
    });
  } catch (error) {
    // Another client wrote at the same moment: ownership is a courtesy, the fields are restored already.
    if (!isConflict(error)) throw error;
  }
}

/** Deletes an object that carries all of these labels; what carries other ones by now is left alone. */
export async function removeMarked(kube: KubeClient, id: ObjectId, labels: Record<string, string>): Promise<void> {
  const object = await kube.get(id);
  const isMarked = Object.entries(labels).every(([key, value]) => object?.metadata.labels?.[key] === value);
  if (object && isMarked) await kube.delete(id, fenceOf(object));
}
