import { isForbidden, isNotFound, type KubeClient } from '@scc/kube';
import { messageOf } from '@scc/runtime';
import { parse } from 'yaml';
import { z } from 'zod';

/** What the mesh's own configuration says of objects that do not say it themselves. */
export interface MeshDefaults {
  /** The namespaces that see a VirtualService without `exportTo`. */
  routesExportedTo: readonly string[];
  /** Whether proxies let requests out to hosts that they do not know. */
  allowsAny: boolean;
  /** Why that is not known, so that Istio's own default is taken; null where it is. */
  unread: string | null;
}

/** Istio's name of its configuration in the root namespace, of the installation without a revision, and its own default. */
const CONFIG_MAP = 'istio';
const DEFAULT_REVISION = 'default';
/** By which the webhooks of Istio's injectors say which revision they are of. */
const REVISION_LABEL = 'istio.io/rev';
const TO_ALL = ['*'];
/** The mode in which a proxy has no way to a host that it does not know. */
export const REGISTRY_ONLY = 'REGISTRY_ONLY';
const meshSchema = z
  .looseObject({
    defaultVirtualServiceExportTo: z.array(z.string()).nullish(),
    outboundTrafficPolicy: z.looseObject({ mode: z.string().nullish() }).nullish(),
  })
  .nullish();

/** Whether objects with this `exportTo` are there for the proxies of all namespaces. */
export const isForAll = (exportTo: readonly string[]): boolean => exportTo.length === 0 || exportTo.includes('*');

type Reader = Pick<KubeClient, 'get' | 'list'>;

/** The revisions that are installed, by the webhooks of their injectors; those of tags name the revision that they mean. */
async function revisionsOf(kube: Reader): Promise<string[]> {
  const kind = { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'MutatingWebhookConfiguration' };
  const items = await kube.list(kind).then(
    (list) => list.items,
    (error: unknown) => {
      if (isForbidden(error) || isNotFound(error)) return [];
      throw error;
    },
  );
  const found = items.flatMap(({ metadata }) => metadata.labels?.[REVISION_LABEL] ?? []);
  return found.length > 0 ? [...new Set(found)].toSorted() : [DEFAULT_REVISION];
}

const saidBy = (mesh: z.infer<typeof meshSchema>): Omit<MeshDefaults, 'unread'> => ({
  routesExportedTo: mesh?.defaultVirtualServiceExportTo ?? TO_ALL,
  allowsAny: mesh?.outboundTrafficPolicy?.mode !== REGISTRY_ONLY,
});

async function readRevision(kube: Reader, root: string, revision: string): Promise<MeshDefaults> {
  const unread = (why: string): MeshDefaults => ({ routesExportedTo: TO_ALL, allowsAny: true, unread: why });
  const name = revision === DEFAULT_REVISION ? CONFIG_MAP : `${CONFIG_MAP}-${revision}`;
  try {
    const object = await kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: root, name });
    if (!object && revision !== DEFAULT_REVISION) return unread(`there is no ConfigMap ${name} in ${root}`);
    const { mesh = '' } = (object?.['data'] ?? {}) as { mesh?: string };
    const { success, data } = meshSchema.safeParse(tried(mesh));
    if (!success) return unread(`ConfigMap ${name} of ${root} is not the configuration of a mesh`);
    return { ...saidBy(data), unread: null };
  } catch (error) {
    if (!isForbidden(error)) throw error;
    return unread(messageOf(error));
  }
}

/**
 * Reads the defaults of the mesh from the ConfigMaps of its root namespace, one for each revision; without one, Istio's
 * own hold. Where revisions differ, the narrowest counts: callers of that revision see no more.
 */
export async function readMeshDefaults(kube: Reader, root: string): Promise<MeshDefaults> {
  const all = await Promise.all((await revisionsOf(kube)).map((revision) => readRevision(kube, root, revision)));
  const narrow = all.find(({ routesExportedTo }) => !isForAll(routesExportedTo));
  const unread = all.flatMap((one) => one.unread ?? []);
  return {
    routesExportedTo: narrow?.routesExportedTo ?? TO_ALL,
    allowsAny: all.some((one) => one.allowsAny),
    unread: unread.length > 0 ? unread.join('; ') : null,
  };
}

/** What is no YAML becomes a text, which no schema of an object takes. */
function tried(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return text;
  }
}
