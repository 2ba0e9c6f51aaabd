import type { KubeClient, KubeObject, ObjectId } from '@scc/kube';

/** An object that was deleted and stays, for as long as somebody's finalizer keeps it. */
export class KeptByFinalizer extends Error {
  override readonly name = 'KeptByFinalizer';
}

/** Finalizers by which Kubernetes itself removes what belongs to an object; they go by themselves. */
const OWN = new Set(['foregroundDeletion', 'orphan']);

/** The finalizers of other clients on an object. */
export const finalizersOf = ({ metadata }: KubeObject): string[] => {
  const { finalizers } = metadata as { finalizers?: string[] };
  return (finalizers ?? []).filter((name) => !OWN.has(name));
};

/** Says that an object which was deleted is kept, and by what; null while it is not deleted, or nothing keeps it. */
export function keptBy(object: KubeObject | undefined): string | null {
  if (object?.metadata.deletionTimestamp === undefined) return null;
  const finalizers = finalizersOf(object);
  if (finalizers.length === 0) return null;
  return `${object.kind} ${object.metadata.name ?? ''} was deleted and is kept by ${finalizers.join(', ')}`;
}

/** Which of these objects were deleted and are kept, in words. */
export async function keptAmong(kube: Pick<KubeClient, 'get'>, ids: readonly ObjectId[]): Promise<string[]> {
  const objects = await Promise.all(ids.map((id) => kube.get(id)));
  return objects.flatMap((object, index) => {
    const kind = ids[index]?.kind ?? '';
    return keptBy(object && { ...object, kind }) ?? [];
  });
}
