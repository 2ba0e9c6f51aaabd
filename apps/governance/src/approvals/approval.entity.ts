import type { ApprovalNeed } from '@scc/governance-api';
import {
  Column,
  Entity,
  Index,
  JoinColumn,
  ManyToOne,
  PrimaryGeneratedColumn,
  type Relation,
  VersionColumn,
} from 'typeorm';
import { z } from 'zod';
import type { KnownAs } from '../call/caller.js';
import { BY_DEFAULT_NOW, IDENTITY, parsed } from '../database/columns.js';
import { MigrationEntity } from '../plans/migration.entity.js';

export const REQUEST_STATUSES = ['pending', 'granted', 'refused', 'expired', 'withdrawn', 'closed'] as const;
const knownAsSchema = z.object({
  groups: z.array(z.string()),
  uid: z.string().nullable(),
  extra: z.record(z.string(), z.array(z.string())),
});
const needsSchema = z.array(
  z.object({ role: z.string(), count: z.int(), reason: z.string(), lends: z.array(z.string()).optional() }),
);

/** The content of a plan that has to be approved; another content hash is another request. */
@Entity('approval_request')
@Index('approval_request_status', ['status', 'requestedAt', 'id'])
@Index('approval_request_plan', ['planUid', 'id'])
export class ApprovalRequestEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  @Index('approval_request_open', { unique: true, where: `status in ('pending', 'granted')` })
  @Column('text')
  planUid!: string;

  @ManyToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity>;

  @Column('text')
  contentHash!: string;

  @Column('text', { nullable: true })
  author!: string | null;

  /** Everybody else who edited what the plan would do. */
  @Column('text', { array: true, default: () => `'{}'` })
  editors!: string[];

  @Column('jsonb', { transformer: parsed(needsSchema) })
  needs!: ApprovalNeed[];

  @Column('text', { default: 'pending' })
  status!: (typeof REQUEST_STATUSES)[number];

  @Column('text', { nullable: true })
  reason!: string | null;

  @Column('timestamptz', BY_DEFAULT_NOW)
  requestedAt!: Date;

  @Column('timestamptz')
  expiresAt!: Date;

  @Column('timestamptz', { nullable: true })
  decidedAt!: Date | null;

  /** When a migration began under it: from then on it does not expire. */
  @Column('timestamptz', { nullable: true })
  begunAt!: Date | null;

  @VersionColumn({ type: 'integer', default: 1 })
  version!: number;
}

/** One person's decision on a request. */
@Entity('approval_decision')
@Index('approval_decision_once', ['requestId', 'approver'], { unique: true, where: 'withdrawn_at is null' })
export class ApprovalDecisionEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  @Column('bigint', { name: 'request' })
  requestId!: string;

  @ManyToOne(() => ApprovalRequestEntity)
  @JoinColumn({ name: 'request' })
  request?: Relation<ApprovalRequestEntity>;

  @Column('text')
  approver!: string;

  @Column('text')
  role!: string;

  @Column('text')
  decision!: 'approve' | 'refuse';

  @Column('text', { nullable: true })
  reason!: string | null;

  /** As whom the approver was known, to ask about the role again; null before that was kept. */
  @Column('jsonb', { nullable: true, transformer: parsed(knownAsSchema) })
  knownAs!: KnownAs | null;

  /** The rights that the approver lends to the author, in words. */
  @Column('text', { array: true, default: () => `'{}'` })
  lends!: string[];

  @Column('timestamptz', BY_DEFAULT_NOW)
  decidedAt!: Date;

  @Column('timestamptz', { nullable: true })
  withdrawnAt!: Date | null;
}
