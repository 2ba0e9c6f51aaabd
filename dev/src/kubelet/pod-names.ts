import type { KubeletPod } from './pod-schema.js';

/** The names that the cluster's DNS gives to pods of a StatefulSet: `pod.service.namespace.svc`. */
export class PodNames {
  /** By full name: the address of the pod that has it now. */
  readonly #addresses = new Map<string, { namespace: string; names: string[]; ip: string }>();

  add(pod: KubeletPod, ip: string): void {
    const key = keyOf(pod);
    if (key === null) return;
    const domain = `${key}.svc`;
    const names = [`${domain}.cluster.local`, domain, key];
    this.#addresses.set(key, { namespace: pod.metadata.namespace, names, ip });
  }

  /** Forgets a pod, unless another one has its name meanwhile. */
  remove(pod: KubeletPod, ip: string): void {
    const key = keyOf(pod);
    if (key !== null && this.#addresses.get(key)?.ip === ip) this.#addresses.delete(key);
  }

  /** Lines of /etc/hosts for a pod of a namespace; its own neighbours have short names as well. */
  linesFor(namespace: string): string[] {
    return [...this.#addresses.values()].map(({ namespace: home, names, ip }) =>
      [
        ip,
        ...names,
        ...(home === namespace ? names.slice(-1).map((name) => name.slice(0, -home.length - 1)) : []),
      ].join(' '),
    );
  }
}

/** `pod.service.namespace`; null for a pod without such a name. */
const keyOf = ({ metadata: { namespace }, spec: { hostname, subdomain } }: KubeletPod): string | null =>
  hostname === undefined || hostname === '' || subdomain === undefined || subdomain === ''
    ? null
    : `${hostname}.${subdomain}.${namespace}`;
