import type { GovernanceClient } from '@scc/governance-api';
import type { KubeClient, KubeObject } from '@scc/kube';
import {
  canaryName,
  durationMs,
  FIELD_MANAGER,
  isDivided,
  type PlanRef,
  type PlanSpec,
  type Violation,
  type WayIn,
} from '@scc/plan';
import type { TrafficRouter } from '@scc/routing';
import { messageOf } from '@scc/runtime';
import { type Pod, podSchema, type PodTemplate } from '@scc/scc';
import type { AcceptedPlan, Assessment, FactsSummary, MigrationTarget } from '@scc/migration/contract';
import { isAnswer } from '../failures.js';
import { violationsOf, warningsOf } from '../assess/checks.js';
import { divide, type Division, NOTHING_DIVIDED } from '../assess/division.js';
import { gatherEvidence, type ReadImages } from '../assess/evidence.js';
import { gatherFacts, isUndivided, observedSource, type AssessedWorkload, type Facts } from '../assess/facts.js';
import type { ReviewedVolumes } from '../assess/data-decision.js';
import { reviewJobGates } from '../assess/job-gates.js';
import { reviewSnapshots } from '../assess/snapshots.js';
import { neighbourViolations, podSecurityViolations } from '../assess/pod-security.js';
import { waysBeside } from '../assess/ways.js';
import { readRoom, refusedViolations } from '../assess/room.js';
import { afterwardsOf, reviewSource } from '../assess/source.js';
import { changedFurther, changeTemplate } from '../assess/template.js';
import { reviewVolumes } from '../assess/volumes.js';
import type { MetricSource } from '../outside/prometheus.js';
import type { ReviewGates } from '../outside/review.js';
import { askGovernance } from './evaluation.js';
import { updateStrategyOf } from './per-node.js';
import type { ReadPlan } from './plan.js';
import { podTemplateOf, preImageKeyOf, templatePathOf } from '../cluster/objects.js';
import { changedInStore } from '../cluster/taken-back.js';
import { ownPacesOf, pacesOf } from '../cluster/rolling.js';
import { asPodSCC } from '../cluster/rollout.js';

interface Deps {
  kube: KubeClient;
  governance: GovernanceClient;
  router: TrafficRouter;
  metrics: MetricSource;
  reviewGates: ReviewGates;
  readImages: ReadImages;
  /** How long requests under way are given to finish, in milliseconds. */
  drainMs: number;
  domain: string;
  root: string;
}

const furtherOf = (
  { gates: { jobs }, volumes }: PlanSpec,
  { census, owners }: ReviewedVolumes,
): Pick<MigrationTarget, 'jobs' | 'census' | 'owners' | 'snapshot'> => ({
  ...(jobs ? { jobs } : {}),
  ...(census ? { census } : {}),
  ...(owners ? { owners } : {}),
  ...(volumes?.snapshot ? { snapshot: volumes.snapshot } : {}),
});

const summaryOf = ({ workload, spec, ways }: Facts, routed: readonly WayIn[] = []): FactsSummary => ({
  sourceSCC: workload ? observedSource(workload, spec.targetSCC) : null,
  pods: workload ? workload.pods.filter(({ leaving }) => !leaving).map(asPodSCC) : [],
  services: workload?.services.map(({ name }) => name) ?? [],
  ways: [...routed, ...ways],
});

/** One of the pods under the source SCC, so that nothing is announced as lost that no pod has. */
async function readRunningPod(
  kube: KubeClient,
  { ref, spec }: Facts,
  workload: AssessedWorkload,
): Promise<Pod | undefined> {
  const source = observedSource(workload, spec.targetSCC);
  const running = workload.pods.find(({ leaving, scc }) => !leaving && scc !== null && scc === source);
  if (!running) return undefined;
  const pod = await kube.get({ apiVersion: 'v1', kind: 'Pod', namespace: ref.namespace, name: running.name });
  return pod && podSchema.parse(pod);
}

/** The template as the API server would hold it: with its defaults filled in, so that it can be compared later. */
async function asStored(
  kube: KubeClient,
  { object }: AssessedWorkload,
  template: PodTemplate,
): Promise<Record<string, unknown>> {
  const id = {
    apiVersion: object.apiVersion,
    kind: object.kind,
    namespace: object.metadata.namespace ?? '',
    name: object.metadata.name ?? '',
  };
  const body = [{ op: 'replace', path: `/${templatePathOf(object.kind).join('/')}`, value: template }];
  const stored = await kube.patch(id, { type: 'json', body, fieldManager: FIELD_MANAGER, dryRun: true });
  return podTemplateOf(stored);
}

type Rejected = Extract<Assessment, { ok: false }>;
/** An assessment with all of the target, which no workflow sees. */
export type JudgedPlan = Rejected | (Omit<Extract<Assessment, { ok: true }>, 'target'> & { target: MigrationTarget });
type AssessPlan = (ref: PlanRef, plan: ReadPlan) => Promise<JudgedPlan>;

const rejected = (facts: Facts, violations: Violation[], routed?: readonly WayIn[]): Rejected => ({
  ok: false,
  facts: summaryOf(facts, routed),
  violations,
});

/** Gathers the facts, makes every check, and asks governance: the last step before anything is touched. */
export const assessWith =
  (deps: Deps): AssessPlan =>
  async (ref, plan) => {
    try {
      return await assessment(deps)(ref, plan);
    } catch (error) {
      if (!isAnswer(error)) throw error;
      return { ok: false, facts: { sourceSCC: null, pods: [], services: [] }, violations: [cannotLook(error)] };
    }
  };

/** The cluster or governance answered that the plan cannot be assessed: waiting would not change that. */
const cannotLook = (error: unknown): Violation => ({
  code: 'CannotLook',
  field: 'spec',
  message: `the facts cannot be gathered: ${messageOf(error)}`,
  remedy: 'Give the worker the right that is named, or install the API that is missing, and apply the plan again.',
});

/** Why pods that are replaced could not be made again; what a canary needs beside the workload is judged with it. */
const refusedPods = async (
  kube: KubeClient,
  { ref }: Facts,
  { strategy, livePods }: AssessedWorkload,
  { spec: podSpec }: { spec: unknown },
): Promise<Violation[]> =>
  isDivided(strategy.type)
    ? []
    : refusedViolations(await readRoom(kube, ref.namespace), { podSpec, running: livePods });

const assessment =
  ({ kube, governance, router, metrics, reviewGates, readImages, drainMs, domain, root }: Deps): AssessPlan =>
  async (ref, plan) => {
    const { spec } = plan;
    const gathered = await gatherFacts(kube, ref, { spec, domain, root });
    const gates = await reviewGates(spec, ref.namespace);
    const judged = judgedBy(gathered);
    if (!judged) return rejected(gathered, [...violationsOf(gathered), ...gates.violations]);
    const { workload, targetSCC, kind, strategy } = judged;

    const runningPod = await readRunningPod(kube, gathered, workload);
    const images = await gatherEvidence(workload, readImages);
    const fitted = await changeTemplate(gathered, podTemplateOf(workload.object), {
      target: targetSCC,
      runningPod,
      images,
    });
    const division = isDivided(strategy.type)
      ? await divide({ kube, router }, { facts: gathered, workload, changed: fitted.ok ? fitted : null })
      : NOTHING_DIVIDED;
    const { label, ways } = division;
    const facts = { ...gathered, ways: waysBeside(ways, gathered.ways) };
    const violations = [...violationsOf(facts), ...gates.violations, ...division.blocking];
    violations.push(...(fitted.ok ? [] : fitted.violations), ...(await reviewJobGates(kube, spec, ref)));
    if (!label || !fitted.ok) return rejected(facts, violations);

    const services = workload.services.map(({ name }) => ({ name, canary: canaryName(name) }));
    const sourceServiceAccount = workload.deployment.spec.template.spec.serviceAccountName;
    const sourceSCC = observedSource(workload, spec.targetSCC);
    const data = await reviewVolumes(kube, facts, { workload, running: runningPod, migrated: fitted.pod });
    const changed = changedFurther(fitted, data.patch, spec.workloadRef);
    const source = reviewSource(workload.object, spec, changed.kustomizePatch);
    const after = afterwardsOf(workload.object.metadata, spec);
    violations.push(
      ...source.violations,
      ...data.violations,
      ...(await reviewSnapshots(kube, facts, workload)),
      ...division.violations,
      ...(await refusedPods(kube, facts, workload, changed.template)),
      ...podSecurityViolations(facts, changed.pod),
      ...(await neighbourViolations(kube, facts, {
        migrated: changed.pod,
        targetServiceAccount: facts.serviceAccount.name,
        sourceServiceAccount,
        sourceSCC,
      })),
    );
    const templates = await writtenTo(kube, workload, { wanted: changed.template, violations });
    if (!templates.ok) return rejected(facts, templates.violations, ways);

    const target: MigrationTarget = {
      ref,
      kind,
      strategy: strategy.type,
      workload: spec.workloadRef.name,
      workloadUid: workload.object.metadata.uid ?? '',
      canary: canaryName(spec.workloadRef.name),
      replicas: workload.deployment.spec.replicas,
      canaryReplicas: spec.canary.replicas,
      sourceSCC,
      targetSCC: spec.targetSCC,
      sourceServiceAccount,
      targetServiceAccount: facts.serviceAccount.name,
      label,
      services,
      templateBefore: templates.before,
      templateAfter: templates.after,
      policies: division.policies,
      autoscalers: heldAutoscalers(workload).map((object) => ({
        key: preImageKeyOf({
          apiVersion: object.apiVersion,
          kind: object.kind,
          namespace: ref.namespace,
          name: object.metadata.name ?? '',
        }),
        minReplicas: minReplicasOf(object),
      })),
      survey: division.survey,
      drainMs,
      ...ownFieldsOf(workload, durationMs(spec.gates.readiness.timeout), data.owners !== undefined),
      ...(after ? { after } : {}),
      ...furtherOf(spec, data),
    };
    const answer = await askGovernance(
      { governance, metrics },
      { plan, facts, workload, target, evidence: images.evidence },
    );
    const warnings = [
      ...changed.warnings,
      ...warningsOf(facts, data.owners !== undefined),
      ...data.warnings,
      ...division.warnings,
      ...source.warnings,
      ...gates.warnings,
      ...answer.warnings,
    ];
    return {
      ok: true,
      facts: summaryOf(facts, ways),
      plan: asJudged(plan.accepted, { division, target }),
      target,
      governance: answer.summary,
      patch: changed.patch,
      strategy,
      ...source.shown,
      warnings,
      ...(answer.verdicts.length > 0 ? { verdicts: answer.verdicts } : {}),
    };
  };

/** The template before, and as the API server would hold the changed one, unless something speaks against it. */
async function writtenTo(
  kube: KubeClient,
  workload: AssessedWorkload,
  { wanted, violations }: { wanted: PodTemplate; violations: Violation[] },
) {
  if (violations.length > 0) return { ok: false as const, violations };
  const before = podTemplateOf(workload.object);
  const after = await asStored(kube, workload, wanted);
  const comesBack = takenBack({ before, wanted, stored: after });
  return comesBack.length > 0 ? { ok: false as const, violations: comesBack } : { ok: true as const, before, after };
}

/** Another writer than the migration decides what the pods run with: its change would not be the one that was judged. */
const takenBack = (templates: Parameters<typeof changedInStore>[0]): Violation[] =>
  changedInStore(templates).map((change) => ({
    code: 'ChangeTakenBack',
    field: 'spec.podSecurity.patch',
    message: `a webhook of the cluster changes what is written to the workload: ${change}`,
    remedy:
      'Exempt the workload from the webhook that sets the field, or set it as the webhook does by podSecurity.patch.',
  }));

/** The subject that an assessment goes on with; null while it is not known which workload moves where, and how. */
function judgedBy({ workload, sccs, spec }: Facts) {
  const { kind } = spec.workloadRef;
  const targetSCC = sccs.byName.get(spec.targetSCC);
  if (!workload || !targetSCC) return null;
  return { workload, targetSCC, kind, strategy: workload.strategy };
}

/** A plan with what its facts make of it: what nothing mirrors is not waited for, and data is looked at before a canary uses it. */
function asJudged(
  accepted: AcceptedPlan,
  { division, target }: { division: Pick<Division, 'mirrorsNothing'>; target: MigrationTarget },
): AcceptedPlan {
  const plan = division.mirrorsNothing ? withoutMirror(accepted) : accepted;
  return isDivided(target.strategy) && target.census ? { ...plan, census: 'BeforeCanary' } : plan;
}

/** Gates would wait in vain for requests that no router copies. */
const withoutMirror = (plan: AcceptedPlan): AcceptedPlan => ({ ...plan, mirror: { ...plan.mirror, durationMs: 0 } });

/** The autoscalers whose minimum is held while a canary serves; where pods move one by one, none is touched. */
const heldAutoscalers = (workload: AssessedWorkload): KubeObject[] =>
  isUndivided(workload) ? [] : workload.autoscalers;

/**
 * The volumes that a StatefulSet's controller adds to each pod, and how pods are replaced where that is changed.
 * @param isStopped no pod is held back behind a first one
 */
const ownFieldsOf = (
  { object, ordered, daemon, strategy, claims }: AssessedWorkload,
  readyMs: number,
  isStopped: boolean,
): OwnFields => ({
  ...(ordered ? { claimTemplates: ordered.volumeClaimTemplates.map(({ metadata }) => metadata.name) } : {}),
  ...(daemon ? { updateStrategy: updateStrategyOf(object) } : {}),
  ...(strategy.type === 'Rolling' ? { pace: isStopped ? ownPacesOf(object) : pacesOf(object, claims) } : {}),
  ...(strategy.type === 'NextRun' ? { readyMs } : {}),
});
type OwnFields = Pick<MigrationTarget, 'claimTemplates' | 'updateStrategy' | 'pace' | 'readyMs'>;

const minReplicasOf = (autoscaler: KubeObject): number | null => {
  const { minReplicas } = autoscaler['spec'] as { minReplicas?: unknown };
  return typeof minReplicas === 'number' ? minReplicas : null;
};
