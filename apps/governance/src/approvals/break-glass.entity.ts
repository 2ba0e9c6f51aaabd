import { Column, Entity, Index, JoinColumn, OneToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import { IDENTITY } from '../database/columns.js';
import { ApprovalRequestEntity } from './approval.entity.js';

/** Approvals that were not waited for; another person reviews each. */
@Entity('break_glass')
@Index('break_glass_open', ['id'], { where: 'reviewed_at is null' })
export class BreakGlassEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  @Column('bigint', { name: 'request' })
  requestId!: string;

  @OneToOne(() => ApprovalRequestEntity)
  @JoinColumn({ name: 'request' })
  request?: Relation<ApprovalRequestEntity>;

  @Column('text')
  usedBy!: string;

  @Column('text')
  reason!: string;

  @Column('timestamptz')
  usedAt!: Date;

  @Column('text', { nullable: true })
  reviewedBy!: string | null;

  @Column('timestamptz', { nullable: true })
  reviewedAt!: Date | null;

  @Column('text', { nullable: true })
  review!: string | null;
}
