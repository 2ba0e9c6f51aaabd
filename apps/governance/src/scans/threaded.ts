import { connectKube, listIfAllowed } from '@scc/kube';
import { ImageReader, type ImageRead, type Registries } from '@scc/runtime/images';
import {
  aimOf,
  collectObjects,
  imagesIn,
  type Inventory,
  inventoryOf,
  scan,
  type ScanReport,
  type ScanRequest,
  withImages,
} from '@scc/scc/scan';

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
  registries: Registries | null,
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
    const seen = withImages(inventory, await imagesOfCluster(inventory, registries));
    return scan({ ...seen, unreadable: [...unreadable, ...inventory.unreadable] }, aim);
  } finally {
    kube.close();
  }
}

async function imagesOfCluster(
  { workloads }: Inventory,
  registries: Registries | null,
): Promise<ReadonlyMap<string, ImageRead>> {
  if (registries === null) return new Map();
  const reader = new ImageReader(registries);
  try {
    return await reader.readAll(imagesIn(workloads));
  } finally {
    reader.close();
  }
}
