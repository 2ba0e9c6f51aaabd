import { z } from 'zod';

/** The fields of the Gateway API's objects that dividing requests reads; all other fields pass through untouched. */

export const GROUP = 'gateway.networking.k8s.io';
export const ROUTES_VERSION = `${GROUP}/v1`;
/** Every release from 1.2 on serves grants in this version; `v1` came with 1.5. */
export const GRANTS_VERSION = `${GROUP}/v1beta1`;

export const ROUTE_KINDS = ['HTTPRoute', 'GRPCRoute'] as const;
export type RouteKind = (typeof ROUTE_KINDS)[number];

const referenceSchema = z.looseObject({
  group: z.string().optional(),
  kind: z.string().optional(),
  name: z.string(),
  namespace: z.string().optional(),
  port: z.int().optional(),
});
const headerSchema = z.looseObject({ name: z.string(), value: z.string() });
const filterSchema = z.looseObject({
  type: z.string(),
  responseHeaderModifier: z
    .looseObject({
      add: z.array(headerSchema).optional(),
      set: z.array(headerSchema).optional(),
      remove: z.array(z.string()).optional(),
    })
    .optional(),
  requestMirror: z.looseObject({ backendRef: referenceSchema, percent: z.int().optional() }).optional(),
});
const backendSchema = referenceSchema.extend({
  weight: z.int().min(0).optional(),
  filters: z.array(filterSchema).optional(),
});
const matchSchema = z.looseObject({
  path: z.looseObject({ type: z.string().optional(), value: z.string().optional() }).optional(),
  /** An HTTPRoute names one of HTTP's, a GRPCRoute says which of a service's. */
  method: z.union([z.string(), z.looseObject({})]).optional(),
  headers: z.array(headerSchema).optional(),
});
const ruleSchema = z.looseObject({
  name: z.string().optional(),
  matches: z.array(matchSchema).optional(),
  filters: z.array(filterSchema).optional(),
  backendRefs: z.array(backendSchema).optional(),
  sessionPersistence: z.unknown().optional(),
});
const parentSchema = z.looseObject({
  group: z.string().optional(),
  kind: z.string().optional(),
  name: z.string(),
  namespace: z.string().optional(),
});
export const routeSpecSchema = z.looseObject({
  parentRefs: z.array(parentSchema).optional(),
  hostnames: z.array(z.string()).optional(),
  rules: z.array(ruleSchema).optional(),
});

/** The requests that a rule of an HTTPRoute without conditions matches. */
export const ALL: Match = { path: { type: 'PathPrefix', value: '/' } };

/** The path of a condition. How regular expressions rank is up to the implementation: they all count as one. */
export function pathOf({ path }: Match): string {
  const { type = 'PathPrefix', value = '/' } = path ?? {};
  return type === 'RegularExpression' ? type : `${type} ${value}`;
}

const conditionSchema = z.looseObject({
  type: z.string(),
  status: z.string(),
  reason: z.string().default(''),
  message: z.string().default(''),
  observedGeneration: z.int().default(0),
});
export const routeStatusSchema = z
  .looseObject({
    parents: z
      .array(
        z.looseObject({
          parentRef: parentSchema,
          controllerName: z.string(),
          conditions: z.array(conditionSchema).default([]),
        }),
      )
      .default([]),
  })
  .prefault({});

export const grantSpecSchema = z.looseObject({
  from: z.array(z.looseObject({ group: z.string(), kind: z.string(), namespace: z.string() })),
  to: z.array(z.looseObject({ group: z.string(), kind: z.string(), name: z.string().optional() })),
});

export type Reference = z.infer<typeof referenceSchema>;
export type Backend = z.infer<typeof backendSchema>;
export type Filter = z.infer<typeof filterSchema>;
export type Match = z.infer<typeof matchSchema>;
export type Rule = z.infer<typeof ruleSchema>;
export type Parent = z.infer<typeof parentSchema>;
export type RouteSpec = z.infer<typeof routeSpecSchema>;
export type RouteStatus = z.infer<typeof routeStatusSchema>;
export type GrantSpec = z.infer<typeof grantSpecSchema>;
