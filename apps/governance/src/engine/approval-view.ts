import { type ApprovalView, type EvaluationRequest, evaluationSchema } from '@scc/governance-api';
import { approvalStateFor } from '../approvals/requests.js';
import type { Database } from '../database/rows.js';
import { currentEvaluation, type MigrationRow } from '../plans/store.js';
import { compareSCCs } from '../policies/context.js';
import { Refusal } from '../refusal/refusal.js';
import { questionOf } from './question.js';
import { knownSCCs } from '../registry/versions.js';
import { nextStart } from '../schedule/calendar.js';

type Difference = ApprovalView['diff'][number];
const MAX_DIFFERENCES = 500;

/** Everything that an approver needs to decide about a plan as it was evaluated last. @throws Refusal `notFound` */
export async function approvalView(db: Database, migration: MigrationRow, now: Date): Promise<ApprovalView> {
  const evaluation = await currentEvaluation(db, migration);
  if (!evaluation) throw new Refusal('notFound', 'the plan was never evaluated');
  const { request, answer } = evaluation;
  const { plan, facts, spec } = request;
  const { verdict, violations, risk } = answer;
  const { contentHash, needs, edit } = await questionOf(db, evaluation);
  const warnings = [...answer.warnings, ...(edit?.loosened ?? []).map((what) => `edited while it runs: ${what}`)];
  // Evaluations from before there were any of them hold none.
  const uses = evaluationSchema.shape.rights.parse(answer.rights);
  const extras = evaluationSchema.shape.extras.parse(answer.extras);
  const { relation, gains, losses } = compareSCCs(facts, await knownSCCs(db, facts));
  const state = await approvalStateFor(db, { planUid: plan.uid, contentHash, needs }, now);
  const start = await nextStart(db, request, now);
  return {
    ...state,
    contentHash,
    verdict,
    author: plan.author,
    editors: plan.editors,
    ...{ warnings, violations },
    risk: { band: risk.band, changeRisk: risk.changeRisk, exposure: risk.exposure },
    rights: {
      serviceAccountName: spec.serviceAccountName ?? facts.workload.serviceAccountName,
      ...{ sourceSCC: facts.sourceSCC, targetSCC: facts.targetSCC, relation, gains, losses, uses },
    },
    extras,
    recorded: evaluationSchema.shape.recorded.parse(answer.recorded),
    plan: { uid: plan.uid, namespace: plan.namespace, name: plan.name },
    workload: {
      ...{ kind: facts.workload.kind, name: facts.workload.name, replicas: facts.workload.replicas },
      services: facts.services,
    },
    grants: grantsOf(request),
    ...{ traffic: spec.traffic, gates: spec.gates, rollback: spec.rollback },
    window: {
      ...{ notBefore: spec.schedule.notBefore ?? null, windows: spec.schedule.windows },
      expectedDurationSeconds: request.expectedDurationSeconds,
      ...{ mayStartAt: start.at?.toISOString() ?? null, reason: start.reason },
    },
    deadline: state.expiresAt,
    diff: differences(facts.podTemplate, facts.patchedTemplate),
  };
}

/** Whom the migration lets use an SCC, and from whom it takes that. */
function grantsOf({ plan, spec, facts }: EvaluationRequest): string[] {
  const before = facts.workload.serviceAccountName;
  const account = (name: string): string => `ServiceAccount ${plan.namespace}/${name}`;
  const given = `${account(spec.serviceAccountName ?? before)} gets the use of ${facts.targetSCC}`;
  if (facts.sourceSCC === null || facts.sourceSCC === facts.targetSCC) return [given];
  return spec.grants.source === 'Keep'
    ? [given, `${account(before)} keeps the use of ${facts.sourceSCC}`]
    : [given, `${account(before)} loses the use of ${facts.sourceSCC} at the end, unless another of its pods needs it`];
}

/** The change, member by member, at most so many. Lists are compared by position. */
export function differences(before: unknown, after: unknown, path = ''): Difference[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (!isContainer(before) || !isContainer(after) || Array.isArray(before) !== Array.isArray(after))
    return [{ path, before: before ?? null, after: after ?? null }];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys
    .flatMap((key) =>
      differences(before[key], after[key], `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`),
    )
    .slice(0, MAX_DIFFERENCES);
}

const isContainer = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
