import type { CampaignPhase, MemberState } from '@scc/plan/words';

/** Everything that another process may know of the workflow of a campaign: names, messages and payloads. */

export const CAMPAIGN_WORKFLOW = 'campaignWorkflow';

/** Which campaign; `uid` makes a recreated one another. */
export interface CampaignRef {
  name: string;
  uid: string;
}

export const campaignWorkflowIdOf = ({ uid }: CampaignRef): string => `scc-campaign/${uid}`;

/** One workload of a wave as the workflow knows it. */
export interface TrackedMember {
  namespace: string;
  kind: string;
  name: string;
  serviceAccount: string;
  /** Absent in boards of earlier versions, as `calls` is. */
  targetSCC?: string;
  /** Other members that its template names, by `memberKey`. */
  calls?: string[];
  state: MemberState;
  /** The name of its plan, once there is one. */
  plan?: string;
  /** What governance made of its plan, once that has ended: the risk of its change. */
  risk?: number;
}

export interface TrackedWave {
  hash: string;
  members: TrackedMember[];
}

/** The settings of a campaign that may change while it runs. */
export interface CampaignSettings {
  generation: number;
  author: string | null;
  maxConcurrent: number;
  failureBudget: number;
  soakMs: number;
  /** Whether one of its windows was open when it was read, and until when (null: for as long as is known). */
  window?: { isOpen: boolean; untilMs: number | null };
  approvalRequired: boolean;
  approvals: { wave: number; hash: string; by: string }[];
  attempt: number;
  suspend: boolean;
  abort: boolean;
}

export interface CampaignBegin {
  waves: TrackedWave[];
  attempt: number;
  settings: CampaignSettings;
}

/** The end of one member's plan. */
export interface MemberOutcome {
  namespace: string;
  plan: string;
  state: 'Completed' | 'Failed';
  message: string;
  /** Absent where governance did not score it, as in the histories of earlier versions. */
  risk?: number;
}

/** What a campaign looks like from outside now; `settings` is null when it is gone or being deleted. */
export interface CampaignSeen {
  settings: CampaignSettings | null;
  outcomes: MemberOutcome[];
}

export interface CampaignWait {
  /** Of the settings that the workflow knows. */
  generation: number;
  running: { namespace: string; plan: string }[];
  /** Milliseconds since the epoch after which there is no more to wait for; null: only for a change. */
  untilMs: number | null;
}

/** A command that reached the workflow as a signal: it names its sender as they like. */
export interface CampaignSignal {
  command: 'pause' | 'resume' | 'abort';
  /** Null where it names nobody. */
  claimedActor: string | null;
  atMs: number;
}

/** What the status of a campaign is to say; members that are not named stay as they are. */
export interface CampaignReport {
  phase: CampaignPhase;
  message: string;
  wave: number;
  attempt: number;
  generation: number;
  soakUntilMs: number | null;
  /** Those that came since the report before. */
  signals?: CampaignSignal[];
  changed: { namespace: string; kind: string; name: string; state: MemberState; plan?: string; message?: string }[];
}

/** The calls of the workflow to the outside; each is idempotent. */
export interface CampaignActivities {
  /** Makes the board unless the status has one; a text when the campaign cannot begin, null when it is gone. */
  beginCampaign: (ref: CampaignRef) => Promise<CampaignBegin | string | null>;
  /** Creates the plan of one member of the board; a text when it is refused. */
  createPlan: (
    ref: CampaignRef,
    request: { namespace: string; kind: string; name: string; attempt: number },
  ) => Promise<{ plan: string } | { refused: string }>;
  /** Waits until a plan has ended, the campaign was edited or deleted, or the time is over. */
  awaitChange: (ref: CampaignRef, wait: CampaignWait) => Promise<CampaignSeen>;
  reportCampaign: (ref: CampaignRef, report: CampaignReport) => Promise<void>;
}

export interface CampaignInput {
  ref: CampaignRef;
  /** The state that an earlier run hands over when its history has grown long. */
  carried?: CampaignCarried;
}

export interface CampaignState {
  waves: TrackedWave[];
  attempt: number;
  soakUntilMs: number | null;
}

export interface CampaignCarried {
  state: CampaignState;
  settings: CampaignSettings;
  stopped: { paused: boolean; aborted: boolean };
  /** Not reported yet; absent in runs of earlier versions. */
  signals?: CampaignSignal[];
}
