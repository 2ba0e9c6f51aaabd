import { Column, Entity, PrimaryColumn, VersionColumn } from 'typeorm';
import { BY_DEFAULT_NOW, parsed } from '../database/columns.js';
import { type Recurrence, recurrenceSchema } from '@scc/plan/schedule';

/** A freeze or a maintenance window. */
@Entity('calendar_entry')
export class CalendarEntryEntity {
  @PrimaryColumn('text')
  name!: string;

  @Column('text')
  kind!: 'freeze' | 'window';

  @Column('text')
  reason!: string;

  @Column('text', { array: true })
  namespaces!: string[];

  @Column('text', { nullable: true })
  labelKey!: string | null;

  @Column('text', { nullable: true })
  labelValue!: string | null;

  @Column('text')
  timeZone!: string;

  @Column('jsonb', { transformer: parsed(recurrenceSchema) })
  recurrence!: Recurrence;

  @VersionColumn({ type: 'integer', default: 1 })
  rowVersion!: number;

  @Column('text')
  changedBy!: string;

  @Column('timestamptz', BY_DEFAULT_NOW)
  changedAt!: Date;
}
