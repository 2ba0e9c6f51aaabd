import { PLAN_GROUP, PLAN_KIND, PLAN_VERSION, type MigrationEvent, type PlanRef, type PlanStatus } from '@scc/plan';

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

/** The Kubernetes Events of a batch of domain events, on the plan. */
export function kubeEventsOf(
  { namespace, name, uid }: PlanRef,
  status: PlanStatus,
  events: MigrationEvent[],
): KubeEvent[] {
  const plan = { apiVersion: `${PLAN_GROUP}/${PLAN_VERSION}`, kind: PLAN_KIND, namespace, name, uid };
  return events
    .filter(({ type }) => !QUIET.has(type))
    .map((event) => ({
      regarding: plan,
      type: WARNINGS.has(event.type) ? 'Warning' : 'Normal',
      reason: event.type,
      message: sentence(event, status).slice(0, MAX_MESSAGE),
      action: 'Migrate',
    }));
}
