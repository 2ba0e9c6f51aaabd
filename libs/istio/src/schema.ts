import { z } from 'zod';

/** The fields of Istio's objects that dividing requests reads; all other fields pass through untouched. */

export const NETWORKING = 'networking.istio.io/v1';
/** What Istio before 1.22 serves, and OpenShift Service Mesh 2. */
export const NETWORKING_BETA = 'networking.istio.io/v1beta1';

const destinationSchema = z.looseObject({ host: z.string(), subset: z.string().optional() });
const headersSchema = z.looseObject({
  response: z
    .looseObject({
      add: z.record(z.string(), z.string()).optional(),
      set: z.record(z.string(), z.string()).optional(),
      remove: z.array(z.string()).optional(),
    })
    .optional(),
});
const routeDestinationSchema = z.looseObject({
  destination: destinationSchema,
  weight: z.int().min(0).optional(),
  headers: headersSchema.optional(),
});
const matchSchema = z.looseObject({
  method: z
    .looseObject({ exact: z.string().optional(), prefix: z.string().optional(), regex: z.string().optional() })
    .optional(),
  headers: z.record(z.string(), z.unknown()).optional(),
  withoutHeaders: z.record(z.string(), z.unknown()).optional(),
});
const percentageSchema = z.looseObject({ value: z.number().optional() });
export const mirrorSchema = z.looseObject({ destination: destinationSchema, percentage: percentageSchema.optional() });

export const httpRouteSchema = z.looseObject({
  name: z.string().optional(),
  match: z.array(matchSchema).optional(),
  route: z.array(routeDestinationSchema).optional(),
  headers: headersSchema.optional(),
  mirror: destinationSchema.optional(),
  mirrorPercentage: percentageSchema.optional(),
  mirrors: z.array(mirrorSchema).optional(),
});
const streamRouteSchema = z.looseObject({ route: z.array(routeDestinationSchema).optional() });

export const virtualServiceSpecSchema = z.looseObject({
  hosts: z.array(z.string()).default([]),
  gateways: z.array(z.string()).optional(),
  exportTo: z.array(z.string()).optional(),
  http: z.array(httpRouteSchema).optional(),
  tls: z.array(streamRouteSchema).optional(),
  tcp: z.array(streamRouteSchema).optional(),
});

export const destinationRuleSpecSchema = z.looseObject({
  host: z.string(),
  subsets: z.array(z.looseObject({ name: z.string(), labels: z.record(z.string(), z.string()).optional() })).optional(),
});

export type DestinationRuleSpec = z.infer<typeof destinationRuleSpecSchema>;
export type VirtualServiceSpec = z.infer<typeof virtualServiceSpecSchema>;
export type HttpRoute = z.infer<typeof httpRouteSchema>;
export type StreamRoute = z.infer<typeof streamRouteSchema>;
export type RouteDestination = z.infer<typeof routeDestinationSchema>;
