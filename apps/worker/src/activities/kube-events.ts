import type { KubeEvent } from '@scc/kube';
import {
  apiVersionOf,
  type MigratedKind,
  PLAN_TYPE,
  sentenceOf,
  type MigrationEvent,
  type PlanRef,
  type PolicyVerdictSaid,
  verdictSentence,
} from '@scc/plan';

/** Events worth a line in `kubectl describe`; all others are in the plan's status and the audit log. */
const WARNINGS: ReadonlySet<MigrationEvent['type']> = new Set([
  'PlanRejected',
  'ApprovalRefused',
  'GateFailed',
  'UndoStarted',
  'UndoStepFailed',
  'ConflictFound',
]);
const QUIET: ReadonlySet<MigrationEvent['type']> = new Set([
  'FactsGathered',
  'GatePassed',
  'WaitEnded',
  'UndoStepDone',
]);

const MAX_MESSAGE = 1000;

/** Events that also belong in `kubectl describe` of the workload itself. */
const OF_WORKLOAD: ReadonlySet<MigrationEvent['type']> = new Set([
  'PreparationStarted',
  'WorkloadStopped',
  'OwnersChanged',
  'WorkloadMigrationStarted',
  'WorkloadMigrated',
  'MigrationCompleted',
  'UndoStarted',
  'UndoStepFailed',
  'ConflictFound',
  'UndoFinished',
]);

const VERDICT_REASONS: Record<PolicyVerdictSaid['because'], string> = {
  warn: 'PolicyWarned',
  audit: 'PolicyAudited',
  exception: 'PolicyLifted',
};

/** The event of what a policy said that did not stop the plan. */
const verdictEvent = (verdict: PolicyVerdictSaid): Omit<KubeEvent, 'regarding'> => ({
  type: verdict.because === 'audit' ? 'Normal' : 'Warning',
  reason: VERDICT_REASONS[verdict.because],
  message: verdictSentence(verdict).slice(0, MAX_MESSAGE),
  action: 'Validate',
});

export interface EventSubjects {
  plan: PlanRef;
  /** Null while the workload is unknown. */
  workload: { kind: MigratedKind; name: string; uid: string } | null;
}

const isWarning = (event: MigrationEvent): boolean =>
  WARNINGS.has(event.type) || (event.type === 'StableSideSeen' && !event.isSilent);

/** The Kubernetes Events of a batch of domain events, on the plan and on the workload. */
export function kubeEventsOf(
  { plan: { namespace, name, uid }, workload }: EventSubjects,
  events: MigrationEvent[],
): KubeEvent[] {
  const plan = { ...PLAN_TYPE, namespace, name, uid };
  return events.flatMap((event): KubeEvent[] => {
    if (event.type === 'PlanValidated')
      return (event.verdicts ?? []).map((verdict) => ({ regarding: plan, ...verdictEvent(verdict) }));
    if (QUIET.has(event.type)) return [];
    const said = {
      type: isWarning(event) ? ('Warning' as const) : ('Normal' as const),
      reason: event.type,
      message: sentenceOf(event).slice(0, MAX_MESSAGE),
      action: 'Migrate',
    };
    if (!workload || !OF_WORKLOAD.has(event.type)) return [{ regarding: plan, ...said }];
    const message = `plan ${name}: ${said.message}`.slice(0, MAX_MESSAGE);
    return [
      { regarding: plan, ...said },
      { regarding: { apiVersion: apiVersionOf(workload.kind), namespace, ...workload }, ...said, message },
    ];
  });
}
