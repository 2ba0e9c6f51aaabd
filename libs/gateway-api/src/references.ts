import type { Affinity, ServicePair, Testers } from '@scc/routing';
import type { Reference, RouteKind, Rule } from './schema.js';

/** Which Services are divided, and the route in whose words they are named. */
export interface RuleScope {
  /** Of the Services. */
  namespace: string;
  services: ServicePair[];
  kind: RouteKind;
  /** Of the route. */
  routeNamespace: string;
  /** Whose requests all go to the canary, beside its share. */
  testers?: Testers | undefined;
  /** By which clients that met the canary stay there while it has a share. */
  affinity?: Affinity | undefined;
}

const isService = ({ group = '', kind = 'Service' }: Reference): boolean => group === '' && kind === 'Service';

const names = (reference: Reference, service: string, { namespace, routeNamespace }: RuleScope): boolean =>
  isService(reference) && reference.name === service && (reference.namespace ?? routeNamespace) === namespace;

export const pairOf = (reference: Reference, scope: RuleScope): ServicePair | undefined =>
  scope.services.find(({ name }) => names(reference, name, scope));

export const isCanary = (reference: Reference, scope: RuleScope): boolean =>
  scope.services.some(({ canary }) => names(reference, canary, scope));

/** Whether a rule sends requests to one of the Services; a mirror of its own is none. */
export const ruleSendsTo = ({ backendRefs }: Rule, scope: RuleScope): boolean =>
  (backendRefs ?? []).some((backend) => pairOf(backend, scope) !== undefined);
