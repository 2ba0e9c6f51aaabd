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
import { IDENTITY } from '../database/columns.js';

/** A pod and the SCC that it runs under. */
@Entity('tracked_pod')
@Index('tracked_pod_scc', ['scc', 'namespace', 'name', 'uid'], { where: 'gone_at is null' })
@Index('tracked_pod_place', ['namespace', 'name', 'uid'], { where: 'gone_at is null' })
@Index('tracked_pod_version', ['sccVersion', 'namespace'], { where: 'gone_at is null' })
@Index('tracked_pod_owner', ['namespace', 'ownerKind', 'ownerName', 'uid'])
export class TrackedPodEntity {
  @PrimaryColumn('text')
  uid!: string;

  @Column('text')
  namespace!: string;

  @Column('text')
  name!: string;

  @Column('text', { nullable: true })
  scc!: string | null;

  @Column('text', { nullable: true })
  subjectType!: string | null;

  @Column('text', { nullable: true })
  image!: string | null;

  @Column('text', { nullable: true })
  node!: string | null;

  @Column('text', { nullable: true })
  ownerKind!: string | null;

  @Column('text', { nullable: true })
  ownerName!: string | null;

  @Column('text', { nullable: true })
  plan!: string | null;

  @Column('timestamptz')
  firstSeen!: Date;

  @Column('timestamptz')
  lastSeen!: Date;

  @Index('tracked_pod_gone', { where: 'gone_at is not null' })
  @Column('timestamptz', { nullable: true })
  goneAt!: Date | null;

  /** The content of the SCC when the pod was first seen under it; an id of the registry. */
  @Column('bigint', { name: 'scc_version', nullable: true })
  sccVersion!: string | null;

  /** False while only admission has told of it. */
  @Column('boolean')
  confirmed!: boolean;
}

@Entity('pod_transition')
@Index('pod_transition_pod', ['uid', 'id'])
export class PodTransitionEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  @Column('text')
  uid!: string;

  @ManyToOne(() => TrackedPodEntity, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'uid' })
  pod?: Relation<TrackedPodEntity>;

  @Column('timestamptz')
  at!: Date;

  @Column('text')
  change!: 'appeared' | 'changed' | 'gone';

  @Column('text', { nullable: true })
  fromScc!: string | null;

  @Column('text', { nullable: true })
  toScc!: string | null;

  @Column('text', { nullable: true })
  node!: string | null;
}
