import { hashOf } from '@scc/audit';
import {
  parameterIssues,
  POLICY_INPUTS,
  type PolicyBinding,
  type PolicyDocument,
  type PolicyIssue,
  type PolicyVersion,
  type StoredBinding,
} from '@scc/policy';
import { DeadlineExceeded } from '@scc/runtime';
import type { EntityManager } from 'typeorm';
import { appendAudit } from '../audit/append.js';
import type { CallContext } from '../call/caller.js';
import { ROLES } from '../call/roles.js';
import type { Database } from '../database/rows.js';
import { Refusal } from '../refusal/refusal.js';
import { requireVersion } from '../refusal/version.js';
import { policyExamples } from './examples.js';
import { TRIAL_MS, trials } from './threads.js';
import { PolicyBindingEntity, PolicyVersionEntity } from './policy.entity.js';

const toVersion = ({ createdAt, ...version }: PolicyVersionEntity): PolicyVersion => ({
  ...version,
  createdAt: createdAt.toISOString(),
});

/**
 * Checks a document as far as that is possible without migrations.
 * @throws Refusal `invalid` with every issue.
 */
export async function checkDocument(document: PolicyDocument): Promise<void> {
  const issues = [...(await trialIssues(document)), ...unknownRoles(document)];
  if (issues.length > 0) throw new Refusal('invalid', `the policy ${document.name} cannot be used`, issues);
}

/** The document is a caller's, so that it is tried in a thread. */
async function trialIssues(document: PolicyDocument): Promise<PolicyIssue[]> {
  try {
    return await trials.call('trialIssues', document, POLICY_INPUTS, policyExamples());
  } catch (error) {
    if (!(error instanceof DeadlineExceeded)) throw error;
    return [
      {
        field: 'rules',
        message: `take longer than ${TRIAL_MS} ms on an example: loop over less, or compare less text`,
      },
    ];
  }
}

/** A plan that waits for a role that cannot be held would wait for ever. */
const unknownRoles = ({ rules }: PolicyDocument): { field: string; message: string }[] =>
  rules.flatMap(({ approval }, index) =>
    approval === undefined || DECIDERS.includes(approval.role)
      ? []
      : [{ field: `rules[${index}].approval.role`, message: `it cannot be held; use one of ${DECIDERS.join(', ')}` }],
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
  call: CallContext,
): Promise<PolicyVersion> {
  await checkDocument(document);
  return storePolicy(tx, document, expected, call);
}

/** As `savePolicy`, of a document that needs no trial: one of ours, which no busy machine may refuse. */
export async function storePolicy(
  tx: EntityManager,
  document: PolicyDocument,
  expected: number | null,
  { actor, requestId, now }: CallContext,
): Promise<PolicyVersion> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 42))', [document.name]);
  const newest = await newestVersion(tx, document.name);
  const contentHash = hashOf(document);
  requireVersion(expected, newest?.version ?? 0, `the policy ${document.name}`);
  const version = (newest?.version ?? 0) + 1;
  const versions = tx.getRepository(PolicyVersionEntity);
  const same = await versions.findOneBy({ name: document.name, contentHash });
  if (same) return toVersion(same);
  const saved = { name: document.name, version, document, contentHash, author: actor.name, createdAt: now };
  await versions.insert(saved);
  await appendAudit(tx, {
    actor,
    action: 'policy.saved',
    object: { kind: 'Policy', name: document.name },
    requestId,
    details: { version, contentHash, at: now.toISOString() },
  });
  return toVersion(saved);
}

export async function newestVersion(db: Database, name: string): Promise<PolicyVersion | null> {
  const row = await db.getRepository(PolicyVersionEntity).findOne({ where: { name }, order: { version: 'DESC' } });
  return row ? toVersion(row) : null;
}

/** @throws Refusal `notFound` */
export async function findVersion(db: Database, name: string, version: number): Promise<PolicyVersion> {
  const row = await db.getRepository(PolicyVersionEntity).findOneBy({ name, version });
  if (!row) throw new Refusal('notFound', `no version ${version} of a policy ${name}`);
  return toVersion(row);
}

/** The newest version of every policy, by name. */
export async function listPolicies(db: Database): Promise<PolicyVersion[]> {
  const rows = await db
    .getRepository(PolicyVersionEntity)
    .createQueryBuilder('v')
    .distinctOn(['v.name'])
    .orderBy({ 'v.name': 'ASC', 'v.version': 'DESC' })
    .limit(1000)
    .getMany();
  return rows.map(toVersion);
}

const toBinding = ({ bound: _bound, changedAt, ...binding }: PolicyBindingEntity): StoredBinding => ({
  ...binding,
  changedAt: changedAt.toISOString(),
});

export async function listPolicyBindings(db: Database): Promise<StoredBinding[]> {
  const rows = await db.getRepository(PolicyBindingEntity).find({ order: { name: 'ASC' }, take: 1000 });
  return rows.map(toBinding);
}

/** @throws Refusal `notFound` */
export async function findBinding(db: Database, name: string): Promise<StoredBinding> {
  const row = await db.getRepository(PolicyBindingEntity).findOneBy({ name });
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
  const bindings = tx.getRepository(PolicyBindingEntity);
  const before = await bindings.findOneBy({ name: binding.name });
  requireVersion(expected, before?.rowVersion ?? 0, `the binding ${binding.name}`);
  const { name, policy, version, action, parameters, namespaces, kinds } = binding;
  const content = { policy, version, action, parameters, namespaces, kinds, changedBy: actor.name, changedAt: now };
  if (before) await bindings.update({ name }, content);
  else await bindings.insert({ name, ...content });
  await appendAudit(tx, {
    actor,
    action: 'policy.bound',
    object: { kind: 'PolicyBinding', name },
    requestId,
    details: {
      before: before ? { version: before.version, action: before.action, rowVersion: before.rowVersion } : null,
      ...binding,
      at: now.toISOString(),
    },
  });
  return findBinding(tx, name);
}

/** Takes a binding away; the policy no longer applies there. */
export async function removePolicyBinding(
  tx: EntityManager,
  name: string,
  expected: number | null,
  { actor, requestId }: CallContext,
): Promise<void> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 43))', [name]);
  const before = await findBinding(tx, name);
  requireVersion(expected, before.rowVersion, `the binding ${name}`);
  await tx.getRepository(PolicyBindingEntity).delete({ name });
  await appendAudit(tx, {
    actor,
    action: 'policy.unbound',
    object: { kind: 'PolicyBinding', name },
    requestId,
    details: { policy: before.policy, version: before.version, action: before.action },
  });
}
