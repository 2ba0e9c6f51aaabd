import { type EntityManager, MoreThan, QueryFailedError } from 'typeorm';
import { z } from 'zod';
import { appendAudit } from '../audit/append.js';
import type { Grant } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { type Role, ROLES } from '../call/roles.js';
import { scopeCovers, type Scope } from '../call/scope.js';
import { type Database, type Queryable, rowOf, rowsOf } from '../database/rows.js';
import { inScope, matching } from '../paging/filters.js';
import { Refusal } from '../refusal/refusal.js';
import { RoleBindingEntity } from './role-binding.entity.js';

/**
 * Characters that are invisible, or that turn the order of others. Not \p{C}: that has what is unassigned too, and each
 * version of Unicode assigns more.
 */
const UNSEEN = String.raw`\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff`;

export const roleBindingInput = z.object({
  role: z.enum(ROLES),
  subject: z.object({
    kind: z.enum(['User', 'Group']),
    name: z
      .string()
      .min(1)
      .max(256)
      .regex(new RegExp(`^[^\\s${UNSEEN}][^${UNSEEN}]*$`, 'u'))
      .refine((name) => name.isWellFormed(), 'is not well-formed text')
      .describe('As the cluster or the issuer names it; a ServiceAccount is the user system:serviceaccount:NS:NAME.'),
  }),
  namespaces: z
    .string()
    .min(1)
    .max(63)
    .regex(/^[-a-z0-9*]+$/)
    .describe('A pattern of namespaces; * stands for any number of characters.'),
});
export type RoleBindingInput = z.infer<typeof roleBindingInput>;

const bindingRow = z.object({
  id: z.string(),
  role: z.enum(ROLES),
  subjectKind: z.enum(['User', 'Group']),
  subjectName: z.string(),
  namespaces: z.string(),
  createdBy: z.string(),
  createdAt: z.date(),
}) satisfies z.ZodType<RoleBindingEntity>;
const COLUMNS =
  'id, role, subject_kind as "subjectKind", subject_name as "subjectName", namespaces, created_by as "createdBy", created_at as "createdAt"';

const toBinding = ({ subjectKind: kind, subjectName: name, createdAt, ...binding }: RoleBindingEntity) => ({
  ...binding,
  subject: { kind, name },
  createdAt: createdAt.toISOString(),
});
export type RoleBinding = ReturnType<typeof toBinding>;

/** The bindings of a user and of their groups; asked before every request. */
export async function accessBindingsOf(
  db: Queryable,
  { name, groups }: { name: string; groups: string[] },
): Promise<RoleBinding[]> {
  const rows = await rowsOf(
    db,
    bindingRow,
    `select ${COLUMNS} from role_binding where (subject_kind = 'User' and subject_name = $1)
       or (subject_kind = 'Group' and subject_name = any($2::text[])) order by id limit 1000`,
    [name, groups],
  );
  return rows.map(toBinding);
}

export interface BindingFilter {
  role?: Role | undefined;
  subject?: string | undefined;
  /** Only bindings that lie in it as a whole. */
  scope: Scope;
}

/** One page of bindings, the oldest first, after the given id. */
export async function listBindings(
  db: Database,
  { role, subject, scope }: BindingFilter,
  { limit, after }: { limit: number; after: string | null },
): Promise<RoleBinding[]> {
  const query = db.getRepository(RoleBindingEntity).createQueryBuilder('b').orderBy('b.id').limit(limit);
  matching(query, { role, subjectName: subject });
  if (after !== null) query.andWhere({ id: MoreThan(after) });
  return (await inScope(query, 'b.namespaces', scope).getMany()).map(toBinding);
}

/** A caller who wants to change who may what. */
export interface Granter {
  grants: readonly Grant[];
  /** Where they may write bindings at all. */
  scope: Scope;
}

/**
 * A role is given only by those who hold it, at least as widely. Admins give every role where they are admin; only an
 * admin of everything gives the role of the engine, whose reports are evidence.
 */
export function mayGrant(
  { grants, scope }: Granter,
  { role, namespaces }: Pick<RoleBindingInput, 'role' | 'namespaces'>,
): boolean {
  if (!scopeCovers(scope, namespaces)) return false;
  const held = grants.filter((grant) => scopeCovers([grant.namespaces], namespaces));
  return held.some(
    (grant) => grant.role === role || (grant.role === 'admin' && (role !== 'engine' || grant.namespaces === '*')),
  );
}

function requireMayGrant(granter: Granter, binding: Pick<RoleBindingInput, 'role' | 'namespaces'>): void {
  if (!mayGrant(granter, binding))
    throw new Refusal(
      'forbidden',
      `you do not hold ${binding.role} in ${binding.namespaces} and are not admin there: an admin there can bind it`,
    );
}

const objectOf = ({ id }: { id: string }) => ({ kind: 'RoleBinding', name: id });

/** @throws Refusal `forbidden` when the caller may not give the role there, `conflict` when it is given already. */
export async function createBinding(
  tx: EntityManager,
  input: RoleBindingInput,
  granter: Granter,
  { actor, requestId, now }: CallContext,
): Promise<RoleBinding> {
  requireMayGrant(granter, input);
  const created = await rowOf(
    tx,
    bindingRow,
    `insert into role_binding (role, subject_kind, subject_name, namespaces, created_by, created_at)
     values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning ${COLUMNS}`,
    [input.role, input.subject.kind, input.subject.name, input.namespaces, actor.name, now],
  );
  if (!created) throw new Refusal('conflict', 'that binding is there already');
  await appendAudit(tx, {
    actor,
    action: 'access.granted',
    object: objectOf(created),
    requestId,
    details: { ...input, at: now.toISOString() },
  });
  return toBinding(created);
}

/** @throws Refusal `notFound`, `forbidden`, or `conflict` for the last admin. */
export async function removeBinding(
  tx: EntityManager,
  id: string,
  granter: Granter,
  { actor, requestId }: CallContext,
): Promise<void> {
  const bindings = tx.getRepository(RoleBindingEntity);
  const found = await bindings.findOneBy({ id });
  if (!found || !scopeCovers(granter.scope, found.namespaces)) throw new Refusal('notFound', `no role binding ${id}`);
  requireMayGrant(granter, found);
  const { affected } = await bindings.delete({ id }).catch((error: unknown) => {
    throw isLastAdmin(error)
      ? new Refusal('conflict', 'the last admin of everything stays; bind another one first')
      : error;
  });
  if (!affected) throw new Refusal('notFound', `no role binding ${id}`);
  const { role, subject, namespaces } = toBinding(found);
  await appendAudit(tx, {
    actor,
    action: 'access.revoked',
    object: objectOf(found),
    requestId,
    details: { role, subject, namespaces },
  });
}

/** The error that the trigger on role_binding raises. */
const isLastAdmin = (error: unknown): boolean =>
  error instanceof QueryFailedError && (error.driverError as { code?: string }).code === 'SA020';
