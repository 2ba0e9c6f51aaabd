import { messageOf } from '@scc/runtime';
import { isForbidden, isNotFound } from './errors.js';
import type { KubeClient, ReadOptions, Selection } from './kube-client.js';
import type { KindRef, KubeObject, ObjectId } from './object.js';

/**
 * The objects of a kind that may be missing, or that the caller may not read.
 * @throws KubeError, KubeUnreachable for any other failure
 */
export async function listIfAllowed(
  kube: Pick<KubeClient, 'list'>,
  kind: KindRef,
  options: Selection & ReadOptions,
): Promise<{ items: KubeObject[]; refused: string | null }> {
  try {
    return { items: (await kube.list(kind, options)).items, refused: null };
  } catch (error) {
    if (isNotFound(error)) return { items: [], refused: null };
    if (isForbidden(error)) return { items: [], refused: messageOf(error) };
    throw error;
  }
}

/** The objects that are there, and those of which the caller may not know it. */
export async function getIfAllowed(
  kube: Pick<KubeClient, 'get'>,
  ids: readonly ObjectId[],
): Promise<{ found: KubeObject[]; refused: ObjectId[] }> {
  const found: KubeObject[] = [];
  const refused: ObjectId[] = [];
  for (const id of ids)
    try {
      const object = await kube.get(id);
      if (object) found.push(object);
    } catch (error) {
      if (!isForbidden(error)) throw error;
      refused.push(id);
    }
  return { found, refused };
}
