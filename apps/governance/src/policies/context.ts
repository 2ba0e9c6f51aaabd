import type { Evaluation, EvaluationRequest } from '@scc/governance-api';
import { RISK_BANDS } from '@scc/plan';
import { type CelData, celFactsOf } from '@scc/policy';
import { compare, compileSCC, extrasOf, type SecurityContextConstraints } from '@scc/scc';
import { isUnbound, type KnownSCCs } from '../registry/versions.js';

/** The ends of earlier migrations of the workload in the last 90 days. */
export interface WorkloadHistory {
  completed: number;
  undone: number;
}

export interface PolicyQuestionFacts {
  request: EvaluationRequest;
  risk: Evaluation['risk'];
  sccs: KnownSCCs;
  history: WorkloadHistory;
  now: Date;
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** The facts as policies read them; every field is always there, null where nothing is known. */
export function policyContext({ request, risk, sccs, history, now }: PolicyQuestionFacts): Record<string, CelData> {
  const { plan, spec, facts, expectedDurationSeconds } = request;
  const { justification, gates, traffic, ...rest } = spec;
  const data = {
    plan: {
      ...rest,
      namespace: plan.namespace,
      name: plan.name,
      author: plan.author,
      generation: plan.generation,
      justification: justification ?? '',
      // A gate that ends nothing is none to a policy that asks for gates.
      metrics: gates.metrics.filter(({ dryRun }) => !dryRun).map(({ name }) => name),
      weights: traffic.weights,
      mirror: traffic.mirror,
      minutes: Math.ceil(expectedDurationSeconds / 60),
    },
    workload: {
      kind: facts.workload.kind,
      name: facts.workload.name,
      labels: facts.workload.labels,
      replicas: facts.workload.replicas,
      serviceAccountName: facts.workload.serviceAccountName,
      pods: facts.pods.length,
      services: facts.services,
      dependents: facts.dependents,
      requestsPerSecond: facts.requestsPerSecond,
      priorityClassName: facts.priorityClassName,
      template: facts.podTemplate,
      patchedTemplate: facts.patchedTemplate,
    },
    namespace: { name: plan.namespace, labels: facts.namespaceLabels },
    scc: comparison(facts, sccs),
    patch: patchOf(extrasIn(facts, sccs)),
    risk: {
      band: risk.band,
      level: RISK_BANDS.indexOf(risk.band),
      raisedBy: risk.raisedBy,
      changeRisk: risk.changeRisk,
      exposure: risk.exposure,
      low: risk.interval[0],
      high: risk.interval[1],
    },
    time: { now: now.toISOString(), hour: now.getUTCHours(), weekday: WEEKDAYS[now.getUTCDay()] },
    history: { ...history },
  };
  return celFactsOf(data);
}

/** Fields that a message names; the evaluation holds all of them. */
const NAMED_FIELDS = 10;
/** Changes that are kept. More of them are not needed to know that a person has to look. */
const MAX_EXTRAS = 200;

/** The changes of the pod template beyond the needs of the plan's target. */
export const extrasIn = (
  { podTemplate, patchedTemplate }: Pick<EvaluationRequest['facts'], 'podTemplate' | 'patchedTemplate'>,
  { target }: Pick<KnownSCCs, 'target'>,
): Evaluation['extras'] => extrasOf(podTemplate, patchedTemplate, target).slice(0, MAX_EXTRAS);

function patchOf(extras: Evaluation['extras']): Record<string, unknown> {
  const named = extras.slice(0, NAMED_FIELDS).map(({ field }) => field);
  const more = extras.length > named.length ? `, and ${extras.length - named.length} more` : '';
  return { extras, kinds: [...new Set(extras.map(({ kind }) => kind))], fields: `${named.join(', ')}${more}` };
}

/** How two SCCs differ in what they permit; `unknown` when one of them is not known by content. */
export function compareSCCs(
  facts: Pick<EvaluationRequest['facts'], 'sourceSCC' | 'pods'>,
  { source, target }: KnownSCCs,
): { relation: string; loosens: boolean; gains: string[]; losses: string[] } {
  if (!source || !target) return { relation: 'unknown', loosens: !isUnbound(facts), gains: [], losses: [] };
  const { relation, gains, losses } = compare(compileSCC(source), compileSCC(target));
  return {
    relation,
    loosens: relation === 'wider' || relation === 'incomparable',
    gains: gains.map(({ dimension }) => dimension),
    losses: losses.map(({ dimension }) => dimension),
  };
}

/**
 * A target that is not known is treated as permitting everything, and a source that is not known, or a mixture, as
 * permitting nothing. Pods of which none runs under an SCC are bound by none, so that any target only takes away.
 */
function comparison(facts: EvaluationRequest['facts'], sccs: KnownSCCs): Record<string, unknown> {
  const { source, target } = sccs;
  return {
    source: facts.sourceSCC,
    target: facts.targetSCC,
    targetPrivileged: target?.allowPrivilegedContainer ?? true,
    targetHost: target ? usesHost(target) : true,
    known: source !== null && target !== null,
    ...compareSCCs(facts, sccs),
  };
}

const usesHost = (scc: SecurityContextConstraints): boolean =>
  [scc.allowHostNetwork, scc.allowHostPID, scc.allowHostIPC, scc.allowHostPorts, scc.allowHostDirVolumePlugin].some(
    (allowed) => allowed,
  );
