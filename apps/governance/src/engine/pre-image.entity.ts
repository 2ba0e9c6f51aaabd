import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';
import { z } from 'zod';
import { BY_DEFAULT_NOW, parsed } from '../database/columns.js';
import { MigrationEntity } from '../plans/migration.entity.js';

const jsonObject = z.record(z.string(), z.unknown());

/** An object as it was before the first change; what an undo restores. */
@Entity('pre_image')
export class PreImageEntity {
  @PrimaryColumn('text')
  planUid!: string;

  @ManyToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity>;

  @PrimaryColumn('text')
  key!: string;

  @Column('integer')
  ordinal!: number;

  @Column('text')
  workflowId!: string;

  /** Null when the object was not there. */
  @Column('json', { nullable: true, transformer: parsed(jsonObject) })
  manifest!: Record<string, unknown> | null;

  @Column('timestamptz', BY_DEFAULT_NOW)
  recordedAt!: Date;
}
