import { Column, Entity, PrimaryColumn, VersionColumn } from 'typeorm';
import { BY_DEFAULT_NOW, safeInteger } from '../database/columns.js';

/** A receiver of notifications courier. */
@Entity('notification_receiver')
export class NotificationReceiverEntity {
  @PrimaryColumn('text')
  name!: string;

  @Column('text')
  type!: 'webhook' | 'slack';

  @Column('text', { nullable: true })
  url!: string | null;

  /** Secrets are files of the folder of secrets; here are their names. */
  @Column('text', { nullable: true })
  urlSecret!: string | null;

  @Column('text', { nullable: true })
  signingSecret!: string | null;

  @Column('text', { array: true })
  namespaces!: string[];

  @Column('text', { array: true })
  kinds!: string[];

  @Column('text', { nullable: true })
  template!: string | null;

  /** The index of the next seal of the log that it takes. */
  @Column('bigint', { transformer: safeInteger })
  cursor!: number;

  @VersionColumn({ type: 'integer', default: 1 })
  rowVersion!: number;

  @Column('text')
  changedBy!: string;

  @Column('timestamptz', BY_DEFAULT_NOW)
  changedAt!: Date;
}
