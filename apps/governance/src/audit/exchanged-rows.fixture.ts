/** The request of the plan that was approved. */
export const approvedPlan = `(select id from approval_request where plan_uid = (select plan_uid from migration where name = 'approved'))`;

/** Rows that were there as they are, in another place: statement, what is found, and in which words. */
export const EXCHANGED_ROWS: [what: string, statement: string, where: string, words: RegExp][] = [
  [
    'a pre-image of another object',
    `update pre_image set key = 'apps/v1 Deployment shop/cart' where manifest is not null`,
    'row-without-entry pre_image',
    /shop\/cart/,
  ],
  [
    'pre-images in another order',
    `update pre_image set ordinal = 3 - ordinal`,
    'row-differs pre_image',
    /order is 2, by the log 1/,
  ],
  [
    'a pre-image of another plan',
    `update pre_image set plan_uid = (select plan_uid from migration where name = 'taken')`,
    'row-without-entry pre_image',
    /no entry made/,
  ],
  [
    'a command that lasts',
    `update command_grant set expires_at = expires_at + interval '1 year'`,
    'row-differs command_grant',
    /expiresAt/,
  ],
  [
    'a command of another plan',
    `update command_grant set plan_uid = (select plan_uid from migration where name = 'taken')`,
    'row-differs command_grant',
    /planUid/,
  ],
  [
    'an approval of another request',
    `update approval_decision set request = (select id from approval_request where plan_uid = (select plan_uid from migration where name = 'taken')) where request = ${approvedPlan}`,
    'row-without-entry approval_decision',
    /bob/,
  ],
  [
    'a binding of a policy whose name differs in its letters only',
    `insert into policy_binding select (jsonb_populate_record(b, '{"name":"Spec-Binding"}')).* from policy_binding b where name = 'spec-binding'`,
    'row-without-entry policy_binding',
    /Spec-Binding/,
  ],
  [
    'a newer version of a policy',
    `insert into policy_version select (jsonb_populate_record(v, '{"version":2,"content_hash":"none"}')).* from policy_version v where name = 'spec-policy'`,
    'row-without-entry policy_version',
    /spec-policy\/2/,
  ],
  [
    'an exception for another workload',
    `update policy_exception set name = 'ledger' where name = 'lifted'`,
    'row-differs policy_exception',
    /name is "ledger"/,
  ],
  [
    'broken glass of another request',
    `update break_glass set request = ${approvedPlan}`,
    'row-differs break_glass',
    /request/,
  ],
  [
    'an emergency stop of another namespace',
    `update emergency_stop set namespace = 'elsewhere' where lifted_by is null`,
    'row-differs emergency_stop',
    /namespace is "elsewhere"/,
  ],
];
