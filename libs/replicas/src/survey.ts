import type { ServicePair, Survey } from '@scc/routing';
import { z } from 'zod';
import type { ServedSpec } from './schema.js';

/** By which a composite's survey names this router. */
export const REPLICAS = 'replicas';

const partsSchema = z.object({
  routes: z.object({ parts: z.array(z.object({ router: z.string() })) }),
});

/** Whether the requests of a workload are divided by the pods of its Services. */
export function dividesByReplicas(survey: unknown): boolean {
  const { data } = partsSchema.safeParse(survey);
  return data?.routes.parts.some(({ router }) => router === REPLICAS) ?? false;
}

/** The part of a survey that later steps need. */
export const dividedServicesSchema = z.object({ services: z.array(z.string()) });

/** The Services of a survey that are divided. */
export const pairsOf = ({ request, routes }: Survey): ServicePair[] => {
  const { services } = dividedServicesSchema.parse(routes);
  return request.services.filter(({ name }) => services.includes(name));
};

/** What keeps shares from being those of the endpoints. */
export function serviceWarnings(name: string, spec: ServedSpec): string[] {
  const { sessionAffinity, internalTrafficPolicy, externalTrafficPolicy, trafficDistribution } = spec;
  const isLocal = internalTrafficPolicy === 'Local' || externalTrafficPolicy === 'Local';
  return [
    `Service ${name} is divided by its pods: shares are those of new connections, and connections that are open stay with the pod that they reached until it ends`,
    ...(sessionAffinity === 'None'
      ? []
      : [
          `Service ${name} keeps each client with one pod (sessionAffinity ${sessionAffinity}): shares are those of clients`,
        ]),
    ...(isLocal || (trafficDistribution ?? null) !== null
      ? [`Service ${name} prefers pods that are near to the client: the share that each client meets may differ`]
      : []),
  ];
}
