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
import { BY_DEFAULT_NOW, IDENTITY, safeInteger } from '../database/columns.js';

/**
 * The tables of the audit log, which is written and read by reviewed SQL alone: in batches, under locks and triggers.
 * The entities state its schema.
 */
@Entity('audit_entry')
@Index('audit_entry_transaction', ['transactionId', 'id'])
@Index('audit_entry_actor', ['actor', 'id'])
@Index('audit_entry_action', ['action', 'id'])
@Index('audit_entry_object', ['objectKind', 'objectNamespace', 'objectName', 'id'])
export class AuditEntryEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  @Column('text', { unique: true })
  entryId!: string;

  @Column('bytea')
  body!: Buffer;

  @Column('bytea')
  leafHash!: Buffer;

  @Index('audit_entry_occurred', { type: 'brin' })
  @Column('timestamptz')
  occurredAt!: Date;

  @Column('text')
  actor!: string;

  @Column('text')
  action!: string;

  @Column('text')
  objectKind!: string;

  @Column('text', { nullable: true })
  objectNamespace!: string | null;

  @Column('text', { nullable: true })
  objectName!: string | null;

  @Index('audit_entry_request', { where: 'request_id is not null' })
  @Column('text', { nullable: true })
  requestId!: string | null;

  @Column('bigint', { default: () => 'pg_current_xact_id()::text::bigint' })
  transactionId!: string;
}

/** A sealer that held the log; only the newest may seal. */
@Entity('audit_epoch')
export class AuditEpochEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  epoch!: string;

  @Column('text')
  holder!: string;

  @Column('timestamptz', BY_DEFAULT_NOW)
  acquiredAt!: Date;
}

@Entity('audit_seal')
export class AuditSealEntity {
  @PrimaryColumn('bigint', { transformer: safeInteger })
  index!: number;

  @Column('bigint', { unique: true })
  entry!: string;

  @Column('bytea')
  leafHash!: Buffer;

  @Column('bigint')
  epoch!: string;

  @ManyToOne(() => AuditEpochEntity)
  @JoinColumn({ name: 'epoch' })
  sealer?: Relation<AuditEpochEntity>;
}

@Entity('audit_tile')
export class AuditTileEntity {
  @PrimaryColumn('smallint')
  level!: number;

  @PrimaryColumn('bigint', { transformer: safeInteger })
  index!: number;

  @Column('bytea')
  hashes!: Buffer;

  @Column('bytea')
  root!: Buffer;

  @Column('bigint')
  epoch!: string;

  @ManyToOne(() => AuditEpochEntity)
  @JoinColumn({ name: 'epoch' })
  sealer?: Relation<AuditEpochEntity>;
}

@Entity('audit_checkpoint')
export class AuditCheckpointEntity {
  @PrimaryColumn('bigint', { transformer: safeInteger })
  size!: number;

  @Column('text')
  note!: string;

  @Column('bytea')
  compactRange!: Buffer;

  @Column('bigint')
  epoch!: string;

  @ManyToOne(() => AuditEpochEntity)
  @JoinColumn({ name: 'epoch' })
  sealer?: Relation<AuditEpochEntity>;

  @Column('timestamptz', BY_DEFAULT_NOW)
  createdAt!: Date;
}

/** A public key that ever signed. */
@Entity('audit_key')
export class AuditKeyEntity {
  @PrimaryColumn('text')
  vkey!: string;

  @Column('timestamptz', BY_DEFAULT_NOW)
  addedAt!: Date;
}
