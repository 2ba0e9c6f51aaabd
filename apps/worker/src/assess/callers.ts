import type { KubeObject } from '@scc/kube';
import { isRecord } from '@scc/plan';
import { plural } from '@scc/plan/words';
import type { UndividedWay } from '@scc/routing';

/**
 * Pods that may call the workload, and whose requests cannot be seen to be divided: their proxy is connected to an
 * istiod that is not asked, or nodes and waypoints of the ambient mesh send them on.
 */

const PROXY = 'istio-proxy';
/** What Istio's node agent writes on a pod whose traffic it takes. */
const REDIRECTION = 'ambient.istio.io/redirection';
/** Names that a message lists. */
const MAX_NAMES = 3;

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

function hasProxy({ spec }: KubeObject): boolean {
  if (!isRecord(spec)) return false;
  return [...listOf(spec['initContainers']), ...listOf(spec['containers'])].some(
    (container) => isRecord(container) && container['name'] === PROXY,
  );
}

/** A pod that can call somebody now; one that starts or ends may not be connected yet, or any more. */
function isCalling({ metadata, status }: KubeObject): boolean {
  if (metadata.deletionTimestamp !== undefined || !isRecord(status) || status['phase'] !== 'Running') return false;
  return listOf(status['conditions']).some(
    (one) => isRecord(one) && one['type'] === 'Ready' && one['status'] === 'True',
  );
}

const namespaceOf = ({ metadata }: KubeObject): string => metadata.namespace ?? '';

/** Pods with a proxy that none of the connected ones is. */
export const unseenCallers = (pods: readonly KubeObject[], connected: ReadonlySet<string>): KubeObject[] =>
  pods.filter(
    (pod) => hasProxy(pod) && isCalling(pod) && !connected.has(`${pod.metadata.name ?? ''}.${namespaceOf(pod)}`),
  );

/** The namespaces of pods that are not seen to follow, as ways that a plan may accept. */
export function unseenWays(pods: readonly KubeObject[]): UndividedWay[] {
  const byNamespace = Map.groupBy(pods, namespaceOf);
  return [...byNamespace].map(([name, own]) => {
    const names = own.map(({ metadata }) => metadata.name ?? '').toSorted();
    const more = names.length > MAX_NAMES ? ', …' : '';
    return {
      kind: 'Namespace',
      name,
      code: 'ProxiesUnseen',
      reason: `no istiod that is asked knows the proxies of ${plural(own.length, 'pod')} (${names.slice(0, MAX_NAMES).join(', ')}${more})`,
      remedy:
        "Ask the installation's administrator to name the istiod of every revision in ISTIOD_DEBUG_URL of the worker",
    };
  });
}

/** Says which namespaces beside the workload's have pods in the ambient mesh: what they send is not divided. */
export function ambientWarnings(pods: readonly KubeObject[], own: string): string[] {
  const namespaces = new Set(
    pods.filter((pod) => pod.metadata.annotations?.[REDIRECTION] === 'enabled' && isCalling(pod)).map(namespaceOf),
  );
  namespaces.delete(own);
  if (namespaces.size === 0) return [];
  const names = [...namespaces].toSorted();
  const shown = `${names.slice(0, MAX_NAMES).join(', ')}${names.length > MAX_NAMES ? ', …' : ''}`;
  return [
    `pods of ${shown} are in the ambient mesh: where they call the workload, nodes and waypoints send their requests to its own pods, which nothing divides and no proxy shows`,
  ];
}
