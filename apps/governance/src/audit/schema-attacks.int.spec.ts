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
