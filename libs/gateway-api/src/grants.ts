import { GROUP, type GrantSpec, type RouteKind } from './schema.js';

/** A route of another namespace, as grants speak of it. */
export interface From {
  kind: RouteKind;
  namespace: string;
}

/** Whether one of a namespace's grants lets such routes name a Service. */
export const permits = (grants: readonly GrantSpec[], from: From, service: string): boolean =>
  grants.some(
    (grant) =>
      grant.from.some(
        ({ group, kind, namespace }) => group === GROUP && kind === from.kind && namespace === from.namespace,
      ) &&
      grant.to.some(
        ({ group, kind, name }) => group === '' && kind === 'Service' && (name === undefined || name === service),
      ),
  );

/** The grant that lets the same routes name the canaries' Services; null when they may already. */
export function grantFor(
  grants: readonly GrantSpec[],
  from: readonly From[],
  canaries: readonly string[],
): GrantSpec | null {
  const lacking = from.filter((one) => canaries.some((canary) => !permits(grants, one, canary)));
  const places = new Map(lacking.map((one) => [`${one.kind}/${one.namespace}`, one]));
  if (places.size === 0) return null;
  return {
    from: [...places.values()].map(({ kind, namespace }) => ({ group: GROUP, kind, namespace })),
    to: canaries.map((name) => ({ group: '', kind: 'Service', name })),
  };
}
