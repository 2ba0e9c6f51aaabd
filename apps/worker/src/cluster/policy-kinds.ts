import type { KubeClient, KubeObject } from '@scc/kube';
import { isCanaryObject, isRecord, PLAN_GROUP } from '@scc/plan';
import { listServed, type Looked, type UnreadKind } from './served.js';
import { REFERENCE_FIELD, SELECTOR_FIELD, tellsCallersApart } from './selectors.js';

interface PolicyKind {
  group: string;
  /** Newest first. */
  versions: readonly string[];
  kind: string;
}

/** Kinds that pick pods by label and say of the canary the same when they are copied for it. */
const COPIED: readonly PolicyKind[] = [
  { group: 'networking.k8s.io', versions: ['v1'], kind: 'NetworkPolicy' },
  { group: 'policy', versions: ['v1'], kind: 'PodDisruptionBudget' },
];
/** Istio's, which also come from the mesh's root namespace. */
const COPIED_OF_MESH: readonly PolicyKind[] = [
  { group: 'security.istio.io', versions: ['v1', 'v1beta1'], kind: 'AuthorizationPolicy' },
  { group: 'security.istio.io', versions: ['v1', 'v1beta1'], kind: 'PeerAuthentication' },
  { group: 'security.istio.io', versions: ['v1', 'v1beta1'], kind: 'RequestAuthentication' },
  { group: 'networking.istio.io', versions: ['v1', 'v1beta1'], kind: 'Sidecar' },
  { group: 'networking.istio.io', versions: ['v1alpha3'], kind: 'EnvoyFilter' },
  { group: 'networking.istio.io', versions: ['v1beta1'], kind: 'ProxyConfig' },
  { group: 'extensions.istio.io', versions: ['v1alpha1'], kind: 'WasmPlugin' },
  { group: 'telemetry.istio.io', versions: ['v1', 'v1alpha1'], kind: 'Telemetry' },
];

/** Kinds of which the root namespace holds no policies for single workloads. */
const WHOLE_IN_ROOT = ['PeerAuthentication', 'Sidecar'];
/** Kinds that guard or filter what pods get and send. */
const GUARDS = [
  ...['NetworkPolicy', 'AuthorizationPolicy', 'PeerAuthentication', 'RequestAuthentication', 'EnvoyFilter'],
  'WasmPlugin',
];
/** Kinds of the mesh that pick pods and mean more than a policy: who calls, and who is called. */
const REFUSED_OF_MESH: readonly PolicyKind[] = ['ServiceEntry', 'DestinationRule'].map((kind) => ({
  group: 'networking.istio.io',
  versions: ['v1', 'v1beta1'],
  kind,
}));

/** Routes, which may tell callers apart by the labels of their pods. */
const ROUTES: PolicyKind = { group: 'networking.istio.io', versions: ['v1', 'v1beta1'], kind: 'VirtualService' };

/** Groups whose kinds are read by name elsewhere, or whose selectors do not pick pods that serve. */
const KNOWN_GROUPS: readonly string[] = [
  PLAN_GROUP,
  'networking.istio.io',
  'security.istio.io',
  'telemetry.istio.io',
  'extensions.istio.io',
  'gateway.networking.k8s.io',
  'security.openshift.io',
  'cert-manager.io',
  'acme.cert-manager.io',
];
/** A group of which objects in a namespace of its own, or in none, are about pods of all. */
const MESH_WIDE = 'kuma.io';
/** Kinds of that group that pick pods and Services by tags in fields of which their schema says nothing. */
const WITHOUT_SCHEMA = [
  ...['CircuitBreaker', 'FaultInjection', 'HealthCheck', 'MeshGateway', 'MeshGatewayRoute', 'ProxyTemplate'],
  ...['RateLimit', 'Retry', 'Timeout', 'TrafficLog', 'TrafficPermission', 'TrafficRoute', 'TrafficTrace'],
  'VirtualOutbound',
];
/** Of such an object; absent in releases that keep all of them in that namespace. */
const ROLE = 'kuma.io/policy-role';
/** Groups of the platform itself, of which an installation need not read every kind. */
const PLATFORM = /(^|\.)(openshift\.io|k8s\.io|x-k8s\.io|coreos\.com)$/;
/** Kinds that look for Services by label: the canary's Service carries the labels of its original. */
const OF_SERVICES = ['ServiceMonitor'];
/** Kinds whose objects mean the Service of their own name, which no field says. */
export const NAMED_AS_SERVICE: readonly string[] = ['EgressService'];

/** Objects that may treat pods of the workload differently from the canary's. */
export interface SurveyedPolicies {
  /** Policies of the namespace, and of the mesh's root namespace, of kinds that can be copied. */
  copied: KubeObject[];
  /** Objects of all other kinds and namespaces. */
  foreign: KubeObject[];
  unread: UnreadKind[];
  /** Kinds of the platform that may not be read, which is said and does not stop a plan. */
  unreadOfPlatform: UnreadKind[];
}

const ours = ({ objects }: Looked): KubeObject[] => objects.filter(({ metadata }) => !isCanaryObject(metadata));

interface CustomKind extends PolicyKind {
  isNamespaced: boolean;
}

/** Whether a schema has a field that picks pods or names a workload, in whatever depth. */
export function hasSelector(schema: unknown): boolean {
  if (!isRecord(schema)) return false;
  const { properties, items, additionalProperties } = schema;
  const fields = isRecord(properties) ? Object.entries(properties) : [];
  return (
    fields.some(([name, field]) => SELECTOR_FIELD.test(name) || REFERENCE_FIELD.test(name) || hasSelector(field)) ||
    hasSelector(items) ||
    hasSelector(additionalProperties)
  );
}

/** The kinds of a CustomResourceDefinition that may pick pods; none for a kind that is known. */
export function selectingKinds(definition: KubeObject): CustomKind[] {
  const spec = isRecord(definition['spec']) ? definition['spec'] : {};
  const { group, scope, names, versions } = spec;
  const kind = isRecord(names) ? names['kind'] : undefined;
  if (typeof group !== 'string' || typeof kind !== 'string' || KNOWN_GROUPS.includes(group)) return [];
  const served = (Array.isArray(versions) ? versions : []).filter(
    (version): version is Record<string, unknown> => isRecord(version) && version['served'] === true,
  );
  const isByName = NAMED_AS_SERVICE.includes(kind) || (group === MESH_WIDE && WITHOUT_SCHEMA.includes(kind));
  const selecting = isByName || served.some(({ schema }) => isRecord(schema) && hasSelector(schema['openAPIV3Schema']));
  const found = served.flatMap(({ name }) => (typeof name === 'string' ? [name] : []));
  if (!selecting || OF_SERVICES.includes(kind)) return [];
  return [{ group, kind, versions: found, isNamespaced: scope === 'Namespaced' }];
}

async function ofUnknownKinds(kube: Pick<KubeClient, 'list'>, namespace: string) {
  const definitions = await listServed(kube, {
    group: 'apiextensions.k8s.io',
    versions: ['v1'],
    kind: 'CustomResourceDefinition',
  });
  const kinds = definitions.objects.flatMap(selectingKinds);
  const isHere = ({ metadata }: KubeObject): boolean =>
    metadata.namespace === namespace || (metadata.labels?.[ROLE] ?? 'system') === 'system';
  const looked = await Promise.all(
    kinds.map(async (one) => {
      const isOfMesh = one.group === MESH_WIDE;
      const found = await listServed(kube, one, one.isNamespaced && !isOfMesh ? namespace : undefined);
      const objects = isOfMesh ? found.objects.filter(isHere) : found.objects;
      return { ...found, objects, isPlatform: PLATFORM.test(one.group) };
    }),
  );
  return {
    objects: looked.flatMap(ours),
    unread: [...definitions.unread, ...looked.flatMap(({ unread, isPlatform }) => (isPlatform ? [] : unread))],
    unreadOfPlatform: looked.flatMap(({ unread, isPlatform }) => (isPlatform ? unread : [])),
  };
}

/** Looks at the kinds that can be copied, in the namespace and in the mesh's root namespace. */
async function ofCopiedKinds(
  kube: Pick<KubeClient, 'list'>,
  { namespace, root }: { namespace: string; root: string },
  isWanted: (kind: string) => boolean = () => true,
): Promise<{ own: Looked[]; ofRoot: Looked[] }> {
  const wanted = [...COPIED, ...COPIED_OF_MESH].filter(({ kind }) => isWanted(kind));
  const ofMesh = COPIED_OF_MESH.filter(({ kind }) => isWanted(kind) && !WHOLE_IN_ROOT.includes(kind));
  const [own, ofRoot] = await Promise.all([
    Promise.all(wanted.map((kind) => listServed(kube, kind, namespace))),
    Promise.all(root === namespace ? [] : ofMesh.map((kind) => listServed(kube, kind, root))),
  ]);
  return { own, ofRoot };
}

/** The policies that guard or filter what pods get and send, of those that can be copied. */
export async function readGuards(
  kube: Pick<KubeClient, 'list'>,
  at: { namespace: string; root: string },
): Promise<KubeObject[]> {
  const { own, ofRoot } = await ofCopiedKinds(kube, at, (kind) => GUARDS.includes(kind));
  return [...own, ...ofRoot].flatMap(ours);
}

/**
 * Reads everything that may pick the workload's pods, in its namespace and in others.
 * @param root the mesh's root namespace, whose policies hold in every namespace
 */
export async function readPolicies(
  kube: Pick<KubeClient, 'list'>,
  { namespace, root }: { namespace: string; root: string },
): Promise<SurveyedPolicies> {
  const [{ own, ofRoot }, mesh, networkPolicies, filters, routes, custom] = await Promise.all([
    ofCopiedKinds(kube, { namespace, root }),
    Promise.all(REFUSED_OF_MESH.map((kind) => listServed(kube, kind, namespace))),
    listServed(kube, { group: 'networking.k8s.io', versions: ['v1'], kind: 'NetworkPolicy' }),
    listServed(kube, { group: 'networking.istio.io', versions: ['v1alpha3'], kind: 'EnvoyFilter' }),
    listServed(kube, ROUTES),
    ofUnknownKinds(kube, namespace),
  ]);
  const elsewhere = [...ours(networkPolicies), ...ours(filters)].filter(
    ({ kind, metadata }) => metadata.namespace !== namespace || kind === 'EnvoyFilter',
  );
  return {
    copied: [...own, ...ofRoot].flatMap(ours),
    foreign: [...elsewhere, ...ours(routes).filter(tellsCallersApart), ...mesh.flatMap(ours), ...custom.objects],
    unread: [...[...own, ...mesh].flatMap(({ unread }) => unread), ...custom.unread],
    unreadOfPlatform: custom.unreadOfPlatform,
  };
}
