import type { DataSourceOptions } from 'typeorm';
import { RoleBindingEntity } from './access/role-binding.entity.js';
import { ApprovalDecisionEntity, ApprovalRequestEntity } from './approvals/approval.entity.js';
import { BreakGlassEntity } from './approvals/break-glass.entity.js';
import { OutboxEntity } from './approvals/outbox.entity.js';
import {
  AuditCheckpointEntity,
  AuditEntryEntity,
  AuditEpochEntity,
  AuditKeyEntity,
  AuditSealEntity,
  AuditTileEntity,
} from './audit/audit.entity.js';
import { IdempotencyKeyEntity } from './database/idempotency-key.entity.js';
import { PostgresNames } from './database/naming.js';
import {
  ActivityBeginEntity,
  ActivityRefusalEntity,
  MigrationEndEntity,
  MigrationRunEntity,
} from './engine/activity.entity.js';
import { PreImageEntity } from './engine/pre-image.entity.js';
import { CommandGrantEntity, StepAuthorizationEntity, WorkloadClaimEntity } from './engine/step.entity.js';
import { MigrationEventEntity } from './history/event.entity.js';
import { GateViewEntity, MigrationViewEntity, PodViewEntity, WeightViewEntity } from './history/view.entity.js';
import { NotificationDeliveryEntity } from './notifications/delivery.entity.js';
import { NotificationReceiverEntity } from './notifications/receiver.entity.js';
import { LiveEditEntity } from './plans/live-edit.entity.js';
import { EvaluationEntity, MigrationEntity } from './plans/migration.entity.js';
import { PodTransitionEntity, TrackedPodEntity } from './pods/pod.entity.js';
import { PolicyExceptionEntity } from './policies/policy-exception.entity.js';
import { PolicyVerdictEntity } from './policies/policy-verdict.entity.js';
import { PolicyBindingEntity, PolicyVersionEntity } from './policies/policy.entity.js';
import { SCCActivationEntity, SCCPresenceEntity, SCCVersionEntity } from './registry/scc.entity.js';
import { ObservedWriteEntity, SCCMixtureEntity } from './registry/unplanned.entity.js';
import { RiskAssessmentEntity, RiskOutcomeEntity } from './risk/assessment.entity.js';
import { RiskModelEntity, RiskPromotionEntity } from './risk/model.entity.js';
import { ScannedWorkloadEntity, WorkloadScanEntity } from './scans/scan.entity.js';
import { ConsoleSessionEntity } from './sessions/session.entity.js';
import { EmergencyStopEntity } from './stops/stop.entity.js';
import { CalendarEntryEntity } from './schedule/calendar-entry.entity.js';

/** One entity per table; schema_migration is the migrator's own. */
const ENTITIES = [
  ...[ApprovalDecisionEntity, ApprovalRequestEntity, BreakGlassEntity, OutboxEntity],
  ...[AuditCheckpointEntity, AuditEntryEntity, AuditEpochEntity, AuditKeyEntity, AuditSealEntity, AuditTileEntity],
  ...[CalendarEntryEntity, ConsoleSessionEntity, EmergencyStopEntity, IdempotencyKeyEntity, RoleBindingEntity],
  ...[CommandGrantEntity, EvaluationEntity, LiveEditEntity, MigrationEntity, MigrationEventEntity, PreImageEntity],
  ...[ActivityBeginEntity, ActivityRefusalEntity, MigrationEndEntity, MigrationRunEntity],
  ...[StepAuthorizationEntity, WorkloadClaimEntity],
  ...[GateViewEntity, MigrationViewEntity, PodViewEntity, WeightViewEntity],
  ...[NotificationDeliveryEntity, NotificationReceiverEntity],
  ...[PodTransitionEntity, TrackedPodEntity],
  ...[PolicyBindingEntity, PolicyExceptionEntity, PolicyVerdictEntity, PolicyVersionEntity],
  ...[RiskAssessmentEntity, RiskModelEntity, RiskOutcomeEntity, RiskPromotionEntity],
  ...[ScannedWorkloadEntity, WorkloadScanEntity],
  ...[ObservedWriteEntity, SCCActivationEntity, SCCMixtureEntity, SCCPresenceEntity, SCCVersionEntity],
];

/**
 * How every DataSource maps. The schema comes from the reviewed SQL in database/schema alone: what the entities say of it is
 * compared in entities.int.spec.ts and never applied.
 *
 * Reads and writes by key, lists with filters and simple inserts and updates go through the entities. A statement stays
 * SQL when it is the point itself: advisory locks, `on conflict`, changes that only one of several may make, batches by
 * unnest, aggregates and joins whose rows are no entity, the audit log, and the hot paths, where each query counts:
 * what is asked before a request (bindings, idempotency keys), events of the engine and their projection, policy
 * decisions, and pod tracking.
 */
export const MAPPING = {
  entities: ENTITIES,
  namingStrategy: new PostgresNames(),
  synchronize: false,
} as const satisfies Partial<DataSourceOptions>;
