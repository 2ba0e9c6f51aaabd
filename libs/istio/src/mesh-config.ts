import { isForbidden, type KubeClient } from '@scc/kube';
import { messageOf } from '@scc/runtime';
import { parse } from 'yaml';
import { z } from 'zod';

/** What the mesh's own configuration says of objects that do not say it themselves. */
export interface MeshDefaults {
  /** The namespaces that see a VirtualService without `exportTo`. */
  routesExportedTo: readonly string[];
  /** Why that is not known, so that Istio's own default is taken; null where it is. */
  unread: string | null;
}

/** Istio's name of its configuration in the root namespace, and its own default. */
const CONFIG_MAP = 'istio';
const TO_ALL = ['*'];
const meshSchema = z.looseObject({ defaultVirtualServiceExportTo: z.array(z.string()).nullish() }).nullish();

/** Whether objects with this `exportTo` are there for the proxies of all namespaces. */
export const isForAll = (exportTo: readonly string[]): boolean => exportTo.length === 0 || exportTo.includes('*');

/** Reads the defaults of the mesh from the ConfigMap of its root namespace; without one, Istio's own hold. */
export async function readMeshDefaults(kube: Pick<KubeClient, 'get'>, root: string): Promise<MeshDefaults> {
  const unread = (why: string): MeshDefaults => ({ routesExportedTo: TO_ALL, unread: why });
  try {
    const object = await kube.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace: root, name: CONFIG_MAP });
    const { mesh = '' } = (object?.['data'] ?? {}) as { mesh?: string };
    const { success, data } = meshSchema.safeParse(tried(mesh));
    if (!success) return unread(`ConfigMap ${CONFIG_MAP} of ${root} is not the configuration of a mesh`);
    return { routesExportedTo: data?.defaultVirtualServiceExportTo ?? TO_ALL, unread: null };
  } catch (error) {
    if (!isForbidden(error)) throw error;
    return unread(messageOf(error));
  }
}

/** What is no YAML becomes a text, which no schema of an object takes. */
function tried(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return text;
  }
}
