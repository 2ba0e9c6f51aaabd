import { hashOf } from '@scc/audit';
import type { Evaluation, EvaluationRequest } from '@scc/governance-api';
import {
  type CompiledPolicy,
  compilePolicy,
  POLICY_INPUTS,
  policyBindingSchema,
  type PolicyDocument,
  policyDocumentSchema,
} from '@scc/policy';
import { z } from 'zod';
import { type Queryable, rowOf, rowsOf } from '../database/rows.js';
import { knownSCCs } from '../registry/versions.js';
import { policyContext, type WorkloadHistory } from './context.js';
import { resultsOf } from './threads.js';
import { appliesTo, type BoundPolicy, type Verdicts, verdictsFrom } from './verdicts.js';

export interface PolicyQuestion {
  request: EvaluationRequest;
  risk: Evaluation['risk'];
  now: Date;
}

export interface PolicyDecision extends Verdicts {
  /** Hash of the policies, bindings and parameters that decided. */
  revision: string;
  /** Ids of the exceptions that lifted a policy. */
  exceptions: string[];
}

/** Asks every policy that is bound to the target of a migration. */
export async function decidePolicies(db: Queryable, question: PolicyQuestion): Promise<PolicyDecision> {
  const { request, now } = question;
  const { bound, revision } = await boundPolicies(db);
  const exceptions = await activeExceptions(db, request, now);
  const applying = bound.filter(({ binding }) => appliesTo(binding, request));
  const sccs = await knownSCCs(db, request.facts);
  const data = policyContext({ ...question, sccs, history: await historyOf(db, question) });
  const results = await resultsOf(applying, data);
  const verdicts = verdictsFrom(applying, results, new Set(exceptions.map(({ policy }) => policy)));
  return { ...verdicts, revision, exceptions: exceptions.map(({ id }) => id) };
}

const boundRow = policyBindingSchema.extend({ content_hash: z.string(), document: policyDocumentSchema });

async function boundPolicies(db: Queryable): Promise<{ bound: BoundPolicy[]; revision: string }> {
  const rows = await rowsOf(
    db,
    boundRow,
    `select b.name, b.policy, b.version, b.action, b.parameters, b.namespaces, b.kinds, v.content_hash, v.document
     from policy_binding b join policy_version v on v.name = b.policy and v.version = b.version order by b.name`,
  );
  const bound = rows.map(({ content_hash: hash, document, ...binding }) => ({
    binding,
    policy: compiledPolicy(hash, document),
  }));
  const revision = hashOf(rows.map(({ document: _document, ...row }) => row)).slice(0, 16);
  return { bound, revision };
}

const compiled = new Map<string, CompiledPolicy>();
const MAX_COMPILED = 500;

/** A stored policy, compiled once per content. @throws when it does not compile: it was checked before it was stored. */
export function compiledPolicy(contentHash: string, document: PolicyDocument): CompiledPolicy {
  const known = compiled.get(contentHash);
  if (known) return known;
  const compilation = compilePolicy(document, POLICY_INPUTS);
  if (!compilation.ok) throw new Error(`the stored policy ${document.name} does not compile`);
  if (compiled.size >= MAX_COMPILED) compiled.clear();
  compiled.set(contentHash, compilation.policy);
  return compilation.policy;
}

/** Exceptions that are in force: a second person agreed, they are not revoked, and their time is not over. */
const activeExceptions = (
  db: Queryable,
  { plan, facts }: Pick<EvaluationRequest, 'plan' | 'facts'>,
  now: Date,
): Promise<{ id: string; policy: string }[]> =>
  rowsOf(
    db,
    z.object({ id: z.string(), policy: z.string() }),
    `select id, policy from policy_exception
     where namespace = $1 and kind = $2 and name = $3 and approved_at <= $4 and revoked_at is null and expires_at > $4`,
    [plan.namespace, facts.workload.kind, facts.workload.name, now],
  );

/** Only what finished before the decision counts, so that a replayed decision sees what it saw then. */
async function historyOf(db: Queryable, { request, now }: PolicyQuestion): Promise<WorkloadHistory> {
  const { plan, facts } = request;
  const row = await rowOf(
    db,
    z.object({ completed: z.int(), undone: z.int() }),
    `select count(*) filter (where outcome = 'completed')::int as completed,
            count(*) filter (where outcome = 'rolledBack')::int as undone
     from view_migration
     where namespace = $1 and workload_kind = $2 and workload_name = $3
       and finished_at < $4 and finished_at > $4::timestamptz - interval '90 days'`,
    [plan.namespace, facts.workload.kind, facts.workload.name, now],
  );
  return row ?? { completed: 0, undone: 0 };
}
