import { type KubeClient, isNotFound } from '@scc/kube';
import { campaignCRD, PLAN_GROUP, PLAN_VERSION, planCRD } from '@scc/plan';
import type { CheckFault } from '@scc/runtime';
import { z } from 'zod';
import { faultsOf, type Look } from './look.js';

/** The oldest Kubernetes that the chart is for. */
const OLDEST = 30;

/** Of the API itself: what the processes call, beside what a mesh and the chart bring. */
const NEEDED = [
  ...['apps/v1', 'authentication.k8s.io/v1', 'authorization.k8s.io/v1', 'rbac.authorization.k8s.io/v1'],
  ...['admissionregistration.k8s.io/v1', 'apiextensions.k8s.io/v1', 'coordination.k8s.io/v1', 'events.k8s.io/v1'],
  ...['discovery.k8s.io/v1', 'policy/v1', 'autoscaling/v2', 'networking.k8s.io/v1', 'batch/v1'],
];
const SCC_API = 'security.openshift.io/v1';
const ISTIO = 'networking.istio.io';
/** Routes of OpenShift, which divide requests by themselves. */
const ROUTES = 'route.openshift.io/v1';
const GATEWAY = 'gateway.networking.k8s.io';
const CHART_CRDS = 'Install the chart again with crds.install=true: helm upgrade, see docs/INSTALL.md.';

const versionSchema = z.looseObject({ major: z.string(), minor: z.string(), gitVersion: z.string() });
const groupsSchema = z.looseObject({
  groups: z.array(z.looseObject({ name: z.string(), versions: z.array(z.looseObject({ groupVersion: z.string() })) })),
});

/** Every group version that the API server serves. */
export async function servedVersions(kube: KubeClient): Promise<ReadonlySet<string>> {
  const { groups } = groupsSchema.parse(await kube.raw('/apis'));
  return new Set(groups.flatMap(({ versions }) => versions.map(({ groupVersion }) => groupVersion)));
}

/** The API server's version and what it serves: its own groups, those of the SCCs, and of a mesh. */
export const lookAtApi: Look = async ({ kube }) => {
  const fault = faultsOf('kubernetes');
  const found: CheckFault[] = [];
  const { major, minor, gitVersion } = versionSchema.parse(await kube.raw('/version'));
  if (Number(major) === 1 && Number.parseInt(minor, 10) < OLDEST)
    found.push(fault(`the API server is of version ${gitVersion}`, `Kubernetes 1.${OLDEST} or newer is needed.`));
  const served = await servedVersions(kube);
  const absent = NEEDED.filter((version) => !served.has(version));
  if (absent.length > 0)
    found.push(fault(`the API server does not serve ${absent.join(', ')}`, 'Switch these API groups on.'));
  if (!served.has(SCC_API))
    found.push(
      faultsOf('sccs')(
        `the API server does not serve ${SCC_API}`,
        'Install the chart with platform=kubernetes: it brings the CRD and the default SCCs.',
      ),
    );
  return [...found, ...ofTheMesh(served)];
};

/** Without a router only StatefulSets migrate: requests of a Deployment are divided by routes. */
function ofTheMesh(served: ReadonlySet<string>): CheckFault[] {
  const versionsOf = (group: string): string[] => [...served].filter((version) => version.startsWith(`${group}/`));
  const [istio, gateway] = [versionsOf(ISTIO), versionsOf(GATEWAY)];
  const found: CheckFault[] = [];
  if (istio.length === 0 && gateway.length === 0 && !served.has(ROUTES))
    found.push(
      faultsOf('mesh')(
        `neither ${ISTIO} nor ${GATEWAY} nor ${ROUTES} is served, so nothing divides the requests of a Deployment`,
        'Install Istio or OpenShift Service Mesh, or the Gateway API with a mesh that serves it.',
      ),
    );
  if (istio.length > 0 && !served.has(`${ISTIO}/v1`))
    found.push(faultsOf('mesh')(`${ISTIO} is served as ${istio.join(', ')} only`, 'Upgrade Istio to 1.22 or newer.'));
  if (gateway.length > 0 && !served.has(`${GATEWAY}/v1`))
    found.push(
      faultsOf('gateway-api')(
        `${GATEWAY} is served as ${gateway.join(', ')} only`,
        'Install the CRDs of the Gateway API in release 1.1 or newer.',
      ),
    );
  return found;
}

const crdSchema = z.looseObject({
  spec: z.looseObject({
    versions: z.array(
      z.looseObject({
        name: z.string(),
        served: z.boolean(),
        storage: z.boolean(),
        schema: z.looseObject({ openAPIV3Schema: z.unknown() }).optional(),
      }),
    ),
  }),
  status: z
    .looseObject({ conditions: z.array(z.looseObject({ type: z.string(), status: z.string() })).default([]) })
    .prefault({}),
});
const ownSchema = z.looseObject({ metadata: z.looseObject({ name: z.string() }) });
const CRD = 'apiextensions.k8s.io/v1';

/** The CRDs of plans and campaigns: there, established, served, and with every field of this version. */
export const lookAtCRD: Look = async ({ kube }) => [
  ...(await crdFaults(kube, planCRD())),
  ...(await crdFaults(kube, campaignCRD())),
];

async function crdFaults(kube: KubeClient, own: unknown): Promise<CheckFault[]> {
  const fault = faultsOf('crd');
  const { name } = ownSchema.parse(own).metadata;
  const object = await kube.get({ apiVersion: CRD, kind: 'CustomResourceDefinition', name });
  if (!object) return [fault(`the CustomResourceDefinition ${name} is missing`, CHART_CRDS)];
  const { spec, status } = crdSchema.parse(object);
  const version = spec.versions.find((one) => one.name === PLAN_VERSION);
  if (!version?.served) return [fault(`${name} does not serve ${PLAN_GROUP}/${PLAN_VERSION}`, CHART_CRDS)];
  const found: CheckFault[] = [];
  const isEstablished = status.conditions.some(({ type, status: value }) => type === 'Established' && value === 'True');
  if (!isEstablished) found.push(fault(`${name} is not established`, `kubectl describe crd ${name}`));
  if (!version.storage)
    found.push(fault(`${name} stores another version than ${PLAN_VERSION}`, `${CHART_CRDS} Then rewrite the plans.`));
  const ownVersion = crdSchema.parse(own).spec.versions.find((one) => one.name === PLAN_VERSION);
  const theirs = new Set(fieldsOf(version.schema?.openAPIV3Schema));
  const lacking = fieldsOf(ownVersion?.schema?.openAPIV3Schema).filter((field) => !theirs.has(field));
  if (lacking.length > 0)
    found.push(
      fault(
        `${name} is of another version: it lacks ${lacking.slice(0, 5).join(', ')}${lacking.length > 5 ? ` and ${lacking.length - 5} more` : ''}`,
        CHART_CRDS,
      ),
    );
  return found;
}

const openApiSchema = z.looseObject({
  properties: z.record(z.string(), z.unknown()).default({}),
  items: z.unknown().optional(),
});

/** The paths of all fields of a schema. */
function fieldsOf(schema: unknown, at = ''): string[] {
  const { properties, items } = openApiSchema.parse(schema ?? {});
  const own = Object.entries(properties).flatMap(([name, value]) => {
    const path = at === '' ? name : `${at}.${name}`;
    return [path, ...fieldsOf(value, path)];
  });
  return [...own, ...(items === undefined ? [] : fieldsOf(items, `${at}[]`))];
}

const CLUSTER_KIND = 'config.openshift.io/v1';
const modeSchema = z.enum(['kubernetes', 'openshift']);

/** Whether governance was told what it runs on. @param mode SCC_MODE of governance */
export async function lookAtPlatform(kube: KubeClient, mode: string | undefined): Promise<CheckFault[]> {
  const said = modeSchema.safeParse(mode).data;
  if (said === undefined) return [];
  const served = await servedVersions(kube).catch((error: unknown) => {
    if (isNotFound(error)) return new Set<string>();
    throw error;
  });
  const is = served.has(CLUSTER_KIND) ? 'openshift' : 'kubernetes';
  const fault = faultsOf('platform');
  if (said === is)
    return is === 'openshift' && !served.has(ROUTES)
      ? [fault(`OpenShift does not serve ${ROUTES}`, 'Look at the operator openshift-apiserver.')]
      : [];
  return [fault(`the cluster is ${is}, and governance is installed for ${said}`, `Set platform=${is} in the chart.`)];
}
