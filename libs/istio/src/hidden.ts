import { isForbidden, isNotFound, type KubeClient, type KubeObject } from '@scc/kube';
import { z } from 'zod';
import { coversHost } from './hosts.js';
import { REGISTRY_ONLY } from './mesh-config.js';

/**
 * Callers whose proxies do not know the Service, because a Sidecar leaves it out: where unknown hosts are let out, their
 * requests go past the divided routes to the pods that the Service picks.
 */

const sidecarSchema = z.looseObject({
  egress: z.array(z.looseObject({ hosts: z.array(z.string()).default([]) })).nullish(),
  outboundTrafficPolicy: z.looseObject({ mode: z.string().nullish() }).nullish(),
});

interface Place {
  /** Of the Services. */
  namespace: string;
  /** Their full hosts. */
  hosts: readonly string[];
  /** The root namespace of the mesh, whose Sidecar holds where a namespace has none of its own. */
  root: string;
  /** Whether the mesh lets requests out to hosts that a proxy does not know. */
  allowsAny: boolean;
}

/** Whether one entry of `egress.hosts`, NAMESPACE/HOST, shows a host of the Services' namespace. */
function shows(entry: string, host: string, { at, namespace }: { at: string; namespace: string }): boolean {
  const slash = entry.indexOf('/');
  const [where, pattern] = slash < 0 ? ['*', entry] : [entry.slice(0, slash), entry.slice(slash + 1)];
  const isThere = where === '*' || (where === '.' ? at === namespace : where === namespace);
  return isThere && coversHost(pattern, host);
}

/** Whether callers that a Sidecar is for reach one of the Services past its routes. */
function hides({ metadata, ...object }: KubeObject, { namespace, hosts, root, allowsAny }: Place): boolean {
  const { data } = sidecarSchema.safeParse(object['spec'] ?? {});
  if (!data?.egress?.length) return false;
  const mode = data.outboundTrafficPolicy?.mode;
  if (typeof mode === 'string' ? mode === REGISTRY_ONLY : !allowsAny) return false;
  const at = metadata.namespace ?? '';
  // In the root namespace a dot stands for the namespace of each proxy, and so for others than the Services' own.
  const place = { at: at === root ? '' : at, namespace };
  const entries = data.egress.flatMap((listener) => listener.hosts);
  return !hosts.every((host) => entries.some((entry) => shows(entry, host, place)));
}

/** Names that a warning lists. */
const MAX_NAMES = 5;

/** Says which Sidecars hide the Services from their proxies. */
export function hiddenWarnings(sidecars: readonly KubeObject[], place: Place): string[] {
  const names = sidecars
    .filter((sidecar) => hides(sidecar, place))
    .map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name ?? ''}`)
    .toSorted();
  if (names.length === 0) return [];
  const shown = `${names.slice(0, MAX_NAMES).join(', ')}${names.length > MAX_NAMES ? ', …' : ''}`;
  return [
    `Sidecar ${shown} hides ${place.hosts.join(', ')} from its proxies: where those call the workload, their requests go to its own pods, which nothing divides, no gate counts and no proof sees; list the host in its egress.hosts for the time of the migration`,
  ];
}

/** The Sidecars of the cluster; of those that may not be listed a warning says that it is not known what they hide. */
export async function readSidecars(
  kube: Pick<KubeClient, 'list'>,
  apiVersion: string,
): Promise<{ sidecars: KubeObject[]; unread: string[] }> {
  try {
    return { sidecars: (await kube.list({ apiVersion, kind: 'Sidecar' })).items, unread: [] };
  } catch (error) {
    if (isNotFound(error)) return { sidecars: [], unread: [] };
    if (!isForbidden(error)) throw error;
    return {
      sidecars: [],
      unread: [`whether a Sidecar hides the Services from its proxies is not known: ${String(error)}`],
    };
  }
}
