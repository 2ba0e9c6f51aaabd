import { Column, Entity, PrimaryGeneratedColumn, Unique } from 'typeorm';
import type { Role } from '../call/roles.js';
import { BY_DEFAULT_NOW, IDENTITY } from '../database/columns.js';

/** A role of a user or a group in the namespaces that a pattern matches. Never changed, only made and removed. */
@Entity('role_binding')
@Unique(['subjectKind', 'subjectName', 'role', 'namespaces'])
export class RoleBindingEntity {
  @PrimaryGeneratedColumn('identity', IDENTITY)
  id!: string;

  @Column('text')
  role!: Role;

  @Column('text')
  subjectKind!: 'User' | 'Group';

  @Column('text')
  subjectName!: string;

  @Column('text')
  namespaces!: string;

  @Column('text')
  createdBy!: string;

  @Column('timestamptz', BY_DEFAULT_NOW)
  createdAt!: Date;
}
