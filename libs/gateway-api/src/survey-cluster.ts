import { isForbidden, isNotFound, type KubeClient, type KubeObject } from '@scc/kube';
import { isCanaryObject } from '@scc/plan';
import { hasAgreed, type SurveyRequest } from '@scc/routing';
import { z } from 'zod';
import { grantFor } from './grants.js';
import { definitionOf, hasMirrorPercent } from './release.js';
import {
  grantSpecSchema,
  GRANTS_VERSION,
  GROUP,
  ROUTE_KINDS,
  ROUTES_VERSION,
  routeSpecSchema,
  routeStatusSchema,
  type GrantSpec,
  type RouteKind,
} from './schema.js';
import { findGatewayRoutes, namesAny, type FoundGatewayRoutes, type NamedRoute } from './survey.js';

const kindSchema = z.enum(ROUTE_KINDS);
/** The part of a survey that later steps need. */
export const gatewayRoutesSchema = z.object({
  divided: z.array(
    z.object({
      kind: kindSchema,
      namespace: z.string(),
      name: z.string(),
      served: z.array(z.object({ parent: z.string(), controller: z.string() })),
      foreignPaths: z.array(z.string()),
    }),
  ),
  /** Kinds of routes whose mirrors can be given a share of the requests. */
  percentKinds: z.array(kindSchema),
  /** Lets routes of other namespaces name the canaries' Services. */
  grant: grantSpecSchema.nullable(),
});
export type GatewayRoutes = z.infer<typeof gatewayRoutesSchema>;

type Reader = Pick<KubeClient, 'get' | 'list'>;

/** Objects of a kind; none where they may not be read, null where the cluster does not serve that version. */
async function listed(
  kube: Reader,
  { apiVersion, kind, namespace }: { apiVersion: string; kind: string; namespace?: string },
): Promise<KubeObject[] | null> {
  try {
    const { items } = await kube.list({ apiVersion, kind }, namespace === undefined ? {} : { namespace });
    return items.filter(({ metadata }) => !isCanaryObject(metadata));
  } catch (error) {
    if (isNotFound(error)) return null;
    if (isForbidden(error)) return [];
    throw error;
  }
}

/** Newest first. */
const OLD_VERSIONS = ['v1beta1', 'v1alpha2'].map((version) => `${GROUP}/${version}`);

async function routesOf(kube: Reader, kind: RouteKind): Promise<NamedRoute[]> {
  for (const apiVersion of [ROUTES_VERSION, ...OLD_VERSIONS]) {
    const objects = await listed(kube, { apiVersion, kind });
    if (objects === null) continue;
    return objects.map(({ metadata, ...object }) => ({
      kind,
      namespace: metadata.namespace ?? '',
      name: metadata.name ?? '',
      spec: routeSpecSchema.parse(object['spec'] ?? {}),
      status: routeStatusSchema.parse(object['status'] ?? {}),
      isOld: apiVersion !== ROUTES_VERSION,
    }));
  }
  return [];
}

const grantsIn = async (kube: Reader, namespace: string): Promise<GrantSpec[]> =>
  ((await listed(kube, { apiVersion: GRANTS_VERSION, kind: 'ReferenceGrant', namespace })) ?? []).map((grant) =>
    grantSpecSchema.parse(grant['spec']),
  );

/** A definition that may not be read is taken for one without the field: then nothing that it lacks is written. */
async function knowsPercent(kube: Reader, kind: RouteKind): Promise<boolean> {
  try {
    return hasMirrorPercent(await kube.get(definitionOf(kind)));
  } catch (error) {
    if (isForbidden(error)) return false;
    throw error;
  }
}

/** Namespaces that let routes of theirs be written by a migration of another one. */
async function agreedOf(kube: Reader, namespaces: ReadonlySet<string>): Promise<Set<string>> {
  const looked = await Promise.all(
    [...namespaces].map(async (name) => {
      const object = await kube.get({ apiVersion: 'v1', kind: 'Namespace', name });
      return hasAgreed(object?.metadata.labels) ? [name] : [];
    }),
  );
  return new Set(looked.flat());
}

/** Everything of the Gateway API that routes to the services, and why it cannot be divided where it cannot. */
export async function surveyGatewayRoutes(
  kube: Reader,
  request: SurveyRequest,
): Promise<{ routes: GatewayRoutes } & Omit<FoundGatewayRoutes, 'divided'>> {
  const { namespace, services } = request;
  const all = (await Promise.all(ROUTE_KINDS.map((kind) => routesOf(kube, kind)))).flat();
  if (all.length === 0)
    return {
      routes: { divided: [], percentKinds: [], grant: null },
      undivided: [],
      routed: [],
      violations: [],
      warnings: [],
    };
  const grants = await grantsIn(kube, namespace);
  const knowing = await Promise.all(ROUTE_KINDS.map(async (kind) => ((await knowsPercent(kube, kind)) ? [kind] : [])));
  const percentKinds = knowing.flat();
  const elsewhere = all.filter((route) => route.namespace !== namespace && namesAny(route, request));
  const agreed = await agreedOf(kube, new Set(elsewhere.map((route) => route.namespace)));
  const found = findGatewayRoutes(all, request, { grants, agreed, hasPercent: (kind) => percentKinds.includes(kind) });
  const { divided } = found;
  const away = divided.filter((route) => route.namespace !== namespace);
  return {
    routes: {
      divided,
      percentKinds,
      grant: grantFor(
        grants,
        away,
        services.map(({ canary }) => canary),
      ),
    },
    undivided: found.undivided,
    routed: found.routed,
    violations: found.violations,
    warnings: found.warnings,
  };
}
