import { z } from 'zod';

/** The fields of a Route that dividing its requests reads; all other fields pass through untouched. */

export const ROUTE_TYPE = { apiVersion: 'route.openshift.io/v1', kind: 'Route' } as const;

const backendSchema = z.looseObject({
  kind: z.string().optional(),
  name: z.string(),
  weight: z.int().min(0).nullish(),
});

export const routeSpecSchema = z.looseObject({
  host: z.string().optional(),
  to: backendSchema,
  alternateBackends: z.array(backendSchema).nullish(),
  tls: z.looseObject({ termination: z.string().optional() }).nullish(),
});

const conditionSchema = z.looseObject({ type: z.string(), status: z.string() });

export const routeStatusSchema = z
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

export type Backend = z.infer<typeof backendSchema>;
export type RouteSpec = z.infer<typeof routeSpecSchema>;
export type RouteStatus = z.infer<typeof routeStatusSchema>;

/** The part of a Route that divides its requests. */
export interface Backends {
  to: Backend;
  alternateBackends: Backend[];
}
export const backendsSchema = z.object({ to: backendSchema, alternateBackends: z.array(backendSchema) });

export const backendsOf = ({ to, alternateBackends }: RouteSpec): Backends => ({
  to,
  alternateBackends: alternateBackends ?? [],
});
