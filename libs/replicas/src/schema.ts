import { z } from 'zod';

export const SERVICE_TYPE = { apiVersion: 'v1', kind: 'Service' };
export const SLICE_TYPE = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' };

export const SERVICE_LABEL = 'kubernetes.io/service-name';
export const MANAGER_LABEL = 'endpointslice.kubernetes.io/managed-by';

export const serviceSpecSchema = z.looseObject({
  selector: z.record(z.string(), z.string()).default({}),
  sessionAffinity: z.string().default('None'),
  internalTrafficPolicy: z.string().nullish(),
  externalTrafficPolicy: z.string().nullish(),
  trafficDistribution: z.string().nullish(),
  ports: z.array(z.looseObject({ protocol: z.string().default('TCP') })).default([]),
});
export type ServedSpec = z.infer<typeof serviceSpecSchema>;

const endpointSchema = z.looseObject({
  addresses: z.array(z.string()).default([]),
  conditions: z
    .looseObject({
      ready: z.boolean().nullish(),
      serving: z.boolean().nullish(),
      terminating: z.boolean().nullish(),
    })
    .nullish(),
});
export type Endpoint = z.infer<typeof endpointSchema>;

export const sliceSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string().default(''),
    namespace: z.string().default(''),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  addressType: z.string().default('IPv4'),
  endpoints: z.array(endpointSchema).nullish(),
  ports: z.array(z.looseObject({})).nullish(),
});
export type Slice = z.infer<typeof sliceSchema>;
