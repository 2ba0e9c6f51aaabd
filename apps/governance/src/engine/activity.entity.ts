import type { BeginRequest, GuardedActivity } from '@scc/governance-api';
import type { TerminalPhase } from '@scc/plan';
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
  Unique,
} from 'typeorm';
import { BY_DEFAULT_NOW, IDENTITY } from '../database/columns.js';
import { MigrationEntity } from '../plans/migration.entity.js';

/** The run of a workflow that has a migration. */
@Entity('migration_run')
export class MigrationRunEntity {
  @PrimaryColumn('text')
  planUid!: string;

  @OneToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity>;

  @Column('text')
  workflowId!: string;

  @Column('text')
  runId!: string;

  @Column('text')
  way!: BeginRequest['way'];

  @Column('boolean', { default: false })
  handedOver!: boolean;

  @Column('timestamptz', BY_DEFAULT_NOW)
  takenAt!: Date;
}

/** An activity of the engine that began, and ended: the receipt that the end of a migration rests on. */
@Entity('activity_begin')
@Unique(['planUid', 'workflowId', 'runId', 'activityId'])
export class ActivityBeginEntity {
  @PrimaryColumn('text')
  planUid!: string;

  @ManyToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity>;

  @PrimaryColumn('integer')
  sequence!: number;

  @Column('text')
  workflowId!: string;

  @Column('text')
  runId!: string;

  @Column('text')
  activityId!: string;

  @Column('text')
  activity!: GuardedActivity;

  @Column('text')
  way!: BeginRequest['way'];

  @Column('integer', { nullable: true })
  weight!: number | null;

  /** When an undo did it while governance did not answer. */
  @Column('timestamptz', { nullable: true })
  withoutGovernance!: Date | null;

  @Column('text')
  entryId!: string;

  @Column('timestamptz', BY_DEFAULT_NOW)
  begunAt!: Date;

  @Column('timestamptz', { nullable: true })
  doneAt!: Date | null;
}

/** A refusal that has an entry in the audit log; so many of a plan have one. */
@Entity('activity_refusal')
@Index('activity_refusal_plan', ['planUid', 'refusedAt'])
export class ActivityRefusalEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  @Column('text')
  planUid!: string;

  @ManyToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity>;

  @Column('text')
  entryId!: string;

  @Column('timestamptz', BY_DEFAULT_NOW)
  refusedAt!: Date;
}

/** An end that was reported: the one that counts, or one that no receipts cover. */
@Entity('migration_end')
@Index('migration_end_plan', ['planUid', 'id'])
@Index('migration_end_once', ['planUid'], { unique: true, where: 'untrusted is null' })
export class MigrationEndEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  @Column('text')
  planUid!: string;

  @ManyToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity>;

  @Column('text')
  phase!: TerminalPhase;

  @Column('text')
  workflowId!: string;

  @Column('text')
  runId!: string;

  @Column('integer')
  sequence!: number;

  @Column('text', { nullable: true })
  untrusted!: string | null;

  @Column('text')
  entryId!: string;

  @Column('timestamptz')
  endedAt!: Date;
}
