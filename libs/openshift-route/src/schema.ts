import { z } from 'zod';

/** The fields of a Route that dividing its requests reads; all other fields pass through untouched. */

export const ROUTE_TYPE = { apiVersion: 'route.openshift.io/v1', kind: 'Route' } as const;

const backendSchema = z.looseObject({
  kind: z.string().optional(),
  name: z.string(),
  weight: z.int().min(0).nullish(),
});

export const openshiftRouteSpecSchema = z.looseObject({
  host: z.string().optional(),
  to: backendSchema,
  alternateBackends: z.array(backendSchema).nullish(),
  tls: z.looseObject({ termination: z.string().optional() }).nullish(),
});

const conditionSchema = z.looseObject({ type: z.string(), status: z.string() });

export const openshiftRouteStatusSchema = z
  .looseObject({
    ingress: z
      .array(
        z.looseObject({
          routerName: z.string().default(''),
          host: z.string().default(''),
          conditions: z.array(conditionSchema).nullish(),
        }),
      )
      .nullish(),
  })
  .prefault({});

export type RouteBackend = z.infer<typeof backendSchema>;
export type OpenShiftRouteSpec = z.infer<typeof openshiftRouteSpecSchema>;
export type OpenShiftRouteStatus = z.infer<typeof openshiftRouteStatusSchema>;

/** The part of a Route that divides its requests. */
export interface Backends {
  to: RouteBackend;
  alternateBackends: RouteBackend[];
}
export const backendsSchema = z.object({ to: backendSchema, alternateBackends: z.array(backendSchema) });

export const backendsOf = ({ to, alternateBackends }: OpenShiftRouteSpec): Backends => ({
  to,
  alternateBackends: alternateBackends ?? [],
});
