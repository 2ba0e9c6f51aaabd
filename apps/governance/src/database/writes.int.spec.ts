import { describe, expect, it } from '@jest/globals';
import { QueryFailedError } from 'typeorm';
import { recordDecision, withdraw } from '../approvals/decisions.js';
import { evaluatePlan } from '../engine/evaluate.js';
import {
  aBatch,
  aRequest,
  at,
  completedEvents,
  inTx,
  NOON,
  ownWorkload,
  person,
  recorded,
  reportCovered,
} from '../governance.fixture.js';
import { governanceSuite } from '../suite.fixture.js';

/** Statements that the role of the service cannot run on the record, whatever its code does. */

const database = governanceSuite();

/** SQLSTATE that a statement of the service's role is refused with; null when it is carried out. */
async function refusal(statement: string): Promise<string | null> {
  try {
    await database.app.query(statement);
    return null;
  } catch (error) {
    if (error instanceof QueryFailedError) return (error.driverError as { code?: string }).code ?? '';
    throw error;
  }
}

const NO_RIGHT = '42501';
const REFUSED_BY_TRIGGER = 'SA080';

async function aDecidedPlan(): Promise<void> {
  const workload = ownWorkload('decided');
  const request = aRequest({ ...workload, spec: { ...workload.spec, approval: { required: true } } });
  const { uid } = request.plan;
  const { contentHash } = await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
  const decide = (by: string, decision: 'approve' | 'refuse') =>
    inTx(database.app, (tx) =>
      recordDecision(tx, uid, { decision, contentHash, reason: 'looked at' }, at(NOON, person(by, 'approver'))),
    );
  await decide('bob', 'approve');
  await inTx(database.app, (tx) => withdraw(tx, uid, at(NOON, person('bob', 'approver'))));
  await decide('carla', 'refuse');
  await inTx(database.app, (tx) => reportCovered(tx, uid, aBatch(request, recorded(completedEvents)), at(NOON)));
}

describe('the role of the service', () => {
  it.each([
    ['names another approver', `update approval_decision set approver = 'mallory'`],
    ['turns a refusal into an approval', `update approval_decision set decision = 'approve'`],
    ['deletes a decision', 'delete from approval_decision'],
    ['asks for less', `update approval_request set needs = '[]'`],
    ['moves a request to another content', `update approval_request set content_hash = repeat('0', 64)`],
    ['lets a request last', `update approval_request set expires_at = now() + interval '1 year'`],
    ['changes a reported event', `update migration_event set event = '{}'`],
    ['deletes a reported event', 'delete from migration_event'],
    ['changes a step that was allowed', 'update step_authorization set allowed = true'],
    ['changes projected traffic', `update view_migration set traffic = '{}'`],
    ['changes a projected gate', `update view_gate set verdict = 'pass'`],
    ['changes a projected pod', `update view_pod set scc = 'x'`],
    ['changes what was evaluated', `update evaluation set verdict = 'allow'`],
    ['changes a pre-image', `update pre_image set manifest = '{}'`],
    ['changes a role', `update role_binding set role = 'admin'`],
    ['changes a policy', `update policy_version set author = 'x'`],
    ['lengthens an exception', `update policy_exception set expires_at = now() + interval '1 year'`],
    ['gives a command to somebody else', `update command_grant set actor = 'mallory'`],
    ['changes an observed activation', `update scc_activation set scc = 'x'`],
    ['changes an SCC', `update scc_version set content = '{}'`],
    ['changes an audit entry', `update audit_entry set actor = 'x'`],
    ['changes what a policy said', `update policy_verdict set message = 'x'`],
    ['deletes break-glass', 'delete from break_glass'],
    ['changes who broke the glass', `update break_glass set used_by = 'x'`],
    ['changes an outcome of risk', 'update risk_outcome set label = 0'],
    ['gives a run to another plan', `update migration_run set plan_uid = 'x'`],
    ['begins an activity at another place', 'update activity_begin set sequence = 0'],
    ['moves the time of a content', 'update scc_presence set present_from = now()'],
    ['changes an assessment', `update risk_assessment set band = 'low'`],
    ['names another pod', `update tracked_pod set name = 'x'`],
    ['disables a trigger', 'alter table approval_decision disable trigger all'],
    ['empties a table', 'truncate approval_decision'],
  ])('has no right when it %s', async (_what, statement) => {
    expect(await refusal(statement)).toBe(NO_RIGHT);
  });

  it('cannot let begin again what is over', async () => {
    await aDecidedPlan();
    expect(await refusal('update approval_decision set withdrawn_at = null where withdrawn_at is not null')).toBe(
      REFUSED_BY_TRIGGER,
    );
    expect(await refusal(`update approval_request set status = 'granted', decided_at = now()`)).toBe(
      REFUSED_BY_TRIGGER,
    );
    expect(await refusal(`update migration set author = 'mallory'`)).toBe(REFUSED_BY_TRIGGER);
    expect(await refusal('update activity_begin set done_at = null')).toBe(REFUSED_BY_TRIGGER);
  });
});
