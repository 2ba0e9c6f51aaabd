import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { z } from 'zod';
import { BY_DEFAULT_NOW, parsed } from '../database/columns.js';
import { MigrationEntity } from '../plans/migration.entity.js';

const jsonObject = z.record(z.string(), z.unknown());

/** An event that the engine reported; the read model is a fold of it. */
@Entity('migration_event')
@Index('migration_event_plan', ['planUid', 'runId', 'sequence'])
export class MigrationEventEntity {
  @Column('text')
  planUid!: string;

  @ManyToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity>;

  @PrimaryColumn('text')
  workflowId!: string;

  @PrimaryColumn('text')
  runId!: string;

  @PrimaryColumn('integer')
  sequence!: number;

  @Column('text')
  phase!: string;

  @Column('text')
  type!: string;

  @Column('timestamptz')
  at!: Date;

  @Column('json', { transformer: parsed(jsonObject) })
  event!: Record<string, unknown>;

  @Column('text')
  entryId!: string;

  @Column('timestamptz', BY_DEFAULT_NOW)
  recordedAt!: Date;
}
