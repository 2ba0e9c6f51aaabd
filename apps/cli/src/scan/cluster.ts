import { type KubeClient, listIfAllowed } from '@scc/kube';
import { type Collected, collectObjects, SCAN_KINDS } from '@scc/scc/scan';

/** A page of a list has at most so long, in milliseconds. */
const PAGE_MS = 60_000;

/** Whether a scan reads a kind without being asked to. */
const isUsual = ({ apiVersion, kind }: { apiVersion: string; kind: string }): boolean =>
  SCAN_KINDS.some((usual) => usual.kind === kind && usual.apiVersion === apiVersion);

/**
 * The objects of a cluster, in pages. A kind that may not be read is named.
 * @param namespaces those to read; every one when empty
 */
export const collectCluster = (
  kube: KubeClient,
  namespaces: readonly string[],
  options: { progress: (kind: string) => void; profiles?: boolean },
): Promise<Collected> =>
  collectObjects(
    async ({ resourceVersion, ...kind }, namespace) => {
      const { items, refused } = await listIfAllowed(kube, kind, {
        timeoutMs: PAGE_MS,
        ...(namespace === undefined ? {} : { namespace }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      });
      const remedy = isUsual(kind)
        ? 'the ClusterRole scc-scan of the chart holds the rights'
        : 'the ClusterRole scc-scan-profiles of the chart holds the rights';
      return { items, refused: refused && `${refused}; ${remedy}` };
    },
    namespaces,
    options,
  );
