import type { MigrationEvent, UndoCause, Violation } from '@scc/plan';
import { commandSentence, plural } from '@scc/plan/words';
import type { AcceptedPlan, Assessment, MigrationOutline } from './contract.js';
import { FAILURE } from './contract.js';
import { spanOf } from './spans.js';

/** The next act once the facts are known and governance has answered. */
export type Verdict =
  | { do: 'reject'; violations: Violation[] }
  | { do: 'finishDryRun'; message: string }
  | { do: 'proceed'; needsApproval: boolean; roles: { role: string; count: number }[]; notBeforeMs: number | null };

const latest = (...times: (number | null)[]): number | null => {
  const known = times.filter((time) => time !== null);
  return known.length ? Math.max(...known) : null;
};

/** Decides after validation. Every violation, ours and governance's, is reported at once. */
export function decideAfterAssessment(plan: AcceptedPlan, assessment: Assessment): Verdict {
  if (!assessment.ok) return { do: 'reject', violations: assessment.violations };
  const { governance, patch, target, strategy } = assessment;
  if (governance.verdict === 'deny' || governance.violations.length > 0)
    return { do: 'reject', violations: governance.violations };
  if (plan.dryRun) {
    const services = target.services.join(', ') || 'no service';
    const moves = movesOf(plan, target, services);
    const chosen = strategy ? ` Strategy: ${strategy.type}, because ${strategy.reason}.` : '';
    const baked =
      plan.bakeMs && target.strategy !== 'NextRun'
        ? `, watch it for ${plural(Math.ceil(plan.bakeMs / 1000), 'second')}`
        : '';
    const steps = `grant ${target.targetSCC}, ${moves}${baked}`;
    return {
      do: 'finishDryRun',
      message: `dry run, nothing was touched.${chosen} Steps: ${steps}. Change of the template:\n${patch}`,
    };
  }
  const asked = governance.verdict === 'requireApproval' ? governance.approvals : [];
  const own = plan.approvalRequired && asked.length === 0 ? [{ role: 'approver', count: 1 }] : [];
  return {
    do: 'proceed',
    needsApproval: asked.length + own.length > 0,
    roles: [...asked, ...own],
    notBeforeMs: latest(plan.notBeforeMs, governance.waitUntilMs),
  };
}

function nextRunOf({ run }: AcceptedPlan, kind: MigrationOutline['kind']): string {
  const longest = spanOf(run?.waitMs ?? 0);
  if (kind !== 'CronJob')
    return `template, then its first pods, which are waited for, for ${longest} at most; where none starts, it ends as not observed`;
  return `${run?.trial === true ? 'a trial run now, ' : ''}template, then its next run, which is waited for until it ends, for ${longest} at most`;
}

/** The steps that a dry run promises after the grant. */
function movesOf(
  plan: AcceptedPlan,
  { strategy = 'Canary', replicas, kind, stopped }: MigrationOutline,
  services: string,
): string {
  if (stopped)
    return `stop all ${plural(replicas, 'pod')} (an outage), give their data to the new user, template, then all pods start again behind ${services}`;
  switch (strategy) {
    case 'Rolling':
      return `template, by which one pod of ${replicas} moves and is judged, then the others at the Deployment's own pace behind ${services}`;
    case 'Ordered':
      return `template with its partition at ${replicas}, then its pods one by one from ${replicas - 1} to 0 behind ${services}`;
    case 'PerNode':
      return `template with pods replaced by deletion alone (OnDelete), then its pods on ${plural(replicas, 'node')} one by one behind ${services}, then its own update strategy again`;
    case 'NextRun':
      return nextRunOf(plan, kind);
    case 'Canary':
      return canaryMoves(plan, replicas, services);
  }
}

function canaryMoves({ trialMs, mirror, weights }: AcceptedPlan, replicas: number, services: string): string {
  if (trialMs === undefined)
    return `canary of ${replicas}, mirror, weights ${weights.join('→')} of ${services}, migrate`;
  const copies = mirror.percentage > 0 && mirror.durationMs > 0 ? `, copies of requests to ${services}` : '';
  const span = plural(Math.ceil(trialMs / 1000), 'second');
  return `canary of ${replicas}${copies} for ${span}, then everything is taken back`;
}

/** Why the migration was asked to stop from outside, or null. */
export type StopCommand = {
  command: 'abort' | 'rollback' | 'delete';
  actor: string | null;
  reason: string | null;
} | null;

/** The event that opens an undo: what made it necessary. */
export function undoStarted(
  stop: StopCommand,
  failure: { type: string; message: string },
): Extract<MigrationEvent, { type: 'UndoStarted' }> {
  if (stop) {
    const { command, actor, reason } = stop;
    if (command === 'delete') return { type: 'UndoStarted', cause: 'deleted', message: 'the plan was deleted' };
    return { type: 'UndoStarted', cause: command, message: commandSentence({ command, actor, reason }) };
  }
  return { type: 'UndoStarted', cause: causeOf(failure.type), message: failure.message };
}

/** The event that opens the undo of a trial that has passed. */
export const trialOver = ({ message }: Error): Extract<MigrationEvent, { type: 'UndoStarted' }> => ({
  type: 'UndoStarted',
  cause: 'trial',
  message: `the trial is over: ${message}`,
});

function causeOf(type: string): UndoCause {
  switch (type) {
    case FAILURE.gate:
      return 'gate';
    case FAILURE.readiness:
      return 'readiness';
    case FAILURE.admission:
      return 'admission';
    case FAILURE.rollout:
      return 'rollout';
    case 'WorkflowLost':
      return 'lost';
    default:
      return 'error';
  }
}
