import { type KubeClient, listIfAllowed } from '@scc/kube';
import { type Collected, collectObjects } from '@scc/scc/scan';

/** A page of a list has at most so long, in milliseconds. */
const PAGE_MS = 60_000;

/**
 * The objects of a cluster, in pages. A kind that may not be read is named.
 * @param namespaces those to read; every one when empty
 * @param progress told of each kind before it is read
 */
export const collectCluster = (
  kube: KubeClient,
  namespaces: readonly string[],
  progress: (kind: string) => void,
): Promise<Collected> =>
  collectObjects(
    async (kind, namespace) => {
      const { items, refused } = await listIfAllowed(kube, kind, {
        timeoutMs: PAGE_MS,
        ...(namespace === undefined ? {} : { namespace }),
      });
      return { items, refused: refused && `${refused}; the ClusterRole scc-scan of the chart holds the rights` };
    },
    namespaces,
    progress,
  );
