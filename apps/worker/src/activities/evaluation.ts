import { createHash } from 'node:crypto';
import { activityInfo } from '@temporalio/activity';
import type { EvaluationRequest, GovernanceClient, PlanIdentity } from '@scc/governance-api';
import type { GovernanceSummary, MigrationTarget } from '@scc/migration/contract';
import {
  AUTHOR_ANNOTATION,
  CAMPAIGN_ANNOTATION,
  CAMPAIGN_UID_ANNOTATION,
  durationMs,
  earlierEditorsOf,
  EDITOR_ANNOTATION,
  MAX_WARNINGS,
  type PlanSpec,
  type PolicyVerdictSaid,
  recordedIdentity,
} from '@scc/plan';
import type { SeenNeed } from '@scc/scc/scan';
import { isUndivided, type AssessedWorkload, type Facts } from '../assess/facts.js';
import type { MetricSource } from '../outside/prometheus.js';
import { kept } from './governance.js';
import { identityOf, type ReadPlan } from './plan.js';
import { withoutTemplates } from './target.js';

interface Asked {
  governance: GovernanceClient;
  metrics: MetricSource;
}

/** Typical time for canary, rollout and clean-up, or for one pod that moves by itself, without the holds, in milliseconds. */
const USUAL_WORK_MS = 60_000;

const expectedSeconds = ({ traffic }: PlanSpec, workload: AssessedWorkload): number => {
  const intervalMs = durationMs(traffic.interval);
  // A Deployment's pods are waited for twice: the first one, and the rest.
  const moves = workload.strategy.type === 'Rolling' ? 2 : workload.deployment.spec.replicas;
  const workMs = isUndivided(workload)
    ? moves * (intervalMs + USUAL_WORK_MS)
    : durationMs(traffic.mirror.duration) + traffic.weights.length * intervalMs + USUAL_WORK_MS;
  return workMs / 1000;
};

/** Copies, for the request is plain data. */
function identityIn(annotations: Facts['planAnnotations'], name: string): PlanIdentity['authorIdentity'] {
  const found = recordedIdentity(annotations, name);
  if (!found) return null;
  const extra = Object.entries(found.extra).map(([key, values]): [string, string[]] => [key, [...values]]);
  return { ...found, groups: [...found.groups], extra: Object.fromEntries(extra) };
}

/** The campaign that the plan is of; admission lets the engine alone say so. */
function campaignIn(annotations: Facts['planAnnotations']): PlanIdentity['campaign'] {
  const [name, uid] = [annotations[CAMPAIGN_ANNOTATION], annotations[CAMPAIGN_UID_ANNOTATION]];
  return uid === undefined ? null : { name: name ?? '', uid };
}

/** A workload of which no request is counted has nothing that a gate could judge. */
const quietWarnings = (requestsPerSecond: number | null, { gates }: PlanSpec): string[] =>
  requestsPerSecond || gates.metrics.every(({ preset, noData }) => preset === undefined || noData !== 'Wait')
    ? []
    : [
        'no request to the workload was counted in the last two minutes: while none is, its gates judge readiness, restarts and permission errors in logs instead',
      ];

/** An evaluation is more work for governance than its other answers are; in milliseconds. */
const EVALUATION_MS = 9_000;

/** The next try of an activity gets the answer that came too late for the one before, as long as the facts are the same. */
function keyOf(request: EvaluationRequest): string {
  const { workflowExecution, activityId } = activityInfo();
  const asked = [workflowExecution?.runId, activityId, request];
  return createHash('sha256').update(JSON.stringify(asked)).digest('base64url');
}

interface EvaluatedPlan {
  plan: ReadPlan;
  facts: Facts;
  workload: AssessedWorkload;
  target: MigrationTarget;
  evidence: SeenNeed[];
}

/** Asks governance to judge a plan with the facts that were gathered, and puts its answer as the workflow records it. */
export async function askGovernance(
  { governance, metrics }: Asked,
  { plan, facts, workload, target, evidence }: EvaluatedPlan,
): Promise<{ summary: GovernanceSummary; warnings: string[]; verdicts: PolicyVerdictSaid[] }> {
  const { ref } = target;
  const services = target.services.map(({ name }) => name);
  const scope = { namespace: ref.namespace, services };
  const requestsPerSecond = services.length === 0 ? null : await metrics.rate(scope).catch(() => null);
  const { deployment, object, pods } = workload;
  const request: EvaluationRequest = {
    plan: {
      ...identityOf(ref, plan),
      authorIdentity: identityIn(facts.planAnnotations, AUTHOR_ANNOTATION),
      editorIdentity: identityIn(facts.planAnnotations, EDITOR_ANNOTATION),
      earlierEditors: earlierEditorsOf(facts.planAnnotations) ?? null,
      createdAt: facts.planCreatedAt,
      campaign: campaignIn(facts.planAnnotations),
    },
    spec: plan.spec,
    facts: {
      workload: {
        kind: target.kind,
        name: target.workload,
        uid: target.workloadUid,
        labels: object.metadata.labels ?? {},
        replicas: deployment.spec.replicas,
        serviceAccountName: target.sourceServiceAccount,
      },
      namespaceLabels: { ...facts.namespace.labels },
      pods: pods
        .filter(({ leaving }) => !leaving)
        .map(({ name, uid, scc, node, ready }) => ({ name, uid, scc, node, ready })),
      sourceSCC: target.sourceSCC,
      targetSCC: target.targetSCC,
      podTemplate: target.templateBefore,
      patchedTemplate: target.templateAfter,
      services,
      dependents: null,
      requestsPerSecond,
      priorityClassName: deployment.spec.template.spec.priorityClassName ?? null,
      evidence,
    },
    expectedDurationSeconds: expectedSeconds(plan.spec, workload),
    target: withoutTemplates(target),
  };
  const evaluation = await governance.evaluate(ref.uid, request, {
    timeoutMs: EVALUATION_MS,
    idempotencyKey: keyOf(request),
  });
  const { assessmentId, band, changeRisk, exposure, factors } = evaluation.risk;
  return {
    summary: {
      verdict: evaluation.verdict,
      contentHash: evaluation.contentHash,
      violations: evaluation.violations,
      approvals: evaluation.approvals.map(({ role, count }) => ({ role, count })),
      waitUntilMs: evaluation.waitUntil === null ? null : Date.parse(evaluation.waitUntil),
      risk: { assessmentId, band, changeRisk, exposure, words: factors.map(({ words }) => words).join('; ') },
      rights: evaluation.rights.map(({ right, heldBy, lentBy = [] }) => ({
        right,
        heldBy: [...heldBy, ...lentBy.map((name) => `${name} (lends it)`)],
      })),
      checkpoint: evaluation.receipt.checkpoint,
      receipts: [kept(evaluation.receipt)],
    },
    warnings: [...evaluation.warnings, ...quietWarnings(requestsPerSecond, plan.spec)],
    verdicts: evaluation.recorded
      .slice(0, MAX_WARNINGS)
      .map(({ policy, because, would, message }) => ({ policy, because, would, message })),
  };
}
