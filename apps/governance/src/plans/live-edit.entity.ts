import { type ApprovalNeed, approvalNeedSchema, livePartsSchema } from '@scc/governance-api';
import type { LiveParts } from '@scc/plan';
import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import { IDENTITY, parsed } from '../database/columns.js';
import { MigrationEntity } from './migration.entity.js';

/** An edit of a running plan that lets more pass than what was evaluated. */
@Entity('live_edit')
@Index('live_edit_plan', ['planUid', 'id'])
export class LiveEditEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  @Column('text')
  planUid!: string;

  @ManyToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity>;

  @Column('integer')
  generation!: number;

  /** Of what the edit makes of the plan: an approval of it names this. */
  @Column('text')
  contentHash!: string;

  @Column('json', { transformer: parsed(livePartsSchema) })
  parts!: LiveParts;

  @Column('text', { array: true })
  loosened!: string[];

  @Column('jsonb', { transformer: parsed(approvalNeedSchema.array()) })
  needs!: ApprovalNeed[];

  @Column('timestamptz')
  editedAt!: Date;
}
