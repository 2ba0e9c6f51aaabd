import type { KubeClient } from '@scc/kube';
import { z } from 'zod';
import type { ServicePort } from '@scc/routing';

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
