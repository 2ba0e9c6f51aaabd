import {
  type Evaluation,
  type EvaluationRequest,
  evaluationRequestSchema,
  evaluationSchema,
} from '@scc/governance-api';
import {
  Column,
  Entity,
  Index,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type Relation,
} from 'typeorm';
import { BY_DEFAULT_NOW, IDENTITY, parsed } from '../database/columns.js';

/** A plan that governance heard of. Its row is what everything about the plan locks. */
@Entity('migration')
@Index('migration_plan', ['namespace', 'name', 'createdAt'])
export class MigrationEntity {
  @PrimaryColumn('text')
  planUid!: string;

  @Column('text')
  namespace!: string;

  @Column('text')
  name!: string;

  @Column('text', { nullable: true })
  author!: string | null;

  @Column('bigint', { name: 'evaluation', nullable: true })
  evaluationId!: string | null;

  /** The newest request that governance answered; what the plan runs under. */
  @ManyToOne(() => EvaluationEntity)
  @JoinColumn({ name: 'evaluation' })
  evaluation?: Relation<EvaluationEntity> | null;

  @Column('timestamptz', BY_DEFAULT_NOW)
  createdAt!: Date;
}

/** A question of the engine about a plan, and its answer. */
@Entity('evaluation')
@Index('evaluation_plan', ['planUid', 'id'])
export class EvaluationEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  @Column('text')
  planUid!: string;

  @ManyToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity>;

  @Column('integer')
  generation!: number;

  @Column('text')
  contentHash!: string;

  @Column('text')
  policyRevision!: string;

  @Column('text')
  verdict!: Evaluation['verdict'];

  @Column('json', { transformer: parsed(evaluationRequestSchema) })
  request!: EvaluationRequest;

  @Column('json', { transformer: parsed(evaluationSchema) })
  answer!: Evaluation;

  @Column('text')
  entryId!: string;

  @Index('evaluation_time')
  @Column('timestamptz')
  evaluatedAt!: Date;
}
