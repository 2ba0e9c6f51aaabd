import { PLAN_TYPE, type MigrationEvent, type PlanRef, type PlanStatus } from '@scc/plan';

export interface KubeEvent {
  regarding: { apiVersion: string; kind: string; namespace: string; name: string; uid?: string };
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
  action: string;
}

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
  'PlanValidated',
  'GatePassed',
  'WaitEnded',
  'UndoStepDone',
]);

/** Events without a sentence of their own say what the plan's status says. */
function sentence(event: MigrationEvent, status: PlanStatus): string {
  // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check -- the rest shares one sentence
  switch (event.type) {
    case 'PlanRejected':
      return event.violations.map(({ field, message, remedy }) => `${field}: ${message}. ${remedy}`).join(' | ');
    case 'WeightShifted':
      return `${event.weights.canary} % of requests go to the canary (verified by ${event.verifiedBy})`;
    case 'UndoStarted':
      return `rolling back: ${event.message}`;
    case 'WaitStarted':
      return event.message;
    case 'ConflictFound':
      return `${event.manager} changed ${event.object} (${event.fields.join(', ')}); left as it is`;
    case 'UndoStepFailed':
      return `undo of ${event.step} fails: ${event.message}`;
    default:
      return status.message ?? event.type;
  }
}

const MAX_MESSAGE = 1000;

/** What also belongs in `kubectl describe` of the workload itself. */
const OF_WORKLOAD: ReadonlySet<MigrationEvent['type']> = new Set([
  'PreparationStarted',
  'WorkloadMigrationStarted',
  'WorkloadMigrated',
  'MigrationCompleted',
  'UndoStarted',
  'UndoStepFailed',
  'ConflictFound',
  'UndoFinished',
]);

export interface EventSubjects {
  plan: PlanRef;
  /** Null while nobody knows which workload it is. */
  workload: { kind: string; name: string; uid: string } | null;
}

/** The Kubernetes Events of a batch of domain events, on the plan and on the workload. */
export function kubeEventsOf(
  { plan: { namespace, name, uid }, workload }: EventSubjects,
  status: PlanStatus,
  events: MigrationEvent[],
): KubeEvent[] {
  const plan = { ...PLAN_TYPE, namespace, name, uid };
  return events
    .filter(({ type }) => !QUIET.has(type))
    .flatMap((event) => {
      const said = {
        type: WARNINGS.has(event.type) ? ('Warning' as const) : ('Normal' as const),
        reason: event.type,
        message: sentence(event, status).slice(0, MAX_MESSAGE),
        action: 'Migrate',
      };
      if (!workload || !OF_WORKLOAD.has(event.type)) return [{ regarding: plan, ...said }];
      const message = `plan ${name}: ${said.message}`.slice(0, MAX_MESSAGE);
      return [
        { regarding: plan, ...said },
        { regarding: { apiVersion: 'apps/v1', namespace, ...workload }, ...said, message },
      ];
    });
}
