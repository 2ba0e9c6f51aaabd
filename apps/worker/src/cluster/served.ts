import { isForbidden, isNotFound, type KindRef, type KubeClient, type KubeObject } from '@scc/kube';
import { messageOf } from '@scc/runtime';

/** A kind of which it is not known whether an object of it concerns the workload. */
export interface UnreadKind {
  kind: string;
  /** The server's sentence. */
  reason: string;
}

export interface Looked {
  objects: KubeObject[];
  unread: UnreadKind[];
}

/** The name of an object as plans and people say it: with its namespace where that is another than the plan's. */
export const nameIn = (namespace: string, { metadata }: KubeObject): string =>
  metadata.namespace === undefined || metadata.namespace === namespace
    ? (metadata.name ?? '')
    : `${metadata.namespace}/${metadata.name ?? ''}`;

/**
 * The objects of a kind in the first of the given versions that the cluster serves. A kind that it does not serve has
 * none; one that the worker may not list is named.
 * @param kind with its API group; `versions` newest first
 */
export async function listServed(
  kube: Pick<KubeClient, 'list'>,
  { group, versions, kind }: { group: string; versions: readonly string[]; kind: string },
  namespace?: string,
): Promise<Looked> {
  for (const version of versions) {
    const ref: KindRef = { apiVersion: group === '' ? version : `${group}/${version}`, kind };
    try {
      const { items } = await kube.list(ref, namespace === undefined ? {} : { namespace });
      return { objects: items, unread: [] };
    } catch (error) {
      if (isForbidden(error)) return { objects: [], unread: [{ kind, reason: messageOf(error) }] };
      if (!isNotFound(error)) throw error;
    }
  }
  return { objects: [], unread: [] };
}
