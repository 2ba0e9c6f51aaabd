import { durationMs } from './duration.js';

/** Keys by which a delivery tool knows its own objects: a copy that carries one is pruned, or fought over. */
const TRACKING = [
  /^app\.kubernetes\.io\/(instance|managed-by)$/,
  /^argocd\.argoproj\.io\//,
  /^([a-z0-9-]+\.)?toolkit\.fluxcd\.io\//,
  /^meta\.helm\.sh\//,
  /^helm\.sh\//,
  /^olm\./,
  /^operators\.coreos\.com\//,
  /^([a-z0-9-]+\.)?open-cluster-management\.io\//,
  /^(configmanagement|configsync)\.gke\.io\//,
  /^kapp\.k14s\.io\//,
  /^(objectset\.rio|([a-z0-9-]+\.)?fleet)\.cattle\.io\//,
  /^deployment\.kubernetes\.io\/revision$/,
  /^kubectl\.kubernetes\.io\/last-applied-configuration$/,
];

/** Labels or annotations without what belongs to one object's own life or to the tool that delivers it. */
export const untracked = (
  marks: Record<string, string> | undefined,
  kept: readonly string[] = [],
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(marks ?? {}).filter(([key]) => kept.includes(key) || !TRACKING.some((pattern) => pattern.test(key))),
  );

interface Delivered {
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly managedFields?: readonly { readonly manager?: string | undefined }[] | undefined;
}

/** Tools that deliver objects from elsewhere, and write them back from there. */
export const DELIVERY_TOOLS = [
  ...(['Argo CD', 'Flux', 'Helm', 'Fleet', 'Open Cluster Management'] as const),
  ...(['Config Sync', 'kapp', 'Terraform', 'Pulumi'] as const),
] as const;

export interface DeliveryTool {
  tool: (typeof DELIVERY_TOOLS)[number];
  /** The application, Kustomization or release, where the object says it. */
  name: string | null;
}

const ARGO_INSTANCE = 'argocd.argoproj.io/instance';
const ARGO_TRACKING = 'argocd.argoproj.io/tracking-id';
const FLUX_NAME = /^(kustomize|helm)\.toolkit\.fluxcd\.io\/name$/;
const HELM_RELEASE = 'meta.helm.sh/release-name';

/** Labels and annotations of the other tools; the value of one is the name of what delivers. */
const MARKS: readonly { tool: DeliveryTool['tool']; key: RegExp; isName?: true }[] = [
  { tool: 'Fleet', key: /^(objectset\.rio|([a-z0-9-]+\.)?fleet)\.cattle\.io\// },
  {
    ...{ tool: 'Open Cluster Management', isName: true },
    key: /^apps\.open-cluster-management\.io\/hosting-subscription$/,
  },
  { tool: 'Config Sync', key: /^(configsync\.gke\.io\/resource-id|configmanagement\.gke\.io\/managed)$/ },
  { tool: 'kapp', key: /^kapp\.k14s\.io\/(app|identity)$/ },
];

/** Names of field managers by which these tools write. */
const MANAGERS: readonly [RegExp, DeliveryTool['tool']][] = [
  [/^argocd(-|$)/, 'Argo CD'],
  [/^(kustomize|helm)-controller$/, 'Flux'],
  [/^helm$/i, 'Helm'],
  [/^terraform/i, 'Terraform'],
  [/^pulumi/i, 'Pulumi'],
];

/** The tool that an object comes from, by the marks that it left; undefined when it left none. */
export const deliveryToolOf = (metadata: Delivered): DeliveryTool | undefined =>
  argoOf(metadata) ?? fluxOf(metadata) ?? markedOf(metadata) ?? helmOf(metadata) ?? writerOf(metadata);

/** Before Helm, which some of them use. */
function markedOf({ labels = {}, annotations = {} }: Delivered): DeliveryTool | undefined {
  const marks = Object.entries({ ...labels, ...annotations });
  for (const { tool, key, isName } of MARKS) {
    const found = marks.find(([name]) => key.test(name));
    if (found) return { tool, name: isName ? found[1] : null };
  }
  return undefined;
}

function argoOf({ labels = {}, annotations = {} }: Delivered): DeliveryTool | undefined {
  const tracked = annotations[ARGO_TRACKING]?.split(':')[0];
  const application = labels[ARGO_INSTANCE] ?? annotations[ARGO_INSTANCE] ?? tracked;
  return application === undefined ? undefined : { tool: 'Argo CD', name: application || null };
}

function fluxOf({ labels = {} }: Delivered): DeliveryTool | undefined {
  const flux = Object.entries(labels).find(([key]) => FLUX_NAME.test(key));
  return flux && { tool: 'Flux', name: flux[1] };
}

function helmOf({ labels = {}, annotations = {} }: Delivered): DeliveryTool | undefined {
  const release = annotations[HELM_RELEASE];
  const isHelms = release !== undefined || labels['app.kubernetes.io/managed-by'] === 'Helm';
  return isHelms ? { tool: 'Helm', name: release ?? null } : undefined;
}

function writerOf({ managedFields = [] }: Delivered): DeliveryTool | undefined {
  const written = managedFields.flatMap(({ manager = '' }) =>
    MANAGERS.flatMap(([pattern, tool]) => (pattern.test(manager) ? [tool] : [])),
  );
  return written[0] === undefined ? undefined : { tool: written[0], name: null };
}

/** A tool that delivers the old template again needs the old grant for as long. */
const REVOKED_AFTER_DELIVERIES = '24h';

/** How long a change must last before its source grant is revoked, in milliseconds; null where that is not done later. */
export function revokeLaterMs(
  { source, revokeAfter }: { source: 'Revoke' | 'Keep'; revokeAfter?: string | undefined },
  isDelivered: boolean,
): number | null {
  const waitMs = durationMs(revokeAfter ?? (isDelivered ? REVOKED_AFTER_DELIVERIES : '0s'));
  return source === 'Revoke' && waitMs > 0 ? waitMs : null;
}
