import { sccSchema, type SecurityContextConstraints } from '@scc/scc';
import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation, Unique } from 'typeorm';
import { IDENTITY, parsed } from '../database/columns.js';
import { MigrationEntity } from '../plans/migration.entity.js';

/** A distinct content of an SCC. */
@Entity('scc_version')
@Unique(['name', 'contentHash'])
export class SCCVersionEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  @Column('text')
  name!: string;

  @Column('text')
  contentHash!: string;

  @Column('jsonb', { transformer: parsed(sccSchema) })
  content!: SecurityContextConstraints;

  @Column('timestamptz')
  firstSeen!: Date;
}

/** When a version was the one in the cluster. */
@Entity('scc_presence')
@Index('scc_presence_time', ['name', 'presentFrom'])
export class SCCPresenceEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  @Index('scc_presence_now', { unique: true, where: 'present_to is null' })
  @Column('text')
  name!: string;

  @Column('bigint', { name: 'version' })
  versionId!: string;

  @ManyToOne(() => SCCVersionEntity)
  @JoinColumn({ name: 'version' })
  version?: Relation<SCCVersionEntity>;

  /** When it was seen first. */
  @Column('timestamptz')
  presentFrom!: Date;

  @Column('timestamptz', { nullable: true })
  presentTo!: Date | null;

  /** When the cluster was last seen to have it; null before the first look after it was seen. */
  @Column('timestamptz', { nullable: true })
  confirmedAt!: Date | null;

  /**
   * Where nothing followed the cluster as it came: the last time at which the content before it was seen. It came at
   * some time between this and `presentFrom`. Null where it was followed.
   */
  @Column('timestamptz', { nullable: true })
  unseenFrom!: Date | null;
}

/** Under which SCC a workload ran, and since when. */
@Entity('scc_activation')
@Index('scc_activation_now', ['namespace', 'kind', 'name'], { unique: true, where: 'deactivated_at is null' })
@Index('scc_activation_time', ['namespace', 'kind', 'name', 'activatedAt'])
export class SCCActivationEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  @Column('text')
  namespace!: string;

  @Column('text')
  kind!: string;

  @Column('text')
  name!: string;

  @Column('text')
  scc!: string;

  /** Null when the registry had not seen the SCC at that time. */
  @Index('scc_activation_version', { where: 'deactivated_at is null' })
  @Column('bigint', { name: 'scc_version', nullable: true })
  sccVersionId!: string | null;

  @ManyToOne(() => SCCVersionEntity)
  @JoinColumn({ name: 'scc_version' })
  sccVersion?: Relation<SCCVersionEntity> | null;

  @Column('text', { nullable: true })
  planUid!: string | null;

  @ManyToOne(() => MigrationEntity)
  @JoinColumn({ name: 'plan_uid' })
  migration?: Relation<MigrationEntity> | null;

  @Column('text', { nullable: true })
  actor!: string | null;

  /** The field manager that wrote what the pods of a change without a plan were started from. */
  @Column('text', { nullable: true })
  manager!: string | null;

  @Column('text')
  reason!: 'observed' | 'migrated' | 'restored' | 'changed' | 'sccEdited';

  /** The event that it comes from. */
  @Column('text', { unique: true })
  sourceKey!: string;

  @Column('timestamptz')
  activatedAt!: Date;

  @Column('timestamptz', { nullable: true })
  deactivatedAt!: Date | null;

  /** Where its end was not watched: it came at some time between this and `deactivatedAt`. Null where it was. */
  @Column('timestamptz', { nullable: true })
  deactivatedAfter!: Date | null;

  @Column('text', { nullable: true })
  deactivatedBy!: string | null;
}
