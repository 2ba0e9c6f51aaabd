import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { BY_DEFAULT_NOW } from '../database/columns.js';

/** A session of the web console. */
@Entity('console_session')
@Index('console_session_subject', ['subject', 'createdAt'])
export class ConsoleSessionEntity {
  /** SHA-256 of the secret in the cookie. */
  @PrimaryColumn('bytea')
  idHash!: Buffer;

  @Column('text')
  subject!: string;

  /** The token of the user, under a key made from the secret. */
  @Column('bytea')
  sealedToken!: Buffer;

  @Column('timestamptz', BY_DEFAULT_NOW)
  createdAt!: Date;

  @Column('timestamptz', BY_DEFAULT_NOW)
  usedAt!: Date;

  @Index('console_session_expiry')
  @Column('timestamptz')
  expiresAt!: Date;
}
