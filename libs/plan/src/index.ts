export {
  LEAST_REACHABLE,
  CAMPAIGN_LIVE_FIELDS,
  type CampaignSpec,
  type CampaignSpecInput,
  type Member,
  MOST_WORKLOADS,
  parseCampaign,
} from './campaign.js';
export { campaignCRD } from './campaign-crd.js';
export { type CampaignEdit, editsAnnotation, editsOf } from './campaign-edits.js';
export { CAMPAIGN_PHASES, isCampaignOver, MEMBER_STATES } from './campaign-phases.js';
export { campaignStatusSchema, type CampaignStatus, type MemberStatus } from './campaign-status.js';
export { setCondition } from './conditions.js';
export { planCRD } from './crd.js';
export { durationMs } from './duration.js';
export { type LiveParts, loosenedBy } from './live-edits.js';
export {
  migrationEventSchema,
  recordedEventSchema,
  stableSideSchema,
  trafficSummarySchema,
  type BothSides,
  bothSidesSchema,
  type GateSample,
  type SideFigures,
  type MigrationEvent,
  type PodSCC,
  type StableSide,
  type RecordedEvent,
  type TrafficSummary,
  type UndoCause,
  type UndoReason,
  type PolicyVerdictSaid,
} from './events.js';
export {
  campaignPlanName,
  canaryAnnotations,
  affinityCookie,
  canaryLabels,
  gateJobName,
  gateLabels,
  snapshotName,
  canaryName,
  clusterRoleName,
  copyName,
  grantBindingName,
  labelValue,
  planLabelValue,
  planNameOf,
  UNDO_NAMESPACE,
  UNDO_SECRET_TYPE,
  undoneSecretName,
  undoSecretName,
} from './names.js';
export {
  AUTHOR_UNKNOWN,
  cannotLend,
  lacksRight,
  orBorrow,
  recordIsOld,
  rightsOf,
  systemNamespaceViolations,
  type ResourceAttributes,
  type Right,
} from './rights.js';
export { kindViolation, REFUSED_KINDS, requiringPatch } from './refused-kinds.js';
export { trialViolations } from './trials.js';
export { comparisonViolations, editViolations, parseSpec, SERVICES_IN_QUERY } from './rules.js';
export {
  phaseSchema,
  planSpecSchema,
  planStatusSchema,
  riskBandSchema,
  violationSchema,
  workloadRefSchema,
  type Accepted,
  type Condition,
  type JobGate,
  type MetricGate,
  type PlanSpec,
  type PlanSpecInput,
  type PlanStatus,
  type Violation,
  type WayIn,
  type WorkloadRef,
} from './schema.js';
export { COMMANDS, STEPS, type CommandName, type Step } from './commands.js';
export {
  earlierEditorsAnnotation,
  earlierEditorsOf,
  unrecordable,
  AUTHORSHIP_ANNOTATIONS,
  editorsAnnotation,
  editorsOf,
  type Identity,
  identityAnnotations,
  recordedIdentity,
} from './identity.js';
export {
  CAMPAIGN_KIND,
  CAMPAIGN_TYPE,
  PLAN_API_VERSION,
  PLAN_GROUP,
  PLAN_KIND,
  PLAN_TYPE,
  PLAN_VERSION,
  plansPath,
  type PlanRef,
} from './kinds.js';
export {
  AUTHOR_ANNOTATION,
  CAMPAIGN_ANNOTATION,
  CAMPAIGN_AUTHOR_ANNOTATION,
  CAMPAIGN_LABEL,
  CAMPAIGN_MARKS,
  CAMPAIGN_UID_ANNOTATION,
  CANARY_ROLE,
  CRITICALITY_LABEL,
  ASKED_ABOUT_NOTHING,
  DISABLED_ANNOTATION,
  DRY_RUN_USER,
  EDITOR_ANNOTATION,
  EARLIER_EDITORS_ANNOTATION,
  EDITORS_ANNOTATION,
  ENFORCE_LABEL,
  FIELD_MANAGER,
  FINALIZER,
  GRANT_LABEL,
  GRANTED_BY_ANNOTATION,
  isCanaryObject,
  LENT_ANNOTATION,
  LENT_FROM_ANNOTATION,
  PLAN_ANNOTATION,
  PLAN_UID_ANNOTATION,
  STOPPED_ANNOTATION,
  PLAN_LABEL,
  ROLE_LABEL,
  UNREADY_ANNOTATION,
  WORKLOADS_LABEL,
  MANAGED_LABEL,
} from './labels.js';
export { TERMINAL_PHASES, hasTouched, isTerminal, PHASES, type Phase, type TerminalPhase } from './phases.js';
export { isRecord, ownValue } from './records.js';
export { requestsWords, shareText } from './shares.js';
export { RISK_BANDS, type RiskBand } from './risk-bands.js';
export { SEARCH_ATTRIBUTES } from './search-attributes.js';
export { MAX_WARNINGS } from './limits.js';
export { approvalNeeds, gateSentence, headlineOf, sentenceOf, verdictSentence } from './sentences.js';
export {
  apiVersionOf,
  isDivided,
  movesPodByPod,
  canBeShared,
  chooseStrategy,
  fitsWorkload,
  STRATEGIES,
  strategyOf,
  strategyWords,
  type ChosenStrategy,
  type MigratedKind,
  type Strategy,
  WORKLOAD_KINDS,
} from './strategies.js';
export type { UndoStep } from './step-words.js';
export { WAIT_REASONS, type WaitReason, waitWords } from './waits.js';
export { DELIVERY_TOOLS, type DeliveryTool, deliveryToolOf, revokeLaterMs, untracked } from './tracking.js';
export { isWaveApproved, memberKey, type MemberPlace } from './members.js';
export { waveHash, wavesOf } from './waves.js';
