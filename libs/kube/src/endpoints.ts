import { z } from 'zod';
import type { KubeClient } from './kube-client.js';

const sliceSchema = z.looseObject({
  endpoints: z
    .array(
      z.looseObject({
        addresses: z.array(z.string()).default([]),
        conditions: z
          .looseObject({
            ready: z.boolean().nullish(),
            serving: z.boolean().nullish(),
            terminating: z.boolean().nullish(),
          })
          .nullish(),
        targetRef: z.looseObject({ uid: z.string().optional() }).nullish(),
      }),
    )
    .nullish(),
});

type Endpoint = NonNullable<z.infer<typeof sliceSchema>['endpoints']>[number];

/**
 * An endpoint that does not say otherwise is ready. One that says so serves none the less nothing where its Service
 * publishes addresses that are not ready (`publishNotReadyAddresses`), or while its pod ends.
 */
const isReady = ({ conditions }: Endpoint): boolean =>
  conditions?.ready !== false && conditions?.serving !== false && conditions?.terminating !== true;

async function endpointsOf(kube: Pick<KubeClient, 'list'>, namespace: string, service: string): Promise<Endpoint[]> {
  const { items } = await kube.list(
    { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
    { namespace, labelSelector: `kubernetes.io/service-name=${service}` },
  );
  return items.flatMap((item) => sliceSchema.parse(item).endpoints ?? []);
}

/** The addresses of a Service by its EndpointSlices. */
export async function addressesOf(
  kube: Pick<KubeClient, 'list'>,
  namespace: string,
  service: string,
): Promise<{ ready: Set<string>; all: Set<string> }> {
  const endpoints = await endpointsOf(kube, namespace, service);
  const of = (list: Endpoint[]): Set<string> => new Set(list.flatMap(({ addresses }) => addresses));
  return { ready: of(endpoints.filter(isReady)), all: of(endpoints) };
}

/** How many pods of a Service are ready: one in several slices, or with addresses of both families, is one. */
export async function readyEndpointsOf(
  kube: Pick<KubeClient, 'list'>,
  namespace: string,
  service: string,
): Promise<number> {
  const ready = (await endpointsOf(kube, namespace, service)).filter(isReady);
  return new Set(ready.map(({ targetRef, addresses }) => targetRef?.uid ?? addresses[0])).size;
}
