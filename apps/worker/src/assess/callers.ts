import type { KubeObject } from '@scc/kube';
import type { WayIn } from '@scc/plan';
import { plural } from '@scc/plan/words';
import { hasProxy, isCalling, isInMesh, type UndividedWay, undividedWay } from '@scc/routing';

/**
 * Pods that may call the workload, and whose requests cannot be seen to be divided: their proxy is connected to an
 * istiod that is not asked, or nodes and waypoints of the ambient mesh send them on.
 */

/** What Istio's node agent writes on a pod whose traffic it takes. */
const REDIRECTION = 'ambient.istio.io/redirection';
/** Names that a message lists. */
const MAX_NAMES = 3;

const namespaceOf = ({ metadata }: KubeObject): string => metadata.namespace ?? '';

function listed(names: readonly string[]): string {
  const shown = names.toSorted().slice(0, MAX_NAMES).join(', ');
  return names.length > MAX_NAMES ? `${shown}, …` : shown;
}
const namesOf = (pods: readonly KubeObject[]): string => listed(pods.map(({ metadata }) => metadata.name ?? ''));

/** Pods with a proxy that none of the connected ones is. */
export const unseenCallers = (pods: readonly KubeObject[], connected: ReadonlySet<string>): KubeObject[] =>
  pods.filter(
    (pod) => hasProxy(pod) && isCalling(pod) && !connected.has(`${pod.metadata.name ?? ''}.${namespaceOf(pod)}`),
  );

/** The namespaces of pods that are not seen to follow, as ways that a plan may accept. */
export function unseenWays(pods: readonly KubeObject[]): UndividedWay[] {
  const byNamespace = Map.groupBy(pods, namespaceOf);
  return [...byNamespace].map(([name, own]) => {
    return {
      kind: 'Namespace',
      name,
      code: 'ProxiesUnseen',
      reason: `no istiod that is asked knows the proxies of ${plural(own.length, 'pod')} (${namesOf(own)})`,
      remedy:
        "Ask the installation's administrator to name the istiod of every revision in ISTIOD_DEBUG_URL of the worker",
    };
  });
}

/** The own side of a workload in its namespace: its pods call themselves by nothing that is divided. */
interface Own {
  namespace: string;
  /** What the namespace says of itself. */
  labels: Readonly<Record<string, string>>;
  selector: Readonly<Record<string, string>>;
}

/**
 * Pods without a proxy in namespaces of the mesh: the own one where it says so, and those where another pod has one.
 * Whether they call the workload no API says; their requests go to the pods that its Service picks.
 */
export function bareCallers(pods: readonly KubeObject[], { namespace, labels, selector }: Own): KubeObject[] {
  const meshed = new Set(pods.filter((pod) => hasProxy(pod) && isCalling(pod)).map(namespaceOf));
  if (isInMesh(labels)) meshed.add(namespace);
  const isOwn = (pod: KubeObject): boolean =>
    namespaceOf(pod) === namespace &&
    Object.entries(selector).every(([key, value]) => pod.metadata.labels?.[key] === value);
  const isAmbient = ({ metadata }: KubeObject): boolean => metadata.annotations?.[REDIRECTION] === 'enabled';
  return pods.filter(
    (pod) => meshed.has(namespaceOf(pod)) && isCalling(pod) && !hasProxy(pod) && !isAmbient(pod) && !isOwn(pod),
  );
}

/** The namespaces of pods without a proxy, as ways that nothing divides. */
export const bareWays = (pods: readonly KubeObject[]): WayIn[] =>
  [...new Set(pods.map(namespaceOf))].toSorted().map((name) => undividedWay('Namespace', name));

/** Says which pods reach the workload past the mesh, if they call it. */
export const bareWarnings = (pods: readonly KubeObject[]): string[] =>
  [...Map.groupBy(pods, namespaceOf)].map(
    ([name, own]) =>
      `${plural(own.length, 'pod')} of the namespace ${name} ${own.length === 1 ? 'has' : 'have'} no proxy of the mesh (${namesOf(own)}): where they call the workload, their requests go to its own pods, which nothing divides, no gate counts and no proof sees`,
  );

/** Says which namespaces beside the workload's have pods in the ambient mesh: what they send is not divided. */
export function ambientWarnings(pods: readonly KubeObject[], own: string): string[] {
  const namespaces = new Set(
    pods.filter((pod) => pod.metadata.annotations?.[REDIRECTION] === 'enabled' && isCalling(pod)).map(namespaceOf),
  );
  namespaces.delete(own);
  if (namespaces.size === 0) return [];
  return [
    `pods of ${listed([...namespaces])} are in the ambient mesh: where they call the workload, nodes and waypoints send their requests to its own pods, which nothing divides and no proxy shows`,
  ];
}
