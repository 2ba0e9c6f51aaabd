import { z } from 'zod';
import type { KubeClient } from './kube-client.js';

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
export async function addressesOf(
  kube: Pick<KubeClient, 'list'>,
  namespace: string,
  service: string,
): Promise<{ ready: Set<string>; all: Set<string> }> {
  const { items } = await kube.list(
    { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
    { namespace, labelSelector: `kubernetes.io/service-name=${service}` },
  );
  const endpoints = items.flatMap((item) => sliceSchema.parse(item).endpoints ?? []);
  const of = (list: typeof endpoints): Set<string> => new Set(list.flatMap(({ addresses }) => addresses));
  return { ready: of(endpoints.filter(({ conditions }) => conditions?.ready !== false)), all: of(endpoints) };
}
