import { setImmediate as nextTurn } from 'node:timers/promises';
import { AUTHORITY_TABLES, type AuthorityRow, type AuthorityTable, hashOf } from '@scc/audit';
import { z } from 'zod';
import { instantText } from '../database/instant.js';
import { type Queryable, rowsOf } from '../database/rows.js';
import { MAX_LOOSENED } from '../plans/live-edits.js';
import { ACTIVATION_HOLDS } from './activation-rows.js';

const PAGE = 500;
const foundRow = z.object({ key: z.string(), holds: z.record(z.string(), z.json()) });
type Found = z.infer<typeof foundRow>;

const sha256 = (text: string): string => `encode(sha256(convert_to(${text}, 'UTF8')), 'hex')`;

/** One statement for each table: the key of a row, and what of it carries authority, as entries name it. */
const SELECT: Record<AuthorityTable, string> = {
  role_binding: `select id::text as key, json_build_object('role', role, 'subjectKind', subject_kind,
    'subjectName', subject_name, 'namespaces', namespaces, 'createdBy', created_by,
    'createdAt', ${instantText('created_at')}) as holds from role_binding`,
  policy_version: `select name || '/' || version as key, json_build_object('contentHash', content_hash,
    'content', document, 'author', author, 'createdAt', ${instantText('created_at')}) as holds from policy_version`,
  policy_binding: `select name as key, json_build_object('policy', policy, 'version', version, 'action', action,
    'parameters', parameters, 'namespaces', namespaces, 'kinds', kinds, 'changedBy', changed_by,
    'rowVersion', row_version, 'changedAt', ${instantText('changed_at')}) as holds from policy_binding`,
  policy_exception: `select id::text as key, json_build_object('policy', policy, 'namespace', namespace, 'kind', kind,
    'name', name, 'reason', reason, 'requestedBy', requested_by, 'expiresAt', ${instantText('expires_at')},
    'approvedBy', approved_by, 'revokedBy', revoked_by, 'rowVersion', row_version,
    'requestedAt', ${instantText('requested_at')}, 'approvedAt', ${instantText('approved_at')},
    'revokedAt', ${instantText('revoked_at')}, 'expiredAt', ${instantText('expired_at')}) as holds from policy_exception`,
  calendar_entry: `select name as key, json_build_object('kind', kind, 'reason', reason, 'namespaces', namespaces,
    'label', case when label_key is not null then json_build_object('key', label_key, 'value', label_value) end,
    'timeZone', time_zone, 'recurrence', recurrence, 'changedBy', changed_by, 'rowVersion', row_version,
    'changedAt', ${instantText('changed_at')}) as holds from calendar_entry`,
  emergency_stop: `select id::text as key, json_build_object('namespace', namespace, 'takeBack', take_back, 'reason', reason,
    'stoppedBy', stopped_by, 'liftedBy', lifted_by, 'liftReason', lift_reason,
    'stoppedAt', ${instantText('stopped_at')}, 'liftedAt', ${instantText('lifted_at')}) as holds from emergency_stop`,
  migration: `select m.plan_uid as key, json_build_object('namespace', m.namespace, 'name', m.name, 'author', m.author,
    'evaluation', e.entry_id, 'contentHash', e.content_hash, 'requestHash', e.request, 'answerHash', e.answer,
    'createdAt', ${instantText('m.created_at')}) as holds
    from migration m left join evaluation e on e.id = m.evaluation where m.evaluation is not null or m.author is not null`,
  approval_request: `select id::text as key, json_build_object('planUid', plan_uid, 'contentHash', content_hash,
    'author', author, 'editors', editors, 'needs', needs, 'expiresAt', ${instantText('expires_at')}, 'status', status,
    'begun', begun_at is not null, 'begunAt', ${instantText('begun_at')}, 'requestedAt', ${instantText('requested_at')},
    'decidedAt', ${instantText('decided_at')}, 'reason', reason, 'version', version) as holds from approval_request`,
  approval_decision: `select request || '/' || approver as key, json_build_object('request', request::text,
    'approver', approver, 'role', role, 'decision', decision, 'reason', reason, 'lends', lends,
    'knownAs', known_as, 'decidedAt', ${instantText('decided_at')}) as holds
    from approval_decision where withdrawn_at is null`,
  break_glass: `select id::text as key, json_build_object('request', request::text, 'usedBy', used_by, 'reason', reason,
    'reviewedBy', reviewed_by, 'review', review, 'usedAt', ${instantText('used_at')},
    'reviewedAt', ${instantText('reviewed_at')}) as holds from break_glass`,
  command_grant: `select encode(token_hash, 'hex') as key, json_build_object('planUid', plan_uid, 'command', command,
    'actor', actor, 'reason', reason, 'expiresAt', ${instantText('expires_at')}, 'used', used_at is not null) as holds from command_grant`,
  pre_image: `select plan_uid || ' ' || key as key, json_build_object('workflowId', workflow_id, 'order', ordinal,
    'manifest', case when manifest is not null then ${sha256('manifest::text')} end,
    'recordedAt', ${instantText('recorded_at')}) as holds from pre_image`,
  // A step that was refused lets nothing pass.
  step_authorization: `select entry_id as key, json_build_object('planUid', plan_uid, 'step', step,
    'contentHash', content_hash, 'detail', detail, 'reason', reason, 'waitsFor', waits_for, 'decidedAt', ${instantText('decided_at')}) as holds from step_authorization where allowed`,
  step_refusal: `select entry_id as key, json_build_object('planUid', plan_uid, 'step', step, 'contentHash', content_hash,
    'detail', detail, 'reason', reason, 'waitsFor', waits_for, 'decidedAt', ${instantText('decided_at')}) as holds from step_authorization where not allowed`,
  live_edit: `select plan_uid || ' ' || generation || ' ' || content_hash as key,
    json_build_object('loosened', loosened[1:${MAX_LOOSENED}], 'needs', needs, 'parts', parts,
    'editedAt', ${instantText('edited_at')}) as holds from live_edit`,
  activity_begin: `select plan_uid || ' ' || sequence as key, json_build_object('workflowId', workflow_id, 'runId', run_id,
    'activityId', activity_id, 'activity', activity, 'way', way, 'weight', weight,
    'withoutGovernance', ${instantText('without_governance')}, 'entry', entry_id,
    'begunAt', ${instantText('begun_at')}) as holds from activity_begin`,
  // A claim that was released holds nobody back.
  workload_claim: `select plan_uid as key, json_build_object('namespace', namespace, 'kind', kind, 'name', name,
    'claimedAt', ${instantText('claimed_at')}) as holds from workload_claim where released_at is null`,
  risk_model: `select id::text as key, json_build_object('kind', kind, 'parent', parent, 'promotion', promotion, 'trainedTo', trained_to,
    'contentHash', content_hash, 'content', model, 'entry', entry_id, 'featureSchema', feature_schema,
    'createdAt', ${instantText('created_at')}) as holds from risk_model`,
  risk_promotion: `select entry_id as key, json_build_object('model', model::text, 'previous', previous, 'reason', reason,
    'evidence', evidence, 'promotedBy', promoted_by, 'promotedAt', ${instantText('promoted_at')}) as holds from risk_promotion`,
  scc_version: `select id::text as key, json_build_object('name', name, 'contentHash', content_hash, 'content', content,
    'firstSeen', ${instantText('first_seen')}) as holds from scc_version`,
  scc_presence: `select id::text as key, json_build_object('name', name, 'version', version::text,
    'from', ${instantText('present_from')}, 'to', ${instantText('present_to')}, 'unseenFrom', ${instantText('unseen_from')}) as holds
    from scc_presence`,
  scc_activation: `select id::text as key, ${ACTIVATION_HOLDS} as holds from scc_activation`,
  activity_done: `select plan_uid || ' ' || sequence as key, json_build_object('at', ${instantText('done_at')}) as holds
    from activity_begin where done_at is not null`,
  activity_refusal: `select entry_id as key, json_build_object('planUid', plan_uid,
    'refusedAt', ${instantText('refused_at')}) as holds from activity_refusal`,
  migration_run: `select plan_uid as key, json_build_object('workflowId', workflow_id, 'runId', run_id, 'way', way,
    'handedOver', handed_over, 'takenAt', ${instantText('taken_at')}) as holds from migration_run`,
  migration_end: `select workflow_id || ' ' || run_id || ' ' || sequence as key, json_build_object('planUid', plan_uid,
    'phase', phase, 'at', ${instantText('ended_at')}, 'event', entry_id, 'untrusted', untrusted) as holds from migration_end`,
  evaluation: `select entry_id as key, json_build_object('planUid', plan_uid, 'verdict', verdict,
    'contentHash', content_hash, 'policyRevision', policy_revision, 'generation', generation,
    'evaluatedAt', ${instantText('evaluated_at')}) as holds from evaluation`,
  risk_assessment: `select id as key, json_build_object('planUid', plan_uid, 'model', model::text, 'band', band,
    'signals', ${sha256('signals::text')}, 'changeRisk', change_risk, 'namespace', namespace, 'kind', workload_kind,
    'name', workload_name, 'sourceSCC', source_scc, 'targetSCC', target_scc, 'at', ${instantText('assessed_at')},
    'answerHash', json_build_object('promotion', promotion, 'x', x, 'spread', spread, 'unknown', "unknown", 'mu', mu,
      'low', low, 'high', high, 'exposure', exposure, 'raisedBy', raised_by, 'contributions', contributions,
      'words', words, 'cheapestChange', cheapest_change, 'challenger', challenger, 'challengerRisk', challenger_risk)
    ) as holds from risk_assessment`,
  risk_outcome: `select plan_uid as key, json_build_object('namespace', namespace, 'assessment', assessment,
    'label', label, 'reason', reason, 'principal', principal, 'finishedAt', ${instantText('finished_at')},
    'sourceSCC', source_scc, 'targetSCC', target_scc, 'entry', entry_id, 'kind', workload_kind, 'name', workload_name,
    'recordedAt', ${instantText('recorded_at')}) as holds from risk_outcome`,
  // How far a receiver has come moves with each message.
  notification_receiver: `select name as key, json_build_object('type', type, 'url', url, 'urlSecret', url_secret,
    'signingSecret', signing_secret, 'namespaces', namespaces, 'kinds', kinds, 'template', template,
    'changedBy', changed_by, 'rowVersion', row_version, 'changedAt', ${instantText('changed_at')}) as holds
    from notification_receiver`,
  policy_verdict: `select concat_ws(' ', plan_uid, content_hash, binding, rule, because) as key,
    json_build_object('planUid', plan_uid, 'contentHash', content_hash, 'namespace', namespace, 'name', name,
    'policy', policy, 'binding', binding, 'rule', rule, 'because', because, 'would', would, 'message', message,
    'entry', entry_id, 'evaluatedAt', ${instantText('evaluated_at')}) as holds from policy_verdict`,
};

/** Parts of a table that are compared under a name of their own. */
const PART_OF: Partial<Record<AuthorityTable, string>> = {
  activity_done: 'activity_begin',
  step_refusal: 'step_authorization',
};

/** Members that entries hold the hash of. */
const HASHED: Partial<Record<AuthorityTable, Readonly<Record<string, (value: unknown) => string | null>>>> = {
  policy_version: { content: hashOf },
  migration: { requestHash: hashOf, answerHash: (answer) => hashOf(withoutReceipt(answer)) },
  live_edit: { parts: hashOf },
  risk_model: { content: hashOf },
  scc_version: { content: hashOf },
  risk_assessment: { answerHash: hashOf },
  approval_decision: { knownAs: (known) => (known === null ? null : hashOf(known)) },
};

/** The receipt is of the entry that holds the hash. */
const withoutReceipt = (answer: unknown): unknown =>
  typeof answer === 'object' && answer !== null
    ? Object.fromEntries(Object.entries(answer).filter(([member]) => member !== 'receipt'))
    : answer;

const toRow = (table: AuthorityTable, { key, holds }: Found): AuthorityRow => {
  const hashed = Object.entries(HASHED[table] ?? {}).map(([member, hash]) => [member, hash(holds[member])]);
  return { table, key, holds: { ...holds, ...(Object.fromEntries(hashed) as Found['holds']) } };
};

/**
 * The rows of one table, in pages. Needs a transaction; a table that is not there has no rows.
 * @param where for a table of which all rows are compared: those of them that are read
 */
export async function* authorityRows(tx: Queryable, table: AuthorityTable, where = ''): AsyncGenerator<AuthorityRow[]> {
  const [there] = await tx.query<{ found: string | null }[]>('select to_regclass($1) as found', [
    PART_OF[table] ?? table,
  ]);
  if (there?.found == null) return;
  await tx.query(`declare authority_rows no scroll cursor for ${SELECT[table]} ${where}`);
  for (;;) {
    const page = await rowsOf(tx, foundRow, `fetch ${PAGE} from authority_rows`);
    if (page.length > 0) yield page.map((found) => toRow(table, found));
    if (page.length < PAGE) break;
    // Hashing takes a while, and others wait for this thread.
    await nextTurn();
  }
  await tx.query('close authority_rows');
}

/** The rows of these tables. Needs a transaction. */
export async function readAuthority(
  tx: Queryable,
  tables: readonly AuthorityTable[] = AUTHORITY_TABLES,
): Promise<AuthorityRow[]> {
  const rows: AuthorityRow[] = [];
  for (const table of tables) for await (const page of authorityRows(tx, table)) rows.push(...page);
  return rows;
}
