import type { MakeInformer } from '@scc/kube';
import { PLAN_TYPE } from '@scc/plan';
import type { Logger } from '@scc/runtime';
import { Constraints } from './constraints.js';
import { bindingSchema, Grants, roleKey, roleSchema } from '@scc/scc';
import { Namespaces } from './namespaces.js';
import { Plans } from './plans.js';
import { TEMPLATED_KINDS, Workloads } from './workloads.js';

/** Admission's knowledge of the cluster. Reading it never leaves the process. */
export interface ClusterCache {
  readonly constraints: Constraints;
  readonly grants: Grants;
  readonly namespaces: Namespaces;
  readonly plans: Plans;
  readonly workloads: Workloads;
  /** A stored pod; undefined when unknown or when pods are not kept. */
  pod(namespace: string, name: string): unknown;
  /** Why a decision would rest on half of the cluster, or null. */
  missing(): string | null;
  /** Resolves when `missing` is null for the first time. */
  readonly complete: Promise<void>;
  stop(): Promise<void>;
}

interface Deps {
  readonly makeInformer: MakeInformer;
  readonly mode: 'kubernetes' | 'openshift';
  /** Exec checks need the stored pods. */
  readonly keepPods: boolean;
  readonly logger: Logger;
  /** Called with each change of a namespace. */
  readonly onNamespace: (name: string) => void;
}

const RBAC = 'rbac.authorization.k8s.io/v1';
type Follow = (key: string, current: unknown) => void;

interface Source {
  readonly apiVersion: string;
  readonly kind: string;
  readonly follow: Follow;
  /** No pod can be decided without it. */
  readonly essential: boolean;
}

function rbacSources(grants: Grants): Source[] {
  const role =
    (kind: 'Role' | 'ClusterRole'): Follow =>
    (key, current) => {
      const [namespace, name] = kind === 'Role' ? key.split('/') : ['', key];
      grants.setRole(roleKey(kind, name ?? '', namespace), roleSchema.safeParse(current).data);
    };
  const binding =
    (kind: string): Follow =>
    (key, current) =>
      grants.setBinding(`${kind}/${key}`, bindingSchema.safeParse(current).data);
  return [
    { apiVersion: RBAC, kind: 'Role', essential: true, follow: role('Role') },
    { apiVersion: RBAC, kind: 'ClusterRole', essential: true, follow: role('ClusterRole') },
    { apiVersion: RBAC, kind: 'RoleBinding', essential: true, follow: binding('RoleBinding') },
    { apiVersion: RBAC, kind: 'ClusterRoleBinding', essential: true, follow: binding('ClusterRoleBinding') },
  ];
}

/** Follows what decisions rest on. Everything is listed once and watched from then on. */
export function cacheCluster({ makeInformer, mode, keepPods, logger, onNamespace }: Deps): ClusterCache {
  const constraints = new Constraints(logger);
  const grants = new Grants();
  const namespaces = new Namespaces();
  const plans = new Plans();
  const workloads = new Workloads();
  const sources: Source[] = [
    {
      apiVersion: 'security.openshift.io/v1',
      kind: 'SecurityContextConstraints',
      essential: true,
      follow: (key, current) => constraints.set(key, current),
    },
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      essential: true,
      follow: (key, current) => {
        namespaces.set(key, current);
        onNamespace(key);
      },
    },
    ...rbacSources(grants),
    {
      ...PLAN_TYPE,
      essential: false,
      follow: (key, current) => plans.set(key, current),
    },
    ...TEMPLATED_KINDS.filter((kind) => mode === 'openshift' || kind !== 'ReplicaSet').map((kind) => ({
      apiVersion: 'apps/v1',
      kind,
      essential: false,
      follow: ((key, current) => workloads.set(kind, key, current)) satisfies Follow,
    })),
  ];
  const pods = keepPods ? new Map<string, unknown>() : undefined;
  if (pods)
    sources.push({
      apiVersion: 'v1',
      kind: 'Pod',
      essential: false,
      follow: (key, current) => {
        if (current === undefined) pods.delete(key);
        else pods.set(key, current);
      },
    });
  const waiting = new Set(sources.filter(({ essential }) => essential).map(({ kind }) => kind));
  const complete = Promise.withResolvers<undefined>();
  const informers = sources.map(({ apiVersion, kind, follow }) => {
    const informer = makeInformer({ apiVersion, kind }, follow);
    informer.synced.then(
      () => {
        waiting.delete(kind);
        if (waiting.size === 0) complete.resolve(undefined);
      },
      (error: unknown) => logger.warn({ err: error, kind }, 'admission does not follow a kind'),
    );
    informer.start();
    return informer;
  });
  return {
    constraints,
    grants,
    namespaces,
    plans,
    workloads,
    pod: (namespace, name) => pods?.get(`${namespace}/${name}`),
    missing: () => {
      if (waiting.size > 0) return `${[...waiting].join(', ')} not listed yet`;
      return constraints.compiled.ordered.length === 0 ? 'the cluster has no SecurityContextConstraints' : null;
    },
    complete: complete.promise,
    stop: async () => {
      await Promise.all(informers.map((informer) => informer.stop()));
    },
  };
}
