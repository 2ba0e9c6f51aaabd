import type { KubeClient, KubeObject } from '@scc/kube';
import { isRecord, type WayIn } from '@scc/plan';
import {
  aliasOf,
  hostPortsOf,
  namedServices,
  type Sender,
  SENDERS,
  type ServiceSpec,
  undividedWay,
  waysOfService,
} from '@scc/routing';
import { listServed, nameIn, type UnreadKind } from './served.js';

/** The Services of a workload and its pods, as far as ways to them are looked for. */
export interface Reached {
  namespace: string;
  services: readonly string[];
  /** The pod template's spec. */
  podSpec: unknown;
  domain: string;
}

export interface WaysIn {
  ways: WayIn[];
  unread: UnreadKind[];
}

async function sentBy(
  kube: Pick<KubeClient, 'list'>,
  sender: Sender,
  { namespace, services }: Reached,
): Promise<WaysIn> {
  const { objects, unread } = await listServed(kube, sender, sender.isLocal ? namespace : undefined);
  const leads = (object: KubeObject): boolean =>
    namedServices({ ...object, metadata: null }, object.metadata.namespace ?? '').some(
      (named) => named.namespace === namespace && services.includes(named.name),
    );
  return { ways: objects.filter(leads).map((object) => undividedWay(sender.kind, nameIn(namespace, object))), unread };
}

async function waysByServices(kube: Pick<KubeClient, 'list'>, reached: Reached): Promise<WayIn[]> {
  const { items } = await kube.list({ apiVersion: 'v1', kind: 'Service' });
  return items.flatMap((service) => {
    const spec: ServiceSpec = isRecord(service['spec']) ? service['spec'] : {};
    const { name = '', namespace } = service.metadata;
    const alias = aliasOf(spec, reached.domain);
    if (alias !== null && reached.services.some((own) => alias === `${reached.namespace}/${own}`))
      return [undividedWay('ExternalName', nameIn(reached.namespace, service))];
    return namespace === reached.namespace && reached.services.includes(name) ? waysOfService(spec, name) : [];
  });
}

/** Every way to the workload that the API shows and that is not a route of the mesh. */
export async function readWaysIn(kube: Pick<KubeClient, 'list'>, reached: Reached): Promise<WaysIn> {
  const bySender = await Promise.all(SENDERS.map((sender) => sentBy(kube, sender, reached)));
  return {
    ways: [
      ...(await waysByServices(kube, reached)),
      ...bySender.flatMap(({ ways }) => ways),
      ...hostPortsOf(reached.podSpec),
    ],
    unread: bySender.flatMap(({ unread }) => unread),
  };
}
