import { isForbidden, isNotFound, type KubeClient, type KubeObject } from '@scc/kube';
import type { Violation } from '@scc/plan';
import type { SurveyRequest } from '@scc/routing';
import { messageOf } from '@scc/runtime';

const KINDS = ['HTTPRoute', 'GRPCRoute', 'TCPRoute', 'TLSRoute'];

/** Routes of the Gateway API are not divided: a Service that one of them sends to is refused, not half moved. */
export async function gatewayApiViolations(
  kube: KubeClient,
  { namespace, services }: Pick<SurveyRequest, 'namespace' | 'services'>,
): Promise<Violation[]> {
  const unread: Violation[] = [];
  const lists = await Promise.all(
    KINDS.map(async (kind) => {
      try {
        return (await kube.list({ apiVersion: 'gateway.networking.k8s.io/v1', kind })).items;
      } catch (error) {
        if (isForbidden(error)) unread.push(mayNotRead(kind, error));
        else if (!isNotFound(error)) throw error;
        return [];
      }
    }),
  );
  const uses = lists.flat().filter((route) => services.some(({ name }) => refersTo(route, { namespace, name })));
  const used = uses.map(({ kind, metadata }) => ({
    code: 'RouteCanNotBeDivided',
    field: 'spec.workloadRef',
    message: `${kind} ${metadata.namespace ?? ''}/${metadata.name ?? ''} of the Gateway API sends requests to the workload`,
    remedy: 'Route by a VirtualService for the time of the migration; routes of the Gateway API are not divided.',
  }));
  return [...unread, ...used];
}

/** A route that cannot be read may send requests past every weight. */
const mayNotRead = (kind: string, error: unknown): Violation => ({
  code: 'RoutesCannotBeRead',
  field: 'spec.workloadRef',
  message: `${kind}s of the Gateway API cannot be read: ${messageOf(error)}`,
  remedy: 'Give the worker get, list and watch on the routes of gateway.networking.k8s.io.',
});

/** Whether a backend reference somewhere in a Gateway API route names the Service. */
function refersTo(route: KubeObject, { namespace, name }: { namespace: string; name: string }): boolean {
  const own = route.metadata.namespace ?? '';
  const walk = (value: unknown): boolean => {
    if (Array.isArray(value)) return value.some(walk);
    if (typeof value !== 'object' || value === null) return false;
    const record = value as Record<string, unknown>;
    const refs = record['backendRefs'];
    const found =
      Array.isArray(refs) &&
      refs.some(
        (ref: Record<string, unknown>) =>
          ref['name'] === name && (ref['namespace'] ?? own) === namespace && (ref['kind'] ?? 'Service') === 'Service',
      );
    return found || Object.values(record).some(walk);
  };
  return walk(route['spec']);
}
