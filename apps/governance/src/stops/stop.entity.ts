import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import { IDENTITY } from '../database/columns.js';

/** Somebody stopped every migration of a namespace, or of all. */
@Entity('emergency_stop')
@Index('emergency_stop_in_force', ['id'], { where: 'lifted_at is null' })
export class EmergencyStopEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  /** Null: every namespace. */
  @Column('text', { nullable: true })
  namespace!: string | null;

  /** Whether migrations that have begun are undone. */
  @Column('boolean')
  takeBack!: boolean;

  @Column('text')
  reason!: string;

  @Column('text')
  stoppedBy!: string;

  @Column('timestamptz')
  stoppedAt!: Date;

  @Column('text', { nullable: true })
  liftedBy!: string | null;

  @Column('timestamptz', { nullable: true })
  liftedAt!: Date | null;

  @Column('text', { nullable: true })
  liftReason!: string | null;
}
