import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { BY_DEFAULT_NOW } from './columns.js';

/** The answer to a write that its caller may send again. */
@Entity('idempotency_key')
export class IdempotencyKeyEntity {
  @PrimaryColumn('text')
  principal!: string;

  @PrimaryColumn('text')
  key!: string;

  @Column('bytea')
  requestHash!: Buffer;

  /** Null when the answer has no body. */
  @Column('json', { nullable: true })
  answer!: unknown;

  /** Made of the audit key, which the database does not have; null in rows of earlier releases. */
  @Column('bytea', { nullable: true })
  seal!: Buffer | null;

  @Index('idempotency_key_age')
  @Column('timestamptz', BY_DEFAULT_NOW)
  createdAt!: Date;
}
