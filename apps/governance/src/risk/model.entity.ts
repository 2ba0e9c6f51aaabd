import { type RiskModel, riskModelSchema } from '@scc/risk';
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
import { COUNTED_IDENTITY, parsed, safeInteger } from '../database/columns.js';

/** A risk model; it never changes. 0 is the fixed weights. */
@Entity('risk_model')
@Index('risk_model_promotion', ['promotionId', 'id'])
export class RiskModelEntity {
  @PrimaryColumn('bigint', { transformer: safeInteger })
  id!: number;

  @Column('bigint', { name: 'parent', nullable: true, transformer: safeInteger })
  parentId!: number | null;

  @ManyToOne(() => RiskModelEntity)
  @JoinColumn({ name: 'parent' })
  parent?: Relation<RiskModelEntity> | null;

  @Column('integer')
  featureSchema!: number;

  @Column('text')
  kind!: RiskModel['kind'];

  @Column('json', { transformer: parsed(riskModelSchema) })
  model!: RiskModel;

  /** The promotion that was in force when it was fitted. */
  @Column('bigint', { name: 'promotion', nullable: true, transformer: safeInteger })
  promotionId!: number | null;

  @ManyToOne(() => RiskPromotionEntity)
  @JoinColumn({ name: 'promotion' })
  promotion?: Relation<RiskPromotionEntity> | null;

  /** The last outcome that it learned from. */
  @Column('bigint', { nullable: true, transformer: safeInteger })
  trainedTo!: number | null;

  @Column('text', { unique: true })
  contentHash!: string;

  @Column('text')
  entryId!: string;

  @Column('timestamptz')
  createdAt!: Date;
}

/** Which model was made the champion when; the newest is in force. */
@Entity('risk_promotion')
export class RiskPromotionEntity {
  @PrimaryGeneratedColumn('identity', COUNTED_IDENTITY)
  id!: number;

  @Column('bigint', { name: 'model', transformer: safeInteger })
  modelId!: number;

  @ManyToOne(() => RiskModelEntity)
  @JoinColumn({ name: 'model' })
  model?: Relation<RiskModelEntity>;

  @Column('bigint', { name: 'previous', nullable: true, transformer: safeInteger })
  previousId!: number | null;

  @ManyToOne(() => RiskModelEntity)
  @JoinColumn({ name: 'previous' })
  previous?: Relation<RiskModelEntity> | null;

  @Column('text')
  reason!: string;

  @Column('json', { transformer: parsed(z.record(z.string(), z.json())) })
  evidence!: Record<string, z.core.util.JSONType>;

  @Column('text')
  promotedBy!: string;

  @Column('text')
  entryId!: string;

  @Column('timestamptz')
  promotedAt!: Date;
}
