import type { Parent, RouteStatus } from './schema.js';

/** A parent of a route and the controller that serves the route there. */
export interface ServingParent {
  /** Of the reference: two sections of one gateway are two parents. */
  parent: string;
  controller: string;
}

/** A reference by its fields in one order. */
export const keyOfParent = (parent: Parent): string =>
  JSON.stringify(Object.fromEntries(Object.entries(parent).sort(([a], [b]) => (a < b ? -1 : 1))));

const nameOf = ({ kind = 'Gateway', namespace, name }: Parent): string =>
  `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;

/** Where a route is served now: the parents whose controller accepts it. */
export const servedBy = ({ parents }: RouteStatus): ServingParent[] =>
  parents
    .filter(({ conditions }) => conditions.some(({ type, status }) => type === 'Accepted' && status === 'True'))
    .map(({ parentRef, controllerName }) => ({ parent: keyOfParent(parentRef), controller: controllerName }));

const WANTED = ['Accepted', 'ResolvedRefs'];

/**
 * Which parent has not taken over a generation of a route, in words; null when all have. A parent that no longer serves
 * the route at all, since its gateway is gone, has nothing to take over.
 */
export function parentBehind(
  { parents }: RouteStatus,
  generation: number,
  served: readonly ServingParent[],
): string | null {
  for (const { parentRef, controllerName, conditions } of parents) {
    const key = keyOfParent(parentRef);
    if (!served.some(({ parent, controller }) => parent === key && controller === controllerName)) continue;
    for (const type of WANTED) {
      const found = conditions.find((one) => one.type === type);
      if (!found || found.observedGeneration < generation)
        return `${controllerName} has not said ${type} of ${nameOf(parentRef)} for generation ${generation}`;
      if (found.status !== 'True')
        return `${controllerName} says ${type}=${found.status} of ${nameOf(parentRef)}: ${found.reason} ${found.message}`.trim();
    }
  }
  return null;
}
