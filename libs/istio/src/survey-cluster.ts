import { isNotFound, type KubeClient, type KubeObject } from '@scc/kube';
import { isCanaryObject, type Violation } from '@scc/plan';
import {
  affinityNotRouted,
  affinityWarning,
  hasAgreed,
  isUndeclared,
  notAgreed,
  ownRouteViolations,
  portViolations,
  protocolOf,
  type ServicePair,
  type SurveyRequest,
  testersNotRouted,
  testersWarning,
  undeclaredViolations,
  type Written,
} from '@scc/routing';
import { z } from 'zod';
import { hiddenWarnings, readSidecars } from './hidden.js';
import { DEFAULT_DOMAIN, resolvedHost, serviceHost } from './hosts.js';
import { readMeshDefaults } from './mesh-config.js';
import { readService } from './objects.js';
import { readAll } from './readable.js';
import { lackInRoutes, lackOfCookiesInRoutes, type WaysOfIstio } from './testers.js';
import { destinationRuleSpecSchema, NETWORKING, NETWORKING_BETA, virtualServiceSpecSchema } from './schema.js';
import { findRoutes, foreignSubsets, governsMesh } from './survey.js';

/** Istio's own root namespace. */
const DEFAULT_ROOT = 'istio-system';

const nameSchema = z.object({ namespace: z.string(), name: z.string() });
/** The part of a survey that later steps need. */
export const routesSchema = z.object({
  divided: z.array(nameSchema),
  /** Services that get a VirtualService of ours, with their ports. */
  own: z.array(
    z.object({
      service: z.string(),
      ports: z.array(
        z.object({ port: z.int(), name: z.string(), appProtocol: z.string().nullable(), protocol: z.string() }),
      ),
    }),
  ),
  destinationRules: z.array(nameSchema),
  hasStreams: z.boolean(),
  /** Subsets, as `SERVICE/SUBSET`, that pick pods of other workloads. */
  foreign: z.array(z.string()).default([]),
  /** In which version the API server serves Istio's objects. */
  apiVersion: z.string().default(NETWORKING),
  /** Of the cluster. */
  domain: z.string().default(DEFAULT_DOMAIN),
  /** The namespaces that see a VirtualService that does not say it. */
  exportedTo: z.array(z.string()).default(['*']),
});
export type Routes = z.infer<typeof routesSchema>;
const NO_ROUTES: Routes = {
  divided: [],
  own: [],
  destinationRules: [],
  hasStreams: false,
  foreign: [],
  apiVersion: NETWORKING,
  domain: DEFAULT_DOMAIN,
  exportedTo: ['*'],
};

const NO_MESH: Violation = {
  code: 'NotServedByMesh',
  field: 'spec.workloadRef',
  message: `the API server serves neither ${NETWORKING} nor ${NETWORKING_BETA}, so that no request can be divided`,
  remedy: 'Install Istio or OpenShift Service Mesh and add the workload to the mesh.',
};

export const notServed = (services: readonly ServicePair[], namespace: string): Violation => ({
  code: 'NotServedByMesh',
  field: 'spec.workloadRef',
  message: `no proxy of the mesh has a route to ${services.map(({ name }) => `${name}.${namespace}`).join(', ')}, so that no request can be given to the canary`,
  remedy:
    'Add the workload or its callers to the mesh (label istio-injection on the namespace, or a gateway), then apply the plan again.',
});

export const proxiesUnseen = ({ message }: Error): Violation => ({
  code: 'ProxiesUnseen',
  field: 'spec.workloadRef',
  message: `no proxy can be seen to follow: ${message}`,
  remedy:
    "Ask the installation's administrator to check ISTIOD_DEBUG_URL and ISTIOD_DEBUG_TOKEN_FILE of the worker, and that istiod serves its debug endpoints to it.",
});

const nodeLocal = (service: string): Violation => ({
  code: 'NodeLocalService',
  field: 'spec.workloadRef',
  message: `Service ${service} leads callers to pods of their own node alone (internalTrafficPolicy: Local), and a canary need not stand on each: where it does not, its share of the requests would fail`,
  remedy: `Set internalTrafficPolicy of Service ${service} to Cluster for the time of the migration.`,
});

/** Istio's objects in the newest version that is served; null when there is none. */
async function istioObjects(
  kube: Pick<KubeClient, 'list'>,
): Promise<{ apiVersion: string; routes: KubeObject[]; rules: KubeObject[] } | null> {
  for (const apiVersion of [NETWORKING, NETWORKING_BETA])
    try {
      const list = async (kind: string) => (await kube.list({ apiVersion, kind })).items;
      const [routes, rules] = await Promise.all([list('VirtualService'), list('DestinationRule')]);
      return { apiVersion, routes, rules };
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  return null;
}

/** What is to be said of those who are led to the canary beside its share. */
function ledBeside(
  { testers, affinity }: SurveyRequest,
  { ways, asked }: { ways: WaysOfIstio; asked: Parameters<typeof lackInRoutes>[1] },
): { violations: Violation[]; warnings: string[] } {
  const isDivided = ways.routes.length + ways.own.length > 0;
  const found: { violations: Violation[]; warnings: string[] } = { violations: [], warnings: [] };
  const lack = testers ? lackInRoutes(ways, asked, testers.header) : null;
  if (lack !== null) found.violations.push(testersNotRouted(lack));
  else if (testers && isDivided) found.warnings.push(testersWarning(testers));
  const lacking = affinity ? lackOfCookiesInRoutes(ways, asked) : null;
  if (lacking !== null) found.violations.push(affinityNotRouted(lacking));
  else if (affinity && isDivided) found.warnings.push(affinityWarning(affinity));
  return found;
}

/** Everything of Istio that routes to the services, and why it cannot be divided where it cannot. */
export async function surveyRoutes(
  kube: Pick<KubeClient, 'get' | 'list'>,
  request: SurveyRequest,
  { domain = DEFAULT_DOMAIN, root = DEFAULT_ROOT }: { domain?: string | undefined; root?: string | undefined } = {},
): Promise<{ routes: Routes; violations: Violation[]; warnings: string[] }> {
  const { namespace, services } = request;
  const place = { namespace, domain };
  const served = await istioObjects(kube);
  if (!served) return { routes: NO_ROUTES, violations: [NO_MESH], warnings: [] };
  const defaults = await readMeshDefaults(kube, root);
  const { sidecars, unread } = await readSidecars(kube, served.apiVersion);
  const theirs = (objects: readonly KubeObject[]): KubeObject[] =>
    objects.filter((object) => !isCanaryObject(object.metadata));
  const reading = { namespace, services: services.map(({ name }) => name) };
  const readRoutes = readAll(theirs(served.routes), virtualServiceSpecSchema, { ...reading, kind: 'VirtualService' });
  const readRules = readAll(theirs(served.rules), destinationRuleSpecSchema, { ...reading, kind: 'DestinationRule' });
  const all = readRoutes.read;
  const read = await Promise.all(
    services.map(async ({ name }) => ({ service: name, ...(await readService(kube, namespace, name)) })),
  );
  const ports = read.map(({ service, ports: list }) => ({ service, ports: list }));
  const hosts = services.map(({ name }) => serviceHost(name, place));
  const rules = readRules.read.filter(({ namespace: at, spec }) => hosts.includes(resolvedHost(spec.host, at, domain)));
  const foreign = foreignSubsets(rules, { ...request, domain });
  const found = findRoutes(all, { ...place, services, foreign: new Set(foreign) }, defaults.routesExportedTo);
  const unrouted = found.unrouted.filter((name) => !request.routed?.includes(name));
  const written: Written[] = [
    ...found.divided.map((one) => ({ kind: 'VirtualService', ...one })),
    ...rules.map(({ namespace: at, name }) => ({ kind: 'DestinationRule', namespace: at, name })),
  ];
  const own = ports.filter(({ service }) => unrouted.includes(service));
  const governing = (service: string) =>
    all.filter((route) => governsMesh(route, serviceHost(service, place), domain)).map(({ spec }) => spec);
  const routed = ports.filter((one) => !own.includes(one));
  const dividedRoutes = all.filter((one) =>
    found.divided.some(({ namespace: at, name }) => at === one.namespace && name === one.name),
  );
  const led = ledBeside(request, {
    ways: { routes: dividedRoutes, own },
    asked: { ...place, services, foreign: new Set(foreign) },
  });
  return {
    routes: {
      divided: found.divided,
      own,
      destinationRules: rules.map(({ namespace: at, name }) => ({ namespace: at, name })),
      hasStreams:
        ports.some((service) => service.ports.some((port) => protocolOf(port) !== 'http')) ||
        own.some((service) => service.ports.some(isUndeclared)),
      foreign,
      apiVersion: served.apiVersion,
      domain,
      exportedTo: [...defaults.routesExportedTo],
    },
    violations: [
      ...readRoutes.violations,
      ...readRules.violations,
      ...(await notAgreed(namespace, written, async (name) =>
        hasAgreed((await kube.get({ apiVersion: 'v1', kind: 'Namespace', name }))?.metadata.labels),
      )),
      ...led.violations,
      ...read.filter(({ isNodeLocal }) => isNodeLocal).map(({ service }) => nodeLocal(service)),
      ...ports.flatMap((one) => portViolations(one.service, one.ports)),
      ...own.flatMap((one) => ownRouteViolations(one.service, one.ports)),
      ...routed.flatMap((one) => undeclaredViolations(one.service, one.ports, governing(one.service))),
    ],
    warnings: [
      ...readRoutes.warnings,
      ...readRules.warnings,
      ...unread,
      ...led.warnings,
      ...hiddenWarnings(theirs(sidecars), { namespace, hosts, root, allowsAny: defaults.allowsAny }),
      ...(defaults.unread === null
        ? []
        : [
            `the configuration of the mesh is not known, so that VirtualServices without exportTo are taken for visible to all namespaces: ${defaults.unread}`,
          ]),
    ],
  };
}
