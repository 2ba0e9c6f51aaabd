import { isForbidden, isNotFound, type KubeClient, type KubeObject } from '@scc/kube';
import { isCanaryObject } from '@scc/plan';
import type { SurveyRequest } from '@scc/routing';
import { z } from 'zod';
import { backendsSchema, ROUTE_TYPE, openshiftRouteSpecSchema, openshiftRouteStatusSchema } from './schema.js';
import { findOpenShiftRoutes, type FoundOpenShiftRoutes, type NamedOpenShiftRoute } from './survey.js';

/** The part of a survey that later steps need. */
export const keptSchema = z.object({
  divided: z.array(
    z.object({
      name: z.string(),
      /** As they were when they were surveyed: rounded weights do not tell the proportions that they came from. */
      backends: backendsSchema,
      routers: z.array(z.string()),
      isSticky: z.boolean(),
    }),
  ),
});
export type Kept = z.infer<typeof keptSchema>;

const makerOf = ({ ownerReferences = [] }: KubeObject['metadata']): NamedOpenShiftRoute['maker'] => {
  const maker = ownerReferences.find(({ controller }) => controller === true);
  return maker ? { kind: maker.kind, name: maker.name } : null;
};

/** The Routes of a namespace; none where the cluster serves none, or where they may not be read. */
async function routesIn(kube: Pick<KubeClient, 'list'>, namespace: string): Promise<NamedOpenShiftRoute[]> {
  try {
    const { items } = await kube.list(ROUTE_TYPE, { namespace });
    return items
      .filter(({ metadata }) => !isCanaryObject(metadata))
      .map(({ metadata, ...object }) => ({
        name: metadata.name ?? '',
        annotations: metadata.annotations ?? {},
        maker: makerOf(metadata),
        spec: openshiftRouteSpecSchema.parse(object['spec']),
        status: openshiftRouteStatusSchema.parse(object['status'] ?? {}),
      }));
  } catch (error) {
    if (isNotFound(error) || isForbidden(error)) return [];
    throw error;
  }
}

/**
 * Every Route that sends to the Services, and why it cannot be divided where it cannot. A Route names Services of its own
 * namespace alone.
 * @param sees whether what the routers send to pods is counted; asked only where a Route leads to the Services
 */
export async function surveyOpenShiftRoutes(
  kube: Pick<KubeClient, 'list'>,
  { namespace, services }: Pick<SurveyRequest, 'namespace' | 'services'>,
  sees: () => Promise<boolean>,
): Promise<FoundOpenShiftRoutes> {
  const all = await routesIn(kube, namespace);
  const leading = findOpenShiftRoutes(all, services, { sees: true });
  const isAsked = leading.divided.some(({ isSticky }) => isSticky);
  return isAsked && !(await sees()) ? findOpenShiftRoutes(all, services, { sees: false }) : leading;
}
