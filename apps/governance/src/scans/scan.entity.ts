import { scanReportSchema, type ScanRow, scanRowSchema } from '@scc/scc/scan';
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
import { z } from 'zod';
import { IDENTITY, parsed } from '../database/columns.js';

const { assumed, changedDefaults, unreadable } = scanReportSchema.shape;
/** The parts of a report that are of no single workload. */
export const scanNotesSchema = z.object({ assumed, changedDefaults, unreadable });
export type ScanNotes = z.infer<typeof scanNotesSchema>;

/** A scan of the cluster that a caller asked for. */
@Entity('workload_scan')
export class WorkloadScanEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  /** Null: every namespace. */
  @Column('text', { nullable: true })
  namespace!: string | null;

  @Column('text', { nullable: true })
  target!: string | null;

  @Column('text')
  requestedBy!: string;

  @Column('timestamptz')
  requestedAt!: Date;

  @Index('workload_scan_running', { unique: true, where: "state = 'running'" })
  @Column('text')
  state!: 'running' | 'done' | 'failed';

  @Column('timestamptz', { nullable: true })
  finishedAt!: Date | null;

  @Column('text', { nullable: true })
  failure!: string | null;

  @Column('text', { nullable: true })
  aim!: string | null;

  @Column('jsonb', { nullable: true, transformer: parsed(scanNotesSchema) })
  notes!: ScanNotes | null;
}

/** What a scan says of one workload. */
@Entity('scanned_workload')
export class ScannedWorkloadEntity {
  @PrimaryColumn('bigint', { name: 'scan' })
  scanId!: string;

  @ManyToOne(() => WorkloadScanEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'scan' })
  scan?: Relation<WorkloadScanEntity>;

  /** Its place in the report. */
  @PrimaryColumn('integer')
  ordinal!: number;

  @Column('text')
  namespace!: string;

  @Column('text')
  category!: string;

  @Column('text', { nullable: true })
  currentScc!: string | null;

  @Column('boolean')
  captured!: boolean;

  @Column('boolean')
  refused!: boolean;

  @Column('jsonb', { transformer: parsed(scanRowSchema) })
  report!: ScanRow;
}
