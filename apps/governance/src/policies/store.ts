import {
  compilePolicy,
  parameterIssues,
  type PolicyBinding,
  policyBindingSchema,
  type PolicyDocument,
  policyDocumentSchema,
  tryPolicy,
} from '@scc/policy';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { ROLES } from '../access/roles.js';
import { appendAudit } from '../audit/append.js';
import { Refusal, requireVersion } from '../database/refusal.js';
import { type Queryable, rowOf, rowsOf } from '../database/rows.js';
import { hashOf } from '../migrations/content-hash.js';
import type { CallContext } from '../migrations/store.js';
import { POLICY_INPUTS } from './context.js';
import { policyExamples } from './examples.js';

const versionRow = z.object({
  name: z.string(),
  version: z.int(),
  document: policyDocumentSchema,
  content_hash: z.string(),
  author: z.string(),
  created_at: z.date(),
});
const VERSION_COLUMNS = 'name, version, document, content_hash, author, created_at';

export interface PolicyVersion {
  name: string;
  version: number;
  document: PolicyDocument;
  contentHash: string;
  author: string;
  createdAt: string;
}

const toVersion = ({
  content_hash: contentHash,
  created_at: createdAt,
  ...row
}: z.infer<typeof versionRow>): PolicyVersion => ({
  ...row,
  contentHash,
  createdAt: createdAt.toISOString(),
});

/**
 * Checks a document as far as that is possible without migrations.
 * @throws Refusal `invalid` with every issue.
 */
export function checkDocument(document: PolicyDocument): void {
  const compilation = compilePolicy(document, POLICY_INPUTS);
  const tried = compilation.ok ? tryPolicy(compilation.policy, policyExamples()) : compilation.issues;
  const issues = [...tried, ...unknownRoles(document)];
  if (issues.length > 0) throw new Refusal('invalid', `the policy ${document.name} can not be used`, issues);
}

/** A plan that waits for a role that nobody can hold would wait for ever. */
const unknownRoles = ({ rules }: PolicyDocument): { field: string; message: string }[] =>
  rules.flatMap(({ approval }, index) =>
    approval === undefined || DECIDERS.includes(approval.role)
      ? []
      : [{ field: `rules[${index}].approval.role`, message: `nobody can hold it; one of ${DECIDERS.join(', ')}` }],
  );
const DECIDERS: readonly string[] = ROLES.filter((role) => role !== 'engine');

/**
 * Stores the next version of a policy. It changes nothing until a binding names it.
 * @param expected the newest version that the author saw; 0 for the first one.
 */
export async function savePolicy(
  tx: EntityManager,
  document: PolicyDocument,
  expected: number | null,
  { actor, requestId, now }: CallContext,
): Promise<PolicyVersion> {
  checkDocument(document);
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 42))', [document.name]);
  const newest = await newestVersion(tx, document.name);
  const contentHash = hashOf(document);
  requireVersion(expected, newest?.version ?? 0, `the policy ${document.name}`);
  const version = (newest?.version ?? 0) + 1;
  const same = await rowOf(
    tx,
    versionRow,
    `select ${VERSION_COLUMNS} from policy_version where name = $1 and content_hash = $2`,
    [document.name, contentHash],
  );
  if (same) return toVersion(same);
  await tx.query(
    `insert into policy_version (name, version, document, content_hash, author, created_at) values ($1, $2, $3, $4, $5, $6)`,
    [document.name, version, JSON.stringify(document), contentHash, actor.name, now],
  );
  await appendAudit(tx, {
    actor,
    action: 'policy.saved',
    object: { kind: 'Policy', name: document.name },
    requestId,
    details: { version, contentHash },
  });
  return { name: document.name, version, document, contentHash, author: actor.name, createdAt: now.toISOString() };
}

export async function newestVersion(db: Queryable, name: string): Promise<PolicyVersion | null> {
  const row = await rowOf(
    db,
    versionRow,
    `select ${VERSION_COLUMNS} from policy_version where name = $1 order by version desc limit 1`,
    [name],
  );
  return row ? toVersion(row) : null;
}

/** @throws Refusal `notFound` */
export async function findVersion(db: Queryable, name: string, version: number): Promise<PolicyVersion> {
  const row = await rowOf(
    db,
    versionRow,
    `select ${VERSION_COLUMNS} from policy_version where name = $1 and version = $2`,
    [name, version],
  );
  if (!row) throw new Refusal('notFound', `no version ${version} of a policy ${name}`);
  return toVersion(row);
}

/** The newest version of every policy, by name. */
export async function listPolicies(db: Queryable): Promise<PolicyVersion[]> {
  const rows = await rowsOf(
    db,
    versionRow,
    `select distinct on (name) ${VERSION_COLUMNS} from policy_version order by name, version desc limit 1000`,
  );
  return rows.map(toVersion);
}

const bindingRow = policyBindingSchema.extend({ row_version: z.int(), changed_by: z.string(), changed_at: z.date() });
const BINDING_COLUMNS =
  'name, policy, version, action, parameters, namespaces, kinds, row_version, changed_by, changed_at';

export interface StoredBinding extends PolicyBinding {
  rowVersion: number;
  changedBy: string;
  changedAt: string;
}

const toBinding = ({ row_version, changed_by, changed_at, ...row }: z.infer<typeof bindingRow>): StoredBinding => ({
  ...row,
  rowVersion: row_version,
  changedBy: changed_by,
  changedAt: changed_at.toISOString(),
});

export async function listBindings(db: Queryable): Promise<StoredBinding[]> {
  const rows = await rowsOf(db, bindingRow, `select ${BINDING_COLUMNS} from policy_binding order by name limit 1000`);
  return rows.map(toBinding);
}

/** @throws Refusal `notFound` */
export async function findBinding(db: Queryable, name: string): Promise<StoredBinding> {
  const row = await rowOf(db, bindingRow, `select ${BINDING_COLUMNS} from policy_binding where name = $1`, [name]);
  if (!row) throw new Refusal('notFound', `no binding ${name}`);
  return toBinding(row);
}

/** Activates a version of a policy somewhere, or changes where and how it applies. */
export async function saveBinding(
  tx: EntityManager,
  binding: PolicyBinding,
  expected: number | null,
  { actor, requestId, now }: CallContext,
): Promise<StoredBinding> {
  const { document } = await findVersion(tx, binding.policy, binding.version);
  const issues = parameterIssues(document, binding.parameters);
  if (issues.length > 0) throw new Refusal('invalid', `the parameters do not fit the policy ${binding.policy}`, issues);
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 43))', [binding.name]);
  const before = await rowOf(tx, bindingRow, `select ${BINDING_COLUMNS} from policy_binding where name = $1`, [
    binding.name,
  ]);
  requireVersion(expected, before?.row_version ?? 0, `the binding ${binding.name}`);
  const row = await rowOf(
    tx,
    bindingRow,
    `insert into policy_binding (name, policy, version, action, parameters, namespaces, kinds, changed_by, changed_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (name) do update set policy = $2, version = $3, action = $4, parameters = $5, namespaces = $6,
       kinds = $7, changed_by = $8, changed_at = $9, row_version = policy_binding.row_version + 1
     returning ${BINDING_COLUMNS}`,
    [
      binding.name,
      binding.policy,
      binding.version,
      binding.action,
      JSON.stringify(binding.parameters),
      binding.namespaces,
      binding.kinds,
      actor.name,
      now,
    ],
  );
  if (!row) throw new Error('a binding was stored without a row');
  await appendAudit(tx, {
    actor,
    action: 'policy.bound',
    object: { kind: 'PolicyBinding', name: binding.name },
    requestId,
    details: { before: before ? { version: before.version, action: before.action } : null, ...binding },
  });
  return toBinding(row);
}

/** Takes a binding away; the policy no longer applies there. */
export async function removeBinding(
  tx: EntityManager,
  name: string,
  expected: number | null,
  { actor, requestId }: CallContext,
): Promise<void> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 43))', [name]);
  const before = await findBinding(tx, name);
  requireVersion(expected, before.rowVersion, `the binding ${name}`);
  await tx.query('delete from policy_binding where name = $1', [name]);
  await appendAudit(tx, {
    actor,
    action: 'policy.unbound',
    object: { kind: 'PolicyBinding', name },
    requestId,
    details: { policy: before.policy, version: before.version, action: before.action },
  });
}
