import type { KubeObject } from '@scc/kube';
import { isRecord, type Accepted, type Violation } from '@scc/plan';
import { nameIn } from '../cluster/served.js';
import { NAMED_AS_SERVICE, type SurveyedPolicies } from '../cluster/policy-kinds.js';
import { foreignPeers, isOfOneSide, refersToOneSide, routesOneSide, type Sides } from '../cluster/selectors.js';
import { isAccepted, isAcceptedUnread } from './ways.js';

interface Asked {
  namespace: string;
  sides: Sides;
  services: readonly string[];
  accept: readonly Accepted[];
}

const PAUSED = 'autoscaling.keda.sh/paused';
const SCALERS: Readonly<Record<string, string>> = {
  ScaledObject:
    'scales the workload by what it measures, to nothing where it measures nothing, and knows nothing of the canary that serves in its place',
  VerticalPodAutoscaler: "sizes the workload's pods, and may evict them to do so, and not the canary's",
};

/** What is known of objects that scale one side; null for any other, `why` null for one that changes nothing now. */
function scaling({ kind, metadata, ...object }: KubeObject, sides: Sides): { why: string | null } | null {
  const words = SCALERS[kind];
  if (words === undefined) return null;
  const spec = isRecord(object['spec']) ? object['spec'] : {};
  const policy = isRecord(spec['updatePolicy']) ? spec['updatePolicy'] : {};
  const isIdle = metadata.annotations?.[PAUSED] === 'true' || policy['updateMode'] === 'Off';
  return { why: refersToOneSide(spec, sides) && !isIdle ? words : null };
}

/** Why an object that is not copied treats the two sides differently, or null. */
function difference(object: KubeObject, { namespace, sides, services }: Asked): string | null {
  const { kind, metadata } = object;
  const spec = object['spec'];
  if (NAMED_AS_SERVICE.includes(kind))
    return services.some((name) => name === metadata.name)
      ? `is of the Service ${metadata.name} by its name, and not of the canary's pods, whose requests to the outside would come from another address`
      : null;
  if (kind === 'NetworkPolicy')
    return isOfOneSide(foreignPeers(spec), sides) ? "lets the workload's pods through and not the canary's" : null;
  if (kind === 'VirtualService')
    return routesOneSide(object, sides, namespace)
      ? "routes what the workload's pods send by their labels (sourceLabels), and not what the canary's do"
      : null;
  const scales = scaling(object, sides);
  if (scales !== null) return scales.why;
  if (kind === 'EnvoyFilter') {
    const text = JSON.stringify(spec ?? {});
    // A Service whose name ends like another one's is not that one.
    const named = services.find((name) => new RegExp(`(?<![a-z0-9-])${name}\\.${namespace}\\.svc`).test(text));
    return named === undefined ? null : `changes the requests to ${named} by its host, which the canary's host is not`;
  }
  return isOfOneSide({ ...object, metadata: null, status: null }, sides)
    ? "picks the workload's pods, and nothing is known of what it does, so that the canary would be without it"
    : null;
}

const REMEDIES: Readonly<Record<string, string>> = {
  ScaledObject: `Pause it for the time of the migration (annotation ${PAUSED}: "true")`,
  VerticalPodAutoscaler: 'Set its updateMode to Off for the time of the migration',
};

const refusal = (object: KubeObject, namespace: string, why: string): Violation => {
  const { kind } = object;
  const name = nameIn(namespace, object);
  return {
    code: 'PolicyNotCopied',
    field: 'spec.traffic.accept',
    message: `${kind} ${name} ${why}`,
    remedy: `${REMEDIES[kind] ?? `Let ${kind} ${name} pick both sides for the time of the migration`}, or accept the difference by spec.traffic.accept: [{kind: ${kind}, name: '${name}'}].`,
  };
};

/** Objects that are not copied and pick one side alone must be accepted by name; so must kinds that cannot be read. */
export function policyViolations({ copied, foreign, unread }: SurveyedPolicies, asked: Asked): Violation[] {
  const { namespace, accept, sides } = asked;
  const attached = copied.filter((object) => refersToOneSide(object['spec'], sides));
  const refused = [...attached, ...foreign].flatMap((object) => {
    const why = attached.includes(object)
      ? "is attached to the Service, and not to the canary's"
      : difference(object, asked);
    if (why === null || isAccepted(accept, { kind: object.kind, name: nameIn(namespace, object) }, namespace))
      return [];
    return [refusal(object, namespace, why)];
  });
  const unknown = unread
    .filter(({ kind }) => !isAcceptedUnread(accept, kind))
    .map(({ kind, reason }) => ({
      code: 'PolicyCannotBeRead',
      field: 'spec.traffic.accept',
      message: `whether a ${kind} picks the workload's pods is not known: ${reason}`,
      remedy: `Give the worker list on it (worker.moreKinds of the chart), or do without a look at them, by spec.traffic.accept: [{kind: ${kind}, name: '*'}].`,
    }));
  return [...refused, ...unknown];
}

/** Kinds of the platform that were not looked at, in one sentence. */
export const policyWarnings = ({ unreadOfPlatform }: SurveyedPolicies): string[] =>
  unreadOfPlatform.length === 0
    ? []
    : [
        `not looked at, since the worker may not list them (worker.moreKinds of the chart): ${unreadOfPlatform.map(({ kind }) => kind).join(', ')}`,
      ];
