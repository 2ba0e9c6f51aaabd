import { type PolicyBinding, type PolicyDocument, policyBindingSchema, policyDocumentSchema } from '@scc/policy';
import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation, Unique, VersionColumn } from 'typeorm';
import { BY_DEFAULT_NOW, parsed } from '../database/columns.js';

/** One version of a policy; it never changes. */
@Entity('policy_version')
@Unique(['name', 'contentHash'])
export class PolicyVersionEntity {
  @PrimaryColumn('text')
  name!: string;

  @PrimaryColumn('integer')
  version!: number;

  @Column('json', { transformer: parsed(policyDocumentSchema) })
  document!: PolicyDocument;

  @Column('text')
  contentHash!: string;

  @Column('text')
  author!: string;

  @Column('timestamptz', BY_DEFAULT_NOW)
  createdAt!: Date;
}

/** Where a version of a policy applies, and what its verdicts do there. */
@Entity('policy_binding')
export class PolicyBindingEntity {
  @PrimaryColumn('text')
  name!: string;

  @Column('text')
  policy!: string;

  @Column('integer')
  version!: number;

  @ManyToOne(() => PolicyVersionEntity)
  @JoinColumn([
    { name: 'policy', referencedColumnName: 'name' },
    { name: 'version', referencedColumnName: 'version' },
  ])
  bound?: Relation<PolicyVersionEntity>;

  @Column('text')
  action!: PolicyBinding['action'];

  @Column('jsonb', { default: {}, transformer: parsed(policyBindingSchema.shape.parameters) })
  parameters!: PolicyBinding['parameters'];

  @Column('text', { array: true })
  namespaces!: string[];

  @Column('text', { array: true, default: [], transformer: parsed(policyBindingSchema.shape.kinds) })
  kinds!: PolicyBinding['kinds'];

  @VersionColumn({ type: 'integer', default: 1 })
  rowVersion!: number;

  @Column('text')
  changedBy!: string;

  @Column('timestamptz', BY_DEFAULT_NOW)
  changedAt!: Date;
}
