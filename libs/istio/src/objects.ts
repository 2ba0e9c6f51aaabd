import { isConflict, type KubeClient, type ObjectId } from '@scc/kube';
import type { RoutedObject } from '@scc/routing';
import { z } from 'zod';
import type { ServicePort } from './survey.js';

export const objectId = ({ apiVersion, kind, namespace, name }: RoutedObject): ObjectId => ({
  apiVersion,
  kind,
  namespace,
  name,
});

const serviceSchema = z.looseObject({
  spec: z.looseObject({
    ports: z
      .array(
        z.looseObject({
          port: z.int(),
          name: z.string().default(''),
          appProtocol: z.string().optional(),
          protocol: z.string().default('TCP'),
        }),
      )
      .default([]),
  }),
});

/** The ports of a Service; none when it does not exist. */
export async function portsOf(kube: Pick<KubeClient, 'get'>, namespace: string, name: string): Promise<ServicePort[]> {
  const service = await kube.get({ apiVersion: 'v1', kind: 'Service', namespace, name });
  if (!service) return [];
  return serviceSchema.parse(service).spec.ports.map((port) => ({
    port: port.port,
    name: port.name,
    appProtocol: port.appProtocol ?? null,
    protocol: port.protocol,
  }));
}

const sliceSchema = z.looseObject({
  endpoints: z
    .array(
      z.looseObject({
        addresses: z.array(z.string()).default([]),
        conditions: z.looseObject({ ready: z.boolean().nullish() }).nullish(),
      }),
    )
    .nullish(),
});

/** The addresses of a Service by its EndpointSlices. An endpoint that does not say otherwise is ready. */
export async function addressesOf(kube: KubeClient, namespace: string, service: string) {
  const { items } = await kube.list(
    { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
    { namespace, labelSelector: `kubernetes.io/service-name=${service}` },
  );
  const endpoints = items.flatMap((item) => sliceSchema.parse(item).endpoints ?? []);
  const of = (list: typeof endpoints): Set<string> => new Set(list.flatMap(({ addresses }) => addresses));
  return { ready: of(endpoints.filter(({ conditions }) => conditions?.ready !== false)), all: of(endpoints) };
}

/** Gives up the ownership of the fields that are back to what their user wrote, so that the user's next apply meets no conflict. */
export async function releaseFields(kube: KubeClient, id: RoutedObject, fieldManager: string): Promise<void> {
  const object = await kube.get(objectId(id));
  const entries = object?.metadata.managedFields ?? [];
  const kept = entries.filter(({ manager, subresource }) => manager !== fieldManager || subresource);
  if (!object || kept.length === entries.length || kept.length === 0) return;
  const { resourceVersion } = object.metadata;
  try {
    await kube.patch(objectId(id), {
      type: 'merge',
      body: { metadata: { resourceVersion, managedFields: kept } },
      fieldManager,
    });
  } catch (error) {
    // Another client wrote at the same moment: ownership is a courtesy, the routes are restored already.
    if (!isConflict(error)) throw error;
  }
}
