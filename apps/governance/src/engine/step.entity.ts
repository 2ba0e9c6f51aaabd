import type { CommandRequest, StepRequest, StepVerdict } from '@scc/governance-api';
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
import { BY_DEFAULT_NOW, IDENTITY } from '../database/columns.js';
import { MigrationEntity } from '../plans/migration.entity.js';

/** The plan that migrates a workload, or did; a partial unique index lets one have it at a time. */
@Entity('workload_claim')
@Index('workload_claim_active', ['namespace', 'kind', 'name'], { unique: true, where: 'released_at is null' })
export class WorkloadClaimEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  @Index('workload_claim_plan', { unique: true, where: 'released_at is null' })
  @Column('text')
  planUid!: string;

  @ManyToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity>;

  @Column('text')
  namespace!: string;

  @Column('text')
  kind!: string;

  @Column('text')
  name!: string;

  @Column('timestamptz', BY_DEFAULT_NOW)
  claimedAt!: Date;

  @Column('timestamptz', { nullable: true })
  releasedAt!: Date | null;
}

/** Whether the engine was allowed a step. */
@Entity('step_authorization')
@Index('step_authorization_plan', ['planUid', 'id'])
export class StepAuthorizationEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  @Column('text')
  planUid!: string;

  @ManyToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity>;

  @Column('text')
  step!: StepRequest['step'];

  @Column('text')
  contentHash!: string;

  @Column('text')
  detail!: string;

  @Column('boolean')
  allowed!: boolean;

  @Column('text')
  reason!: string;

  /** The event that a refused step waits for; null where waiting does not help. */
  @Column('text', { nullable: true })
  waitsFor!: StepVerdict['waitsFor'] | null;

  @Column('text')
  entryId!: string;

  @Column('timestamptz', BY_DEFAULT_NOW)
  decidedAt!: Date;
}

/** A single-use token for one command; only its hash is stored. */
@Entity('command_grant')
export class CommandGrantEntity {
  @PrimaryColumn('bytea')
  tokenHash!: Buffer;

  @Column('text')
  planUid!: string;

  @ManyToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity>;

  @Column('text')
  command!: CommandRequest['command'];

  @Column('text')
  actor!: string;

  @Column('text', { nullable: true })
  reason!: string | null;

  @Column('timestamptz')
  expiresAt!: Date;

  @Column('timestamptz', { nullable: true })
  usedAt!: Date | null;
}
