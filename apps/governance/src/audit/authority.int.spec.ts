import { beforeAll, describe, expect, it } from '@jest/globals';
import { verifyLog } from '@scc/audit';
import { healthSchema } from '@scc/governance-api';
import { createLogger } from '@scc/runtime';
import { z } from 'zod';
import { apiSuite } from '../suite.fixture.js';
import { aSigner, seal } from './audit-log.fixture.js';
import { ENGINE_ROWS } from './engine-rows.fixture.js';
import { approvedPlan, EXCHANGED_ROWS } from './exchanged-rows.fixture.js';
import { contradictionsAfter, makeAuthorityRows } from './authority-rows.fixture.js';
import { Adoption } from './adoption.js';
import { AuthorityWatch, contradictionsIn } from './authority-watch.js';
import { readLog } from './log-reader.js';

const { database, test } = apiSuite();
const logger = createLogger('authority-spec', 'silent');

beforeAll(() => makeAuthorityRows(database), 60_000);

const exported = () => readLog(database.app, { origin: 'scc.poc/test', exportedAt: new Date() });
const untrusting = { origin: null, keys: [], anchors: [], receipts: [] };

const after = (...statements: string[]) => contradictionsAfter(database, statements);

describe('rows of authority', () => {
  it('agree with the entries that made them, sealed or not', async () => {
    const watch = new AuthorityWatch({ source: database.app, logger });
    expect(await watch.look()).toEqual([]);
    await seal(database.app, { signer: aSigner('scc.poc/test'), origin: 'scc.poc/test' });
    expect(await watch.look()).toEqual([]);
    expect(watch.contradicted).toBeNull();
    const report = await verifyLog(exported(), untrusting);
    expect(report.findings.filter(({ severity }) => severity !== 'warning')).toEqual([]);
    expect(report.checked.rows).toBeGreaterThan(20);
  });

  it.each<[string, string, string, RegExp]>([
    [
      'a role that nobody gave',
      `insert into role_binding (role, subject_kind, subject_name, namespaces, created_by) values ('admin', 'User', 'mallory', '*', 'olga')`,
      'row-without-entry role_binding',
      /mallory/,
    ],
    [
      'a widened role',
      `update role_binding set namespaces = '*' where subject_name = 'åsa'`,
      'row-differs role_binding',
      /namespaces is "\*", by the log "shop"/,
    ],
    [
      'a role of somebody else',
      `update role_binding set subject_name = 'mallory' where subject_name = 'åsa'`,
      'row-differs role_binding',
      /mallory/,
    ],
    [
      'a deleted role',
      `delete from role_binding where subject_name = 'åsa'`,
      'entry-without-row role_binding',
      /the table does not/,
    ],
    [
      'a changed rule',
      `update policy_version set document = replace(document::text, '"deny"', '"requireApproval"')::json where name = 'spec-policy'`,
      'row-differs policy_version',
      /content is/,
    ],
    [
      'a rule whose hash was changed with it',
      `update policy_version set content_hash = repeat('0', 64) where name = 'spec-policy'`,
      'row-differs policy_version',
      /contentHash/,
    ],
    [
      'a policy that enforces no more',
      `update policy_binding set action = 'audit' where name = 'spec-binding'`,
      'row-differs policy_binding',
      /action is "audit"/,
    ],
    [
      'a policy that applies elsewhere',
      `update policy_binding set namespaces = '{none}' where name = 'spec-binding'`,
      'row-differs policy_binding',
      /namespaces/,
    ],
    [
      'a policy that is bound no more',
      `delete from policy_binding where name = 'spec-binding'`,
      'entry-without-row policy_binding',
      /spec-binding/,
    ],
    [
      'an exception that nobody agreed to',
      `insert into policy_exception (policy, namespace, kind, name, reason, requested_by, requested_at, expires_at, approved_by, approved_at) values ('spec-policy', 'shop', 'Deployment', 'x', 'because of it', 'a', now(), now() + interval '1 day', 'b', now())`,
      'row-without-entry policy_exception',
      /approvedBy "b"/,
    ],
    [
      'an exception that lasts longer',
      `update policy_exception set expires_at = expires_at + interval '1 day' where name = 'lifted'`,
      'row-differs policy_exception',
      /expiresAt/,
    ],
    [
      'an exception that holds again',
      `update policy_exception set revoked_by = null, revoked_at = null, approved_by = 'eva', approved_at = now() where name = 'revoked'`,
      'row-differs policy_exception',
      /revokedBy is null/,
    ],
    [
      'a freeze that is gone',
      `delete from calendar_entry where name = 'spec-freeze'`,
      'entry-without-row calendar_entry',
      /spec-freeze/,
    ],
    [
      'a freeze of others',
      `update calendar_entry set label_key = null, label_value = null where name = 'spec-freeze'`,
      'row-differs calendar_entry',
      /label/,
    ],
    [
      'an emergency stop that nobody lifted',
      `update emergency_stop set lifted_by = 'mallory', lifted_at = now(), lift_reason = 'it is all right' where lifted_by is null`,
      'row-differs emergency_stop',
      /liftedBy is "mallory", by the log null/,
    ],
    [
      'an emergency stop that is gone',
      'delete from emergency_stop',
      'entry-without-row emergency_stop',
      /emergency_stop/,
    ],
    [
      'another author, so that the real one may approve',
      `update migration set author = 'zoe' where name = 'approved'`,
      'row-differs migration',
      /author is "zoe", by the log "ana"/,
    ],
    [
      'a step that nobody allowed',
      `insert into step_authorization (plan_uid, step, content_hash, detail, allowed, reason, entry_id) select plan_uid, 'Migrate', repeat('0', 64), '', true, 'ok', 'none' from migration where name = 'approved'`,
      'row-without-entry step_authorization',
      /step "Migrate"/,
    ],
    [
      'a step that was allowed of another content',
      `update step_authorization set content_hash = repeat('0', 64)`,
      'row-differs step_authorization',
      /contentHash/,
    ],
    [
      'gates that an edit of the running plan took away',
      `update live_edit set parts = '{"gates":{"metrics":[]}}'`,
      'row-differs live_edit',
      /parts/,
    ],
    [
      'an edit of a running plan that needs no approval any more',
      `update live_edit set needs = '[]'`,
      'row-differs live_edit',
      /needs is \[\]/,
    ],
    [
      'an edit that was never made',
      `insert into live_edit (plan_uid, generation, content_hash, parts, loosened, needs, edited_at) select plan_uid, 9, repeat('0', 64), '{}', '{}', '[]', now() from migration where name = 'approved'`,
      'row-without-entry live_edit',
      /live_edit/,
    ],
    [
      'another question',
      `update evaluation set request = replace(request::text, 'restricted-v2', 'privileged')::json where plan_uid in (select plan_uid from migration where name = 'approved')`,
      'row-differs migration',
      /requestHash/,
    ],
    [
      'another answer',
      `update evaluation set answer = replace(answer::text, '"count":1', '"count":0')::json where plan_uid in (select plan_uid from migration where name = 'approved')`,
      'row-differs migration',
      /answerHash/,
    ],
    [
      'a request that was granted by nobody',
      `update approval_request set status = 'granted', decided_at = now() where plan_uid in (select plan_uid from migration where name = 'taken')`,
      'row-differs approval_request',
      /status is "granted", by the log "pending"/,
    ],
    [
      'a request that asks for less',
      `update approval_request set needs = '[]' where id = ${approvedPlan}`,
      'row-differs approval_request',
      /needs/,
    ],
    [
      'a request for another content',
      `update approval_request set content_hash = repeat('0', 64) where id = ${approvedPlan}`,
      'row-differs approval_request',
      /contentHash/,
    ],
    [
      'a request that does not end',
      `update approval_request set expires_at = expires_at + interval '1 year' where id = ${approvedPlan}`,
      'row-differs approval_request',
      /expiresAt/,
    ],
    [
      'an editor who is forgotten',
      `update approval_request set editors = '{x}' where id = ${approvedPlan}`,
      'row-differs approval_request',
      /editors/,
    ],
    [
      'a second approver',
      `insert into approval_decision (request, approver, role, decision) values (${approvedPlan}, 'mallory', 'approver', 'approve')`,
      'row-without-entry approval_decision',
      /mallory/,
    ],
    [
      'an approver who did not approve',
      `update approval_decision set approver = 'carla' where approver = 'bob' and request = ${approvedPlan}`,
      'row-without-entry approval_decision',
      /carla/,
    ],
    [
      'a refusal that became an approval',
      `update approval_decision set decision = 'approve' where decision = 'refuse'`,
      'row-differs approval_decision',
      /decision is "approve"/,
    ],
    [
      'a decision that is withdrawn no more',
      `update approval_decision set withdrawn_at = null where withdrawn_at is not null`,
      'row-without-entry approval_decision',
      /bob/,
    ],
    [
      'a decision that is gone',
      `delete from approval_decision where request = ${approvedPlan}`,
      'entry-without-row approval_decision',
      /bob/,
    ],
    [
      'broken glass that nobody broke',
      `insert into break_glass (request, used_by, reason, used_at) values (${approvedPlan}, 'mallory', 'a reason that is long enough', now())`,
      'row-without-entry break_glass',
      /mallory/,
    ],
    [
      'a review that did not happen',
      `update break_glass set reviewed_by = 'mallory'`,
      'row-differs break_glass',
      /reviewedBy/,
    ],
    ['broken glass that is swept away', `delete from break_glass`, 'entry-without-row break_glass', /break_glass/],
    [
      'a command that may be given again',
      `update command_grant set used_at = null where used_at is not null`,
      'row-differs command_grant',
      /used is false/,
    ],
    [
      'a command of somebody else',
      `update command_grant set actor = 'mallory' where used_at is null`,
      'row-differs command_grant',
      /mallory/,
    ],
    [
      'a pre-image that was changed',
      `update pre_image set manifest = replace(manifest::text, '1.5', '9.5')::json where manifest is not null`,
      'row-differs pre_image',
      /manifest/,
    ],
    [
      'a pre-image that is null',
      `update pre_image set manifest = null where manifest is not null`,
      'row-differs pre_image',
      /manifest is null/,
    ],
    [
      'a pre-image that is gone',
      `delete from pre_image where manifest is null`,
      'entry-without-row pre_image',
      /Service/,
    ],
    ...EXCHANGED_ROWS,
    ...ENGINE_ROWS,
    [
      'a pre-image that nobody took',
      `insert into pre_image (plan_uid, key, ordinal, workflow_id, manifest) select plan_uid, 'v1 Secret x/y', 3, 'w', '{}' from migration where name = 'approved'`,
      'row-without-entry pre_image',
      /Secret/,
    ],
  ])('show %s', async (_attack, statement, where, what) => {
    const [first] = await after(statement);
    expect(`${first?.fault} ${first?.table}`).toBe(where);
    expect(first?.message).toMatch(what);
  });

  it('show what is there twice without its constraint, and a view in place of a table', async () => {
    const twice = await after(
      'drop index approval_decision_once',
      `insert into approval_decision (request, approver, role, decision, reason, decided_at, lends, known_as)
       select request, approver, role, decision, reason, decided_at, lends, known_as from approval_decision
       where approver = 'bob' and request = ${approvedPlan}`,
    );
    expect(twice).toMatchObject([{ fault: 'row-without-entry', table: 'approval_decision' }]);
    expect(twice[0]?.message).toMatch(/bob is there more than once/);
    const seen = await after(
      'alter table role_binding rename to hidden',
      `create view role_binding as select * from hidden where subject_name <> 'åsa'`,
    );
    expect(seen).toMatchObject([{ fault: 'entry-without-row', table: 'role_binding' }]);
  });

  it('show a table that was emptied or dropped', async () => {
    expect(await after('drop table break_glass cascade')).toMatchObject([{ fault: 'entry-without-row' }]);
    expect((await after('delete from role_binding')).map(({ fault }) => fault)).not.toContain('row-without-entry');
  });
});

const foundSchema = z.object({ rows: z.array(z.object({ table: z.string(), key: z.string(), fault: z.string() })) });

describe('a role that somebody wrote into the table', () => {
  const health = async () => healthSchema.parse((await test.call('', 'GET', '/v1/health')).body);
  const contradictions = async () =>
    foundSchema.parse((await test.call('ada/auditor', 'GET', '/v1/audit/contradictions')).body).rows;
  const answer = (caller: string, body: object) =>
    test.call(caller, 'POST', '/v1/audit/contradictions/answers', { body });

  it('is named by health, by the list and by verify, until somebody has answered for it', async () => {
    await database.admin.query(
      `insert into role_binding (role, subject_kind, subject_name, namespaces, created_by) values ('admin', 'User', 'mallory', '*', 'olga')`,
    );
    const [found] = await contradictions();
    expect(found).toMatchObject({ fault: 'row-without-entry', table: 'role_binding' });
    expect(await health()).toMatchObject({ status: 'error', components: { audit: { status: 'down' } } });
    const report = await verifyLog(exported(), untrusting);
    expect(report).toMatchObject({ verdict: 'tampered', first: { fault: 'row-without-entry', index: null } });

    const rows = [{ table: 'role_binding', key: found?.key }];
    const reason = 'mallory is the new admin, checked by phone';
    expect(await answer('olga/admin', { reason, rows })).toMatchObject({ status: 403 });
    expect(await answer('ada/auditor', { reason, rows: [{ table: 'role_binding', key: '0' }] })).toMatchObject({
      status: 409,
    });
    expect(await answer('ada/auditor', { reason })).toMatchObject({ status: 422 });
    expect(await answer('ada/auditor', { reason, rows })).toMatchObject({ status: 200, body: { rows: [] } });
    expect(await health()).toMatchObject({ components: { audit: { status: 'up' } } });
    expect((await verifyLog(exported(), untrusting)).verdict).not.toBe('tampered');
    await database.admin.query(`update role_binding set namespaces = 'shop' where subject_name = 'mallory'`);
    expect(await contradictions()).toMatchObject([{ fault: 'row-differs', key: found?.key }]);
    await database.admin.query(`update role_binding set namespaces = '*' where subject_name = 'mallory'`);
  });
});

describe('adopting what an earlier version left', () => {
  it('happens once', async () => {
    await new Adoption(database.app, contradictionsIn).adopt();
    const adopted = await database.app.query<unknown>(
      `select count(*)::int as entries from audit_entry where action = 'record.adopted'`,
    );
    expect(adopted).toEqual([{ entries: 1 }]);
  });
});
