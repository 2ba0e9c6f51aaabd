import { isNotFound, KubeError } from '@scc/kube';
import { z } from 'zod';
import type { ClusterApi } from '../cluster/api.js';
import type { KubeletPod } from './pod-schema.js';

/** Something that a pod refers to is not there (yet): the container waits, and this says for what. */
export class MissingReference extends Error {
  override readonly name = 'MissingReference';
}

/** Reads what pods refer to, each as its values by key; undefined where there is no such object. */
export interface References {
  secret: (name: string) => Promise<Record<string, Buffer> | undefined>;
  configMap: (name: string) => Promise<Record<string, Buffer> | undefined>;
}

const dataSchema = z.looseObject({
  data: z.record(z.string(), z.string()).nullish(),
  binaryData: z.record(z.string(), z.string()).nullish(),
});

const decoded = (data: Record<string, string> | null | undefined, encoding: BufferEncoding): Record<string, Buffer> =>
  Object.fromEntries(Object.entries(data ?? {}).map(([key, text]) => [key, Buffer.from(text, encoding)]));

/** The Secrets and ConfigMaps of a namespace, read as the node: it sees those of its own pods. */
export function referencesOf(api: Pick<ClusterApi, 'get'>, namespace: string): References {
  const read = async (kind: string, name: string): Promise<z.infer<typeof dataSchema> | undefined> => {
    try {
      return dataSchema.parse(await api.get(`/api/v1/namespaces/${namespace}/${kind}/${name}`));
    } catch (error) {
      if (isNotFound(error)) return undefined;
      // The authorizer of nodes learns of a pod a moment after the node does.
      if (error instanceof KubeError && error.status === 403) throw new MissingReference(error.message);
      throw error;
    }
  };
  return {
    secret: async (name) => {
      const found = await read('secrets', name);
      return found && decoded(found.data, 'base64');
    },
    configMap: async (name) => {
      const found = await read('configmaps', name);
      return found && { ...decoded(found.data, 'utf8'), ...decoded(found.binaryData, 'base64') };
    },
  };
}

/** Facts that a node knows of a pod beside its object. */
export interface PodPlace {
  ip: string;
  hostIp: string;
}

/** The value of a field of the pod, as the downward API has it. @throws Error for a path that it does not know */
export function fieldOf(pod: KubeletPod, { ip, hostIp }: PodPlace, path: string): string {
  const [, map, key] = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path) ?? [];
  if ((map === 'labels' || map === 'annotations') && key !== undefined) return pod.metadata[map][key] ?? '';
  const fields: Record<string, string> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace,
    'metadata.uid': pod.metadata.uid,
    'spec.nodeName': pod.spec.nodeName ?? '',
    'spec.serviceAccountName': pod.spec.serviceAccountName,
    'status.podIP': ip,
    'status.podIPs': ip,
    'status.hostIP': hostIp,
    'status.hostIPs': hostIp,
  };
  const value = fields[path];
  if (value === undefined) throw new Error(`the field ${path} of a pod is not known here`);
  return value;
}
