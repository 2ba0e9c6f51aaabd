import type { StableSide, WaitReason } from '@scc/plan';

type ConditionType =
  | 'Validated'
  | 'Approved'
  | 'WindowOpen'
  | 'WorkloadFree'
  | 'RightsHeld'
  | 'Stopped'
  | 'Paused'
  | 'GovernanceReachable'
  | 'Progressing'
  | 'RunAwaited'
  | 'CanaryReady'
  | 'StableSilent'
  | 'WorkloadMigrated'
  | 'Completed'
  | 'RolledBack'
  | 'Rejected'
  | 'Finished';

/** A condition of the plan's status as an event sets it. */
export type ConditionChange = [type: ConditionType, status: 'True' | 'False', reason: string, message: string];
type WithoutMessage = [type: ConditionType, status: 'True' | 'False', reason: string];

/** What it rests on that the workload's own pods get no request any more, as the reason of a condition. */
export const SILENT_BY: Record<StableSide['restsOn'], string> = {
  counters: 'CountersStand',
  proxies: 'ProxiesLeadAway',
  bound: 'RoutesLeadAway',
};

const held = (reason: WaitReason): { during: WithoutMessage; after: ConditionChange } => ({
  during: ['Paused', 'True', reason],
  after: ['Paused', 'False', 'Resumed', 'the migration goes on'],
});

/**
 * The condition that a wait sets while it lasts, and once it is over. An approval's outcome has an event of its own.
 */
export const WAIT_CONDITIONS: Record<WaitReason, { during: WithoutMessage; after: ConditionChange | null }> = {
  Approval: { during: ['Approved', 'False', 'WaitingForApproval'], after: null },
  Window: {
    during: ['WindowOpen', 'False', 'OutsideWindow'],
    after: ['WindowOpen', 'True', 'InWindow', 'the migration may run now'],
  },
  OtherPlan: {
    during: ['WorkloadFree', 'False', 'OtherPlan'],
    after: ['WorkloadFree', 'True', 'NoOtherPlan', 'no other plan migrates the workload'],
  },
  Rights: {
    during: ['RightsHeld', 'False', 'RightLost'],
    after: ['RightsHeld', 'True', 'RightsHeld', 'the author of the plan holds every right that it uses'],
  },
  Stopped: {
    during: ['Stopped', 'True', 'EmergencyStop'],
    after: ['Stopped', 'False', 'StopLifted', 'the emergency stop was lifted'],
  },
  Reapproval: {
    during: ['Approved', 'False', 'AskedAgain'],
    after: ['Approved', 'True', 'Granted', 'the edit of the running plan is approved'],
  },
  Paused: held('Paused'),
  Suspended: held('Suspended'),
  AfterFailure: held('AfterFailure'),
  Governance: {
    during: ['GovernanceReachable', 'False', 'NoAnswer'],
    after: ['GovernanceReachable', 'True', 'Answers', 'governance answers'],
  },
  Retry: {
    during: ['Progressing', 'False', 'Retrying'],
    after: ['Progressing', 'True', 'Retried', 'the failed step is tried again'],
  },
  Run: {
    during: ['RunAwaited', 'True', 'AwaitingRun'],
    after: ['RunAwaited', 'False', 'NoRunAwaited', 'no run is waited for any more'],
  },
};
