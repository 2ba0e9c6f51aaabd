import { type KubeClient, listIfAllowed } from '@scc/kube';
import { type Collected, collectObjects } from '@scc/scc/scan';

/** A page of a list has at most so long, in milliseconds. */
const PAGE_MS = 60_000;

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
      const remedy =
        resourceVersion === undefined
          ? 'the ClusterRole scc-scan of the chart holds the rights'
          : 'docs/SCAN.md names the right to read profiles';
      return { items, refused: refused && `${refused}; ${remedy}` };
    },
    namespaces,
    options,
  );
