import { isForbidden, isNotFound, type KubeClient } from '@scc/kube';
import { messageOf } from '@scc/runtime';
import { CLUSTER_SCOPED, clusterObjectSchema, SCAN_KINDS, type Unreadable } from '@scc/scc/scan';
import { z } from 'zod';
import type { Collected } from './files.js';

/** A page of a list has at most so long, in milliseconds. */
const PAGE_MS = 60_000;

interface Reading {
  readonly kube: KubeClient;
  readonly collected: Collected;
}

async function readKind(
  { kube, collected }: Reading,
  kind: (typeof SCAN_KINDS)[number],
  namespace?: string,
): Promise<void> {
  const where = namespace === undefined ? '' : ` in ${namespace}`;
  try {
    const { items } = await kube.list(kind, { timeoutMs: PAGE_MS, ...(namespace === undefined ? {} : { namespace }) });
    for (const item of items) {
      const parsed = clusterObjectSchema.safeParse(item);
      if (parsed.success) collected.objects.push(parsed.data);
      else
        collected.unreadable.push({
          source: `${kind.kind} ${item.metadata.name ?? ''}`,
          reason: z.prettifyError(parsed.error),
        });
    }
  } catch (error) {
    if (isNotFound(error)) return;
    if (!isForbidden(error)) throw error;
    const reason = `${messageOf(error)}; the ClusterRole scc-scan of the chart holds the rights`;
    collected.unreadable.push({ source: `every ${kind.kind}${where}`, reason } satisfies Unreadable);
  }
}

/**
 * The objects of a cluster, one kind after the other, in pages. A kind that may not be read is named.
 * @param namespaces those to read; every one when empty
 * @param progress told of each kind before it is read
 */
export async function collectCluster(
  kube: KubeClient,
  namespaces: readonly string[],
  progress: (kind: string) => void,
): Promise<Collected> {
  const reading: Reading = { kube, collected: { objects: [], unreadable: [] } };
  for (const kind of SCAN_KINDS) {
    progress(kind.kind);
    if (namespaces.length === 0 || CLUSTER_SCOPED.has(kind.kind)) await readKind(reading, kind);
    else for (const namespace of namespaces) await readKind(reading, kind, namespace);
  }
  return reading.collected;
}
