import type { KubeClient, KubeObject } from '@scc/kube';
import { z } from 'zod';
import type { RouterEndpoint, RouterRoute } from './configuration.js';

const ROUTES = { apiVersion: 'route.openshift.io/v1', kind: 'Route' };
export const ROUTER_NAME = 'default';

const backendSchema = z.looseObject({ name: z.string(), weight: z.int().optional() });
const routeSchema = z.looseObject({
  spec: z.looseObject({
    host: z.string().default(''),
    path: z.string().optional(),
    to: backendSchema,
    alternateBackends: z.array(backendSchema).default([]),
    port: z.looseObject({ targetPort: z.union([z.string(), z.int()]) }).optional(),
    tls: z.looseObject({ termination: z.string().optional() }).optional(),
  }),
  status: z
    .looseObject({ ingress: z.array(z.looseObject({ routerName: z.string().optional() })).default([]) })
    .prefault({}),
});
const sliceSchema = z.looseObject({
  ports: z.array(z.looseObject({ name: z.string().nullish(), port: z.int().nullish() })).nullish(),
  endpoints: z
    .array(
      z.looseObject({
        addresses: z.array(z.string()),
        conditions: z.looseObject({ ready: z.boolean().nullish() }).nullish(),
        targetRef: z.looseObject({ name: z.string().optional() }).nullish(),
      }),
    )
    .nullish(),
});

type Wanted = string | number | undefined;

function endpointsOf(slices: readonly KubeObject[], place: { namespace: string; service: string }, wanted: Wanted) {
  return slices
    .filter(
      ({ metadata }) =>
        metadata.namespace === place.namespace && metadata.labels?.['kubernetes.io/service-name'] === place.service,
    )
    .flatMap((slice): RouterEndpoint[] => {
      const { ports, endpoints } = sliceSchema.parse(slice);
      const fitting = (ports ?? []).filter(
        ({ name, port }) => wanted === undefined || wanted === (name ?? '') || wanted === port,
      );
      return (endpoints ?? [])
        .filter(({ conditions }) => conditions?.ready !== false)
        .flatMap(({ addresses, targetRef }) =>
          addresses.flatMap((address) =>
            fitting.flatMap(({ port }) => (port ? [{ pod: targetRef?.name ?? address, address, port }] : [])),
          ),
        );
    });
}

/** All Routes of the cluster with the ready endpoints of their Services, and those that no status names the router of. */
export async function readRoutes(kube: KubeClient): Promise<{ routes: RouterRoute[]; unsaid: KubeObject[] }> {
  const [{ items }, slices] = await Promise.all([
    kube.list(ROUTES),
    kube.list({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' }),
  ]);
  const routes = items.map(({ metadata, ...object }): RouterRoute => {
    const { host, path, to, alternateBackends, port, tls } = routeSchema.parse(object).spec;
    const namespace = metadata.namespace ?? '';
    return {
      namespace,
      name: metadata.name ?? '',
      host,
      path,
      isPassthrough: tls?.termination === 'passthrough',
      annotations: metadata.annotations ?? {},
      services: [to, ...alternateBackends].map(({ name, weight }) => ({
        name,
        weight,
        endpoints: endpointsOf(slices.items, { namespace, service: name }, port?.targetPort),
      })),
    };
  });
  const isUnsaid = (object: KubeObject): boolean =>
    !routeSchema.parse(object).status.ingress.some(({ routerName }) => routerName === ROUTER_NAME);
  return { routes, unsaid: items.filter(isUnsaid) };
}

/** Says of a Route that the router serves it. */
export async function admit(kube: KubeClient, { metadata, ...route }: KubeObject): Promise<void> {
  const { host } = routeSchema.parse(route).spec;
  const conditions = [{ type: 'Admitted', status: 'True', lastTransitionTime: new Date().toISOString() }];
  const body = { status: { ingress: [{ host, routerName: ROUTER_NAME, wildcardPolicy: 'None', conditions }] } };
  const id = { ...ROUTES, namespace: metadata.namespace ?? '', name: metadata.name ?? '' };
  await kube.patch(id, { type: 'merge', body, subresource: 'status', fieldManager: 'router' });
}
