import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import { z } from 'zod';
import { BY_DEFAULT_NOW, IDENTITY, parsed } from '../database/columns.js';
import { MigrationEntity } from '../plans/migration.entity.js';

/** The actor and the act, for the workflow's history. */
const payloadSchema = z.object({ actor: z.string(), reason: z.string(), generation: z.int().optional() });

/** A message to a running workflow, written in the transaction of the change that it tells of. */
@Entity('outbox')
@Index('outbox_abandoned', ['abandonedAt'], { where: 'delivered_at is null and abandoned_at is not null' })
@Index('outbox_delivered', ['deliveredAt'], { where: 'delivered_at is not null' })
@Index('outbox_due', ['dueAt', 'id'], { where: 'delivered_at is null and abandoned_at is null' })
export class OutboxEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  @Column('text')
  planUid!: string;

  @ManyToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity>;

  @Column('text')
  workflowId!: string;

  @Column('text')
  signal!: string;

  @Column('jsonb', { transformer: parsed(payloadSchema) })
  payload!: z.infer<typeof payloadSchema>;

  @Column('timestamptz', BY_DEFAULT_NOW)
  createdAt!: Date;

  @Column('timestamptz', BY_DEFAULT_NOW)
  dueAt!: Date;

  @Column('integer', { default: 0 })
  attempts!: number;

  @Column('text', { nullable: true })
  lastError!: string | null;

  @Column('timestamptz', { nullable: true })
  deliveredAt!: Date | null;

  /** Set when no workflow is left to be told. */
  @Column('timestamptz', { nullable: true })
  abandonedAt!: Date | null;
}
