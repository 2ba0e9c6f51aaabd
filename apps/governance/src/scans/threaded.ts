import { connectKube, listIfAllowed } from '@scc/kube';
import { aimOf, collectObjects, inventoryOf, scan, type ScanReport, type ScanRequest } from '@scc/scc/scan';

/** What the thread of scans runs: reading a whole cluster and judging it would hold up whom the service answers. */
export interface ScanFunctions {
  scanCluster: typeof scanCluster;
}

/** A page of a list has at most so long, in milliseconds. */
const PAGE_MS = 60_000;

/**
 * Reads the cluster and judges every workload.
 * @throws Error when there is no such SCC, or the API server does not answer
 */
export async function scanCluster(
  { namespace, target }: ScanRequest,
  kubeconfig: string | undefined,
): Promise<ScanReport> {
  const kube = await connectKube({
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    userAgent: 'scc-governance-scan',
  });
  try {
    const { objects, unreadable } = await collectObjects(
      (kind, of) => listIfAllowed(kube, kind, { timeoutMs: PAGE_MS, ...(of === undefined ? {} : { namespace: of }) }),
      namespace === null ? [] : [namespace],
    );
    const inventory = inventoryOf(objects);
    const aim = aimOf(inventory, target ?? undefined);
    if (!aim) throw new RangeError(`there is no SCC ${target ?? ''}`);
    return scan({ ...inventory, unreadable: [...unreadable, ...inventory.unreadable] }, aim);
  } finally {
    kube.close();
  }
}
