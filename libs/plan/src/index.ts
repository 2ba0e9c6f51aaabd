export { planCRD } from './crd.js';
export { durationMs } from './duration.js';
export {
  migrationEventSchema,
  recordedEventSchema,
  trafficSummarySchema,
  type GateSample,
  type MigrationEvent,
  type PodSCC,
  type RecordedEvent,
  type TrafficSummary,
  type UndoCause,
} from './events.js';
export { editViolations, parseSpec, type ParsedSpec } from './rules.js';
export {
  FINALIZER,
  PHASES,
  PLAN_GROUP,
  PLAN_KIND,
  PLAN_VERSION,
  phaseSchema,
  planSpecSchema,
  planStatusSchema,
  violationSchema,
  workloadRefSchema,
  type Condition,
  type MetricGate,
  type Phase,
  type PlanRef,
  type PlanSpec,
  type PlanSpecInput,
  type PlanStatus,
  type Violation,
  type WebhookGate,
  type WorkloadRef,
} from './schema.js';
