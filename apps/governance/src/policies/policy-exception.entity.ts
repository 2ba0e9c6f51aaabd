import type { MigratedKind } from '@scc/plan';
import { Column, Entity, Index, PrimaryGeneratedColumn, VersionColumn } from 'typeorm';
import { IDENTITY } from '../database/columns.js';

/** Lets one target pass one policy for a while, once a second person agreed. */
@Entity('policy_exception')
@Index('policy_exception_target', ['namespace', 'kind', 'name', 'expiresAt'])
export class PolicyExceptionEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  @Column('text')
  policy!: string;

  @Column('text')
  namespace!: string;

  @Column('text')
  kind!: MigratedKind;

  @Column('text')
  name!: string;

  @Column('text')
  reason!: string;

  @Column('text')
  requestedBy!: string;

  @Column('timestamptz')
  requestedAt!: Date;

  @Index('policy_exception_expiry', { where: 'expired_at is null and revoked_at is null' })
  @Column('timestamptz')
  expiresAt!: Date;

  @Column('text', { nullable: true })
  approvedBy!: string | null;

  @Column('timestamptz', { nullable: true })
  approvedAt!: Date | null;

  @Column('text', { nullable: true })
  revokedBy!: string | null;

  @Column('timestamptz', { nullable: true })
  revokedAt!: Date | null;

  /** Set when its expiry was written to the audit log. */
  @Column('timestamptz', { nullable: true })
  expiredAt!: Date | null;

  @VersionColumn({ type: 'integer', default: 1 })
  rowVersion!: number;
}
