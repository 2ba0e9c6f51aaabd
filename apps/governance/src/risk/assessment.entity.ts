import { type RiskAssessment, type Signals, signalsSchema } from '@scc/risk';
import {
  Column,
  Entity,
  Index,
  JoinColumn,
  ManyToOne,
  OneToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type Relation,
} from 'typeorm';
import { COUNTED_IDENTITY, parsed, safeInteger } from '../database/columns.js';
import { MigrationEntity } from '../plans/migration.entity.js';
import { RiskModelEntity, RiskPromotionEntity } from './model.entity.js';

/** The answer of a model about a plan, with everything that is needed to give it again. */
@Entity('risk_assessment')
@Index('risk_assessment_plan', ['planUid', 'assessedAt'])
@Index('risk_assessment_workload', ['namespace', 'workloadKind', 'workloadName', 'assessedAt'])
export class RiskAssessmentEntity {
  @PrimaryColumn('text')
  id!: string;

  @Column('text')
  planUid!: string;

  @ManyToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity>;

  @Column('text')
  namespace!: string;

  @Column('text')
  workloadKind!: string;

  @Column('text')
  workloadName!: string;

  @Column('text', { nullable: true })
  sourceScc!: string | null;

  @Column('text')
  targetScc!: string;

  @Column('bigint', { name: 'model', transformer: safeInteger })
  modelId!: number;

  @ManyToOne(() => RiskModelEntity)
  @JoinColumn({ name: 'model' })
  model?: Relation<RiskModelEntity>;

  @Column('bigint', { name: 'promotion', transformer: safeInteger })
  promotionId!: number;

  @ManyToOne(() => RiskPromotionEntity)
  @JoinColumn({ name: 'promotion' })
  promotion?: Relation<RiskPromotionEntity>;

  @Column('json', { transformer: parsed(signalsSchema) })
  signals!: Signals;

  @Column('double precision', { array: true })
  x!: readonly number[];

  @Column('double precision', { array: true })
  spread!: readonly number[];

  @Column('text', { array: true })
  unknown!: readonly string[];

  @Column('double precision')
  mu!: number;

  @Column('double precision')
  changeRisk!: number;

  @Column('double precision')
  low!: number;

  @Column('double precision')
  high!: number;

  @Column('double precision')
  exposure!: number;

  @Column('text')
  band!: RiskAssessment['band'];

  @Column('text')
  raisedBy!: RiskAssessment['raisedBy'];

  @Column('double precision', { array: true })
  contributions!: number[];

  @Column('text', { array: true })
  words!: string[];

  @Column('text', { nullable: true })
  cheapestChange!: string | null;

  /** The model that did not decide and was asked too. */
  @Column('bigint', { name: 'challenger', nullable: true, transformer: safeInteger })
  challengerId!: number | null;

  @ManyToOne(() => RiskModelEntity)
  @JoinColumn({ name: 'challenger' })
  challenger?: Relation<RiskModelEntity> | null;

  @Column('double precision', { nullable: true })
  challengerRisk!: number | null;

  @Index('risk_assessment_time')
  @Column('timestamptz')
  assessedAt!: Date;
}

/** The outcome of a migration; excluded outcomes teach nothing. */
@Entity('risk_outcome')
export class RiskOutcomeEntity {
  @PrimaryGeneratedColumn('identity', COUNTED_IDENTITY)
  id!: number;

  @Column('text')
  planUid!: string;

  @OneToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity>;

  @Index('risk_outcome_assessment')
  @Column('text', { name: 'assessment', nullable: true })
  assessmentId!: string | null;

  @ManyToOne(() => RiskAssessmentEntity)
  @JoinColumn({ name: 'assessment' })
  assessment?: Relation<RiskAssessmentEntity> | null;

  @Column('text')
  label!: 'failed' | 'succeeded' | 'excluded';

  @Column('text')
  reason!: string;

  @Column('text')
  principal!: string;

  @Column('text')
  namespace!: string;

  @Column('text', { nullable: true })
  workloadKind!: string | null;

  @Column('text', { nullable: true })
  workloadName!: string | null;

  @Column('text', { nullable: true })
  sourceScc!: string | null;

  @Column('text', { nullable: true })
  targetScc!: string | null;

  @Index('risk_outcome_finished', { where: `label <> 'excluded'` })
  @Column('timestamptz')
  finishedAt!: Date;

  @Column('text')
  entryId!: string;

  @Column('timestamptz')
  recordedAt!: Date;
}
