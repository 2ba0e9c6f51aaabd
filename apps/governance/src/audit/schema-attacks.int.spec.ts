import { beforeAll, describe, expect, it } from '@jest/globals';
import { governanceSuite } from '../suite.fixture.js';
import { SchemaWatch } from './schema-watch.js';

/** Changes around the tables that leave every row, and every trigger of theirs, as it was. */

const database = governanceSuite();
beforeAll(async () => {
  await database.admin.query('create schema evil');
  await database.admin.query('create role thief');
  expect(await new SchemaWatch(database.app).look()).toEqual([]);
}, 60_000);

const constraint = 'approval_decision.approval_decision_request_fkey';
const alterConstraint = `alter table approval_decision alter constraint approval_decision_request_fkey`;
const renameTo = (table: string, from: string, to: string): string => `alter table ${table} rename ${from} to ${to}`;
const exchanged = (table: string, [a, b]: [string, string]): string[] => [
  renameTo(table, a, 'elsewhere'),
  renameTo(table, b, a),
  renameTo(table, 'elsewhere', b),
];
const sequence = 'audit_entry_id_seq';
const flag = (table: string, set: string): string =>
  `update pg_class set ${set} where oid = 'public.${table}'::regclass`;
const ofDefault = (set: string): string =>
  `update pg_attribute set atthasdef = ${set} where attrelid = 'role_binding'::regclass and attname = 'created_at'`;
const ofIndex = (set: string): string =>
  `update pg_index set ${set} where indexrelid = 'approval_decision_pkey'::regclass`;
const constraintOid = `(select oid from pg_constraint where conname = 'approval_decision_request_fkey')`;
const maxOfBigint = `'pg_catalog.max(bigint)'::regprocedure`;
const orderOfBytes = (to: string, from: string): string =>
  `update pg_amproc set amproc = '${to}' where amproclefttype = 'bytea'::regtype and amprocnum = 1 and amproc = '${from}'::regproc`;
const regclassCast = `where castsource = 'text'::regtype and casttarget = 'regclass'::regtype`;

describe('a superuser', () => {
  it.each<[string, [attack: string[], undo: string[]], string, RegExp]>([
    [
      'lets two columns change their names with each other',
      [exchanged('observed_write', ['name', 'written_by']), exchanged('observed_write', ['name', 'written_by'])],
      'column observed_write.written_by',
      /at 4/,
    ],
    [
      'puts a function beside the tables that fits a call better than that of PostgreSQL',
      [
        [`create function public.json_build_object(text, text) returns json language sql as $$ select '{}'::json $$`],
        ['drop function public.json_build_object(text, text)'],
      ],
      'function json_build_object(text,text)',
      /of postgres/,
    ],
    [
      'makes an operator that compares in another way',
      [
        [
          'create function evil.same(text, boolean) returns boolean language sql immutable as $$ select true $$',
          'create operator public.= (leftarg = text, rightarg = boolean, function = evil.same)',
        ],
        ['drop operator public.= (text, boolean)', 'drop function evil.same(text, boolean)'],
      ],
      'operator =(text,boolean)',
      /evil\.same/,
    ],
    [
      'makes a cast that happens by itself',
      [
        [
          'create function evil.truth(text) returns boolean language sql immutable as $$ select true $$',
          'create cast (text as boolean) with function evil.truth(text) as implicit',
        ],
        ['drop cast (text as boolean)', 'drop function evil.truth(text)'],
      ],
      'cast of text to boolean',
      /evil\.truth/,
    ],
    [
      'changes a cast of PostgreSQL',
      [
        [`update pg_cast set castcontext = 'e' ${regclassCast}`],
        [`update pg_cast set castcontext = 'i' ${regclassCast}`],
      ],
      'operators, casts and types of PostgreSQL itself',
      /./,
    ],
    [
      'has each write of a table compute something',
      [
        [
          'create function evil.peek(text) returns text language sql immutable as $$ select $1 $$',
          'create index peek on role_binding (evil.peek(role))',
        ],
        ['drop index peek', 'drop function evil.peek(text)'],
      ],
      'index peek',
      /evil\.peek/,
    ],
    [
      'lets the service set a sequence',
      [[`grant update on sequence ${sequence} to scc_app`], [`revoke update on sequence ${sequence} from scc_app`]],
      `right on the sequence ${sequence} of scc_app`,
      /UPDATE/,
    ],
    [
      'lets the service make tables and functions beside its own',
      [['grant create on schema public to scc_app'], ['revoke create on schema public from scc_app']],
      'right on the schema public of scc_app',
      /CREATE/,
    ],
    [
      'gives somebody the role that owns the tables',
      [['grant scc_owner to thief'], ['revoke scc_owner from thief']],
      'members of scc_owner',
      /thief/,
    ],
    [
      'gives somebody the role of the service',
      [['grant scc_app to thief'], ['revoke scc_app from thief']],
      'members of scc_app',
      /thief/,
    ],
    [
      'makes the service an owner by way of another role',
      [
        ['grant scc_owner to thief', 'grant thief to scc_app'],
        ['revoke thief from scc_app', 'revoke scc_owner from thief'],
      ],
      'role of the service',
      /scc_owner thief/,
    ],
    [
      'has commits acknowledged before they last',
      [['alter role scc_app set synchronous_commit = off'], ['alter role scc_app reset synchronous_commit']],
      'setting of the role synchronous_commit',
      /off/,
    ],
    [
      'lets the service pass its rights on',
      [
        ['grant insert on audit_entry to scc_app with grant option'],
        ['revoke grant option for insert on audit_entry from scc_app'],
      ],
      'right on audit_entry of scc_app',
      /INSERT to give/,
    ],
    [
      'gives a function of triggers another owner',
      [
        ['alter function audit_refuse_change() owner to thief'],
        ['alter function audit_refuse_change() owner to scc_owner'],
      ],
      'function audit_refuse_change()',
      /another than when/,
    ],
    [
      'has a function of triggers find other tables',
      [
        ['alter function audit_check_seals() set search_path = evil'],
        ['alter function audit_check_seals() reset search_path'],
      ],
      'function audit_check_seals()',
      /evil/,
    ],
    [
      'has a function of triggers run as its owner',
      [
        ['alter function approval_check_author() security definer'],
        ['alter function approval_check_author() security invoker'],
      ],
      'function approval_check_author()',
      /SECURITY DEFINER/,
    ],
    [
      'defers a constraint',
      [[`${alterConstraint} deferrable initially deferred`], [`${alterConstraint} not deferrable`]],
      `constraint ${constraint}`,
      /DEFERRABLE/,
    ],
    [
      'lets another server write into the tables',
      [
        [
          `create subscription feed connection 'host=127.0.0.1' publication p with (connect = false, slot_name = none, enabled = false, create_slot = false)`,
        ],
        ['drop subscription feed'],
      ],
      'subscription feed',
      /disabled/,
    ],
    [
      'takes a table out of sight',
      [['alter table scc_mixture set schema evil'], ['alter table evil.scc_mixture set schema public']],
      'table scc_mixture',
      /is gone/,
    ],
    [
      'gives the schema another owner',
      [['alter schema public owner to thief'], ['alter schema public owner to pg_database_owner']],
      'schema public',
      /of thief/,
    ],
    [
      'has PostgreSQL look for no triggers of a table',
      [[flag('audit_entry', 'relhastriggers = false')], [flag('audit_entry', 'relhastriggers = true')]],
      'table audit_entry',
      /without its triggers/,
    ],
    [
      'has PostgreSQL look for no checks of a table',
      [[flag('audit_seal', 'relchecks = 0')], [flag('audit_seal', 'relchecks = 2')]],
      'table audit_seal',
      /checks that are not run/,
    ],
    [
      'has PostgreSQL look for no indexes of a table',
      [[flag('approval_decision', 'relhasindex = false')], [flag('approval_decision', 'relhasindex = true')]],
      'table approval_decision',
      /without its indexes/,
    ],
    [
      'takes the default of a column out of use',
      [[ofDefault('false')], [ofDefault('true')]],
      'column role_binding.created_at',
      /not used/,
    ],
    [
      'has an index written no more that keeps things apart',
      [[ofIndex('indisready = false')], [ofIndex('indisready = true')]],
      'index approval_decision_pkey',
      /not written/,
    ],
    [
      'has an index checked late',
      [[ofIndex('indimmediate = false')], [ofIndex('indimmediate = true')]],
      'index approval_decision_pkey',
      /checked late/,
    ],
    [
      'passes a trigger off as one of PostgreSQL',
      [
        [
          `create function evil.swallow() returns trigger language plpgsql as 'begin return null; end'`,
          'create trigger swallow before insert on policy_verdict for each row execute function evil.swallow()',
          `update pg_trigger set tgisinternal = true where tgname = 'swallow'`,
        ],
        [
          `update pg_trigger set tgisinternal = false where tgname = 'swallow'`,
          'drop trigger swallow on policy_verdict',
          'drop function evil.swallow()',
        ],
      ],
      'trigger policy_verdict.swallow',
      /evil\.swallow/,
    ],
    [
      'has another function check references',
      [
        [
          `update pg_trigger set tgfoid = 'audit_refuse_change()'::regprocedure where tgconstraint = ${constraintOid} and tgfoid = '"RI_FKey_check_ins"'::regproc`,
        ],
        [
          `update pg_trigger set tgfoid = '"RI_FKey_check_ins"'::regproc where tgconstraint = ${constraintOid} and tgfoid = 'audit_refuse_change()'::regprocedure`,
        ],
      ],
      `checks of ${constraint}`,
      /audit_refuse_change/,
    ],
    [
      'passes a cast off as one of an extension',
      [
        [
          'create function evil.truth(text) returns boolean language sql immutable as $$ select true $$',
          'create cast (text as boolean) with function evil.truth(text) as implicit',
          'alter extension plpgsql add cast (text as boolean)',
        ],
        [
          'alter extension plpgsql drop cast (text as boolean)',
          'drop cast (text as boolean)',
          'drop function evil.truth(text)',
        ],
      ],
      'extension plpgsql',
      /./,
    ],
    [
      'makes an aggregate that fits a call better than that of PostgreSQL',
      [
        [
          'create function evil.first(text, text) returns text language sql as $$ select $1 $$',
          'create aggregate public.json_agg(text) (sfunc = evil.first, stype = text)',
        ],
        ['drop aggregate public.json_agg(text)', 'drop function evil.first(text, text)'],
      ],
      'aggregate json_agg(text)',
      /evil\.first/,
    ],
    [
      'has an aggregate of PostgreSQL find the least for the greatest',
      [
        [`update pg_aggregate set aggtransfn = 'int8smaller' where aggfnoid = ${maxOfBigint}`],
        [`update pg_aggregate set aggtransfn = 'int8larger' where aggfnoid = ${maxOfBigint}`],
      ],
      'operators, casts and types of PostgreSQL itself',
      /./,
    ],
    [
      'has indexes put bytes in another order',
      [[orderOfBytes('bttextcmp', 'byteacmp')], [orderOfBytes('byteacmp', 'bttextcmp')]],
      'operators, casts and types of PostgreSQL itself',
      /./,
    ],
    [
      'gives the service rights to tables to come',
      [
        ['alter default privileges for role scc_owner in schema public grant update on tables to scc_app'],
        ['alter default privileges for role scc_owner in schema public revoke update on tables from scc_app'],
      ],
      'default rights on r of scc_owner for scc_app',
      /UPDATE/,
    ],
    [
      'lets the service take triggers out of its sessions',
      [
        ['grant set on parameter session_replication_role to scc_app'],
        ['revoke set on parameter session_replication_role from scc_app'],
      ],
      'right on the setting session_replication_role of scc_app',
      /SET/,
    ],
    [
      'has the service speak to the database in another encoding',
      [['alter role scc_app set client_encoding = latin1'], ['alter role scc_app reset client_encoding']],
      'setting of the role client_encoding',
      /latin1/,
    ],
  ])('%s, and is found', async (_what, [attack, undo], key, message) => {
    const watch = new SchemaWatch(database.app);
    expect(await watch.look()).toEqual([]);
    try {
      for (const statement of attack) await database.admin.query(statement);
      const found = await watch.look();
      expect(found.map((one) => one.key)).toContain(key);
      expect(found.find((one) => one.key === key)?.message).toMatch(message);
    } finally {
      for (const statement of undo) await database.admin.query(statement);
    }
    expect(await watch.look()).toEqual([]);
  });
});
