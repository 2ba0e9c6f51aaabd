import type { MakeInformer } from '@scc/kube';
import { defaultSCCs } from '@scc/scc';

export type KubeLike = Readonly<Record<string, unknown>> & {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly uid?: string };
};

export const keyOf = ({ metadata: { namespace, name } }: KubeLike): string =>
  namespace ? `${namespace}/${name}` : name;

/** A cluster that a test changes: informers hear of objects as soon as they are put. */
export class TestCluster {
  readonly #objects = new Map<string, KubeLike>();
  readonly #followers = new Map<string, Set<(key: string, current: unknown, previous: unknown) => void>>();
  #isReachable = Promise.withResolvers<undefined>();

  constructor(objects: readonly KubeLike[] = []) {
    for (const object of objects) this.put(object);
    this.#isReachable.resolve(undefined);
  }

  /** Informers that are made from now on never get their first list, as when the API server is away. */
  vanish(): void {
    this.#isReachable = Promise.withResolvers<undefined>();
  }

  put(object: KubeLike): void {
    const key = keyOf(object);
    const previous = this.#objects.get(`${object.kind} ${key}`);
    this.#objects.set(`${object.kind} ${key}`, object);
    for (const follow of this.#followers.get(object.kind) ?? []) follow(key, object, previous);
  }

  remove(kind: string, key: string): void {
    const previous = this.#objects.get(`${kind} ${key}`);
    this.#objects.delete(`${kind} ${key}`);
    for (const follow of this.#followers.get(kind) ?? []) follow(key, undefined, previous);
  }

  readonly makeInformer: MakeInformer = ({ kind }, onChange) => {
    const list = () => [...this.#objects.values()].filter((object) => object.kind === kind);
    const synced = this.#isReachable.promise.then(() => {
      for (const object of list()) onChange(keyOf(object), object, undefined);
      this.#followers.set(kind, (this.#followers.get(kind) ?? new Set()).add(onChange));
    });
    return {
      start: () => undefined,
      stop: () => this.#followers.get(kind)?.delete(onChange),
      synced,
      list,
      lastContactMs: () => 0,
    };
  };
}

export const aNamespace = (name: string, over: { labels?: object; annotations?: object } = {}): KubeLike => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name,
    ...{
      labels: { 'scc.poc/enforce': 'true', ...over.labels },
      annotations: {
        'openshift.io/sa.scc.uid-range': '1000680000/10000',
        'openshift.io/sa.scc.supplemental-groups': '1000680000/10000',
        'openshift.io/sa.scc.mcs': 's0:c26,c15',
        ...over.annotations,
      },
    },
  },
});

const RBAC = { apiVersion: 'rbac.authorization.k8s.io/v1' };
export const sccRole = (scc: string): KubeLike => ({
  ...RBAC,
  kind: 'ClusterRole',
  metadata: { name: `system:openshift:scc:${scc}` },
  rules: [
    {
      verbs: ['use'],
      apiGroups: ['security.openshift.io'],
      resources: ['securitycontextconstraints'],
      resourceNames: [scc],
    },
  ],
});

/** The default SCCs with their roles, of which restricted-v2 is everybody's, and the enforced namespace `shop`. */
export function standardObjects(): KubeLike[] {
  const sccs = defaultSCCs().map((scc) => ({ ...scc, kind: 'SecurityContextConstraints', metadata: scc.metadata }));
  return [
    ...sccs,
    ...sccs.map(({ metadata }) => sccRole(metadata.name)),
    {
      ...RBAC,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'system:openshift:scc:restricted-v2' },
      roleRef: { kind: 'ClusterRole', name: 'system:openshift:scc:restricted-v2' },
      subjects: [{ kind: 'Group', name: 'system:authenticated' }],
    },
    aNamespace('shop'),
  ];
}

export const grantOf = (scc: string, account: string, namespace = 'shop'): KubeLike => ({
  ...RBAC,
  kind: 'RoleBinding',
  metadata: { name: `${account}-${scc}`, namespace },
  roleRef: { kind: 'ClusterRole', name: `system:openshift:scc:${scc}` },
  subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
});
