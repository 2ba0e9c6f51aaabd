import { getIfAllowed, type KubeClient, listIfAllowed } from '@scc/kube';
import { type CampaignSpec, LEAST_REACHABLE, MOST_WORKLOADS, type CampaignStatus } from '@scc/plan';
import { boardOf, callersUnread, configMapsFor } from '@scc/risk';
import { messageOf } from '@scc/runtime';
import { aimOf, clusterObjectSchema, collectObjects, inventoryOf, scan } from '@scc/scc/scan';

/** A page of a list has at most so long, in milliseconds. */
const PAGE_MS = 60_000;

/** The board of a campaign from a scan of the cluster, or why there is none. */
export async function makeBoard(
  kube: KubeClient,
  spec: CampaignSpec,
): Promise<Pick<CampaignStatus, 'waves' | 'left' | 'unread'> | string> {
  const named = spec.selector ? spec.selector.namespaces : spec.workloads?.map(({ namespace }) => namespace);
  const { objects, unreadable } = await collectObjects(
    (kind, namespace) =>
      listIfAllowed(kube, kind, { timeoutMs: PAGE_MS, ...(namespace === undefined ? {} : { namespace }) }),
    [...new Set(named)],
  );
  const [refused] = unreadable.filter(({ source }) => source.startsWith('every '));
  if (refused) return `the cluster cannot be scanned: ${refused.source}: ${refused.reason}`;
  const inventory = inventoryOf(objects, undefined);
  const aim = aimOf(inventory, spec.targetSCC === LEAST_REACHABLE ? undefined : spec.targetSCC);
  if (!aim) return `spec.targetSCC: the cluster has no SCC ${spec.targetSCC}`;
  try {
    const { rows } = scan(inventory, aim);
    const { found, refused: unread } = await getIfAllowed(kube, configMapsFor(spec, { objects, rows }));
    const all = [...objects, ...found.map((object) => clusterObjectSchema.parse(object))];
    const { waves, left } = boardOf(spec, { objects: all, rows }, MOST_WORKLOADS);
    if (waves.length === 0)
      return `no plan can move any of the workloads: ${left.map((one) => `${one.workload}: ${one.reason}`).join('; ') || 'none is selected'}`;
    return {
      waves: waves.map(({ hash, workloads }) => ({
        hash,
        workloads: workloads.map(({ namespace, kind, name, serviceAccount, targetSCC, risk, calls = [] }) => ({
          ...{ namespace, kind, name, serviceAccount, targetSCC, risk },
          ...(calls.length === 0 ? {} : { calls: [...calls] }),
          state: 'Waiting' as const,
        })),
      })),
      left: [...left],
      ...(unread.length === 0 ? {} : { unread: callersUnread(unread) }),
    };
  } catch (error) {
    if (error instanceof RangeError) return messageOf(error);
    throw error;
  }
}
