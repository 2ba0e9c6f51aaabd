import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation, Unique } from 'typeorm';
import { BY_DEFAULT_NOW, IDENTITY } from '../database/columns.js';
import { NotificationReceiverEntity } from './receiver.entity.js';

/** One event for one receiver. Its content is the audit entry. */
@Entity('notification_delivery')
@Unique(['receiver', 'event'])
@Index('notification_delivery_due', ['receiver', 'dueAt', 'id'], {
  where: 'delivered_at is null and dead_at is null',
})
@Index('notification_delivery_created', ['createdAt'])
export class NotificationDeliveryEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  @Column('text')
  receiver!: string;

  @ManyToOne(() => NotificationReceiverEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'receiver' })
  of?: Relation<NotificationReceiverEntity>;

  /** The id of the audit entry. */
  @Column('text')
  event!: string;

  @Column('text')
  kind!: string;

  @Column('text', { nullable: true })
  namespace!: string | null;

  @Column('text', { nullable: true })
  name!: string | null;

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

  /** Set when it is not tried any more. */
  @Column('timestamptz', { nullable: true })
  deadAt!: Date | null;
}
