import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import { IDENTITY } from '../database/columns.js';
import { MigrationEntity } from '../plans/migration.entity.js';

/** A result of a policy that did not stop a plan. */
@Entity('policy_verdict')
@Index('policy_verdict_once', ['planUid', 'contentHash', 'binding', 'rule', 'because'], { unique: true })
@Index('policy_verdict_time', ['evaluatedAt', 'id'])
export class PolicyVerdictEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  @Column('text')
  planUid!: string;

  @ManyToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity>;

  @Column('text')
  contentHash!: string;

  @Column('text')
  namespace!: string;

  @Column('text')
  name!: string;

  @Column('text')
  policy!: string;

  @Column('text')
  binding!: string;

  @Column('text')
  rule!: string;

  @Column('text')
  because!: 'warn' | 'audit' | 'exception';

  @Column('text')
  would!: 'deny' | 'requireApproval';

  @Column('text')
  message!: string;

  @Column('text')
  entryId!: string;

  @Column('timestamptz')
  evaluatedAt!: Date;
}
