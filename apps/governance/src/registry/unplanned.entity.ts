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
import { SCCActivationEntity } from './scc.entity.js';

/** A write that may lead to other pods, as admission saw it. */
@Entity('observed_write')
@Index('observed_write_object', ['namespace', 'kind', 'name', 'writtenAt'])
export class ObservedWriteEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  @Column('text')
  namespace!: string;

  @Column('text')
  kind!: string;

  @Column('text')
  name!: string;

  @Column('text')
  writtenBy!: string;

  @Index('observed_write_time')
  @Column('timestamptz')
  writtenAt!: Date;
}

/** Pods that ran beside others of their workload under a content that its entry does not name. */
@Entity('scc_mixture')
export class SCCMixtureEntity {
  @PrimaryColumn('bigint', { name: 'activation' })
  activationId!: string;

  @ManyToOne(() => SCCActivationEntity)
  @JoinColumn({ name: 'activation' })
  activation?: Relation<SCCActivationEntity>;

  @PrimaryColumn('text')
  content!: string;

  @Column('timestamptz')
  since!: Date;
}
