import type { KubeClient } from '@scc/kube';
import { z } from 'zod';
import type { ServicePort } from '@scc/routing';

const serviceSchema = z.looseObject({
  spec: z.looseObject({
    internalTrafficPolicy: z.string().nullish(),
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

/** What a mesh reads of a Service; nothing when it does not exist. */
export async function readService(
  kube: Pick<KubeClient, 'get'>,
  namespace: string,
  name: string,
): Promise<{ ports: ServicePort[]; isNodeLocal: boolean }> {
  const service = await kube.get({ apiVersion: 'v1', kind: 'Service', namespace, name });
  if (!service) return { ports: [], isNodeLocal: false };
  const { ports, internalTrafficPolicy } = serviceSchema.parse(service).spec;
  return {
    isNodeLocal: internalTrafficPolicy === 'Local',
    ports: ports.map((port) => ({
      port: port.port,
      name: port.name,
      appProtocol: port.appProtocol ?? null,
      protocol: port.protocol,
    })),
  };
}
