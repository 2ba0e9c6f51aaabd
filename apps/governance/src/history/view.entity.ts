import {
  type BothSides,
  bothSidesSchema,
  type Phase,
  type Strategy,
  type TrafficSummary,
  trafficSummarySchema,
} from '@scc/plan';
import { Column, Entity, Index, JoinColumn, ManyToOne, OneToOne, PrimaryColumn, type Relation } from 'typeorm';
import { parsed } from '../database/columns.js';
import { MigrationEntity } from '../plans/migration.entity.js';

/** The read model: a projection of the events that can be dropped and made again. */
@Entity('view_migration')
@Index('view_migration_started', ['startedAt', 'planUid'])
@Index('view_migration_phase', ['phase', 'startedAt', 'planUid'])
@Index('view_migration_namespace', ['namespace', 'startedAt', 'planUid'])
@Index('view_migration_running', ['startedAt', 'planUid'], { where: 'finished_at is null' })
@Index('view_migration_undone', ['startedAt', 'planUid'], { where: 'undo_cause is not null' })
@Index('view_migration_workload', ['namespace', 'workloadKind', 'workloadName', 'finishedAt'])
export class MigrationViewEntity {
  @PrimaryColumn('text')
  planUid!: string;

  @OneToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity>;

  @Column('text')
  namespace!: string;

  @Column('text')
  name!: string;

  @Column('text')
  phase!: Phase;

  @Column('text')
  message!: string;

  @Column('text', { nullable: true })
  sourceScc!: string | null;

  @Column('text', { nullable: true })
  targetScc!: string | null;

  @Column('text', { nullable: true })
  author!: string | null;

  @Column('text', { nullable: true })
  workloadKind!: string | null;

  @Column('text', { nullable: true })
  workloadName!: string | null;

  @Column('text', { nullable: true })
  riskBand!: string | null;

  @Column('double precision', { nullable: true })
  changeRisk!: number | null;

  @Column('double precision', { nullable: true })
  exposure!: number | null;

  @Column('text', { nullable: true })
  strategy!: Strategy | null;

  @Column('integer')
  weight!: number;

  @Column('text', { nullable: true })
  waitingFor!: string | null;

  @Column('text', { nullable: true })
  outcome!: string | null;

  @Column('text', { nullable: true })
  undoCause!: string | null;

  @Column('jsonb', { nullable: true, transformer: parsed(trafficSummarySchema) })
  traffic!: TrafficSummary | null;

  @Column('text', { nullable: true })
  workflowId!: string | null;

  @Column('text', { nullable: true })
  runId!: string | null;

  @Column('timestamptz')
  startedAt!: Date;

  @Index('view_migration_ended', { where: `outcome in ('completed', 'rolledBack')` })
  @Column('timestamptz', { nullable: true })
  finishedAt!: Date | null;

  @Column('timestamptz')
  updatedAt!: Date;

  @Column('integer')
  events!: number;

  /** Which way of folding made it; null from before this was kept. */
  @Column('integer', { nullable: true })
  projection!: number | null;
}

@Entity('view_gate')
export class GateViewEntity {
  @PrimaryColumn('text')
  planUid!: string;

  @ManyToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity>;

  @PrimaryColumn('integer')
  position!: number;

  @Column('text')
  gate!: string;

  @Column('text')
  verdict!: string;

  @Column('double precision', { nullable: true })
  value!: number | null;

  @Column('text')
  detail!: string;

  @Column('integer')
  weight!: number;

  @Column('timestamptz')
  at!: Date;

  /** Of the first sample of a hold: what the callers of both sides met; null where it is not known. */
  @Column('jsonb', { nullable: true, transformer: parsed(bothSidesSchema) })
  sides!: BothSides | null;
}

@Entity('view_weight')
export class WeightViewEntity {
  @PrimaryColumn('text')
  planUid!: string;

  @ManyToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity>;

  @PrimaryColumn('integer')
  position!: number;

  @Column('integer')
  canary!: number;

  @Column('integer')
  stable!: number;

  @Column('text')
  verifiedBy!: string;

  @Column('timestamptz')
  at!: Date;
}

@Entity('view_pod')
export class PodViewEntity {
  @PrimaryColumn('text')
  planUid!: string;

  @ManyToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity>;

  @PrimaryColumn('text')
  podUid!: string;

  @Column('text')
  name!: string;

  @Column('text', { nullable: true })
  node!: string | null;

  @PrimaryColumn('text')
  role!: 'before' | 'canary' | 'after';

  @Column('text', { nullable: true })
  scc!: string | null;

  @Column('timestamptz')
  at!: Date;
}
