import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import { auditBodySchema, AUTHORITY_TABLES, AuthorityCheck, type AuthorityRow, type AuthorityTable } from '@scc/audit';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { rowsOf } from '../database/rows.js';
import { governanceSuite } from '../suite.fixture.js';
import { makeAuthorityRows } from './authority-rows.fixture.js';
import { authorityRows } from './authority-rows.js';

jest.setTimeout(60_000);

const database = governanceSuite();
beforeAll(() => makeAuthorityRows(database), 120_000);

/** Tables whose rows follow from entries. */
const TABLES = [
  ...['role_binding', 'policy_version', 'policy_binding', 'policy_exception', 'calendar_entry', 'emergency_stop'],
  ...['migration', 'approval_request', 'approval_decision', 'break_glass', 'command_grant', 'pre_image'],
  ...['step_authorization', 'live_edit', 'activity_begin', 'activity_refusal', 'workload_claim', 'migration_run'],
  ...['migration_end', 'evaluation', 'risk_model', 'risk_promotion', 'risk_assessment', 'risk_outcome'],
  ...['scc_version', 'scc_presence', 'scc_activation', 'notification_receiver', 'policy_verdict'],
];

const OF_THE_LOG = 'is the log itself, see attacks.int.spec.ts';
const FROM_EVENTS = 'is made from the events, which are compared with their entries';
const OBSERVED = 'is what was seen of the cluster, again and again';
/** Tables whose rows let nobody do anything. */
const NO_AUTHORITY: Readonly<Record<string, string>> = {
  ...{ audit_entry: OF_THE_LOG, audit_seal: OF_THE_LOG, audit_tile: OF_THE_LOG, audit_checkpoint: OF_THE_LOG },
  ...{ audit_epoch: OF_THE_LOG, audit_key: OF_THE_LOG },
  migration_event: 'each is compared with its entry, with the read model',
  ...{ view_migration: FROM_EVENTS, view_gate: FROM_EVENTS, view_weight: FROM_EVENTS, view_pod: FROM_EVENTS },
  ...{ tracked_pod: OBSERVED, pod_transition: OBSERVED, observed_write: OBSERVED, scc_mixture: OBSERVED },
  ...{ workload_scan: OBSERVED, scanned_workload: OBSERVED },
  outbox: 'wakes workflows, which then ask; its rows are compared with the ends of approvals',
  notification_delivery: 'is a message',
  idempotency_key: 'is an answer that was given, and carries a seal of governance, see idempotency.int.spec.ts',
  console_session: 'holds a token that is sealed with what only the cookie has',
};

const MOVES = 'moves with the work and has no entry of its own';
/** Columns that are not compared, each with the reason. */
const FREE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  scc_presence: { confirmed_at: MOVES },
  notification_receiver: { cursor: MOVES },
};

/** Rows that let nothing pass and hold nobody back, so that the log does not need them. */
const IDLE: Readonly<Record<string, string>> = {
  approval_decision: 'withdrawn_at is not null',
  workload_claim: 'released_at is not null',
};

const columnRow = z.object({ table: z.string(), column: z.string(), type: z.string(), generated: z.string() });
type ColumnRow = z.infer<typeof columnRow>;

const columnsOf = (table: string): Promise<ColumnRow[]> =>
  rowsOf(
    database.admin,
    columnRow,
    `select table_name as table, column_name as column, udt_name as type, is_identity as generated
     from information_schema.columns where table_schema = current_schema() and table_name = $1 order by ordinal_position`,
    [table],
  );

/** Another value of a type, whatever the old one is. */
const OTHER: Readonly<Record<string, (column: string) => string>> = {
  text: (column) => `coalesce(${column}, '') || 'x'`,
  _text: (column) => `coalesce(${column}, '{}') || array['x']`,
  int4: (column) => `coalesce(${column}, 0) + 1000`,
  int8: (column) => `coalesce(${column}, 0) + 1000`,
  float8: (column) => `coalesce(${column}, 0) + 0.125`,
  _float8: (column) => `coalesce(${column}, '{}') || array[0.125::float8]`,
  bool: (column) => `not coalesce(${column}, false)`,
  timestamptz: (column) => `coalesce(${column} - interval '1 day', '2020-01-01')`,
  json: () => `'{"other": "x"}'`,
  jsonb: () => `'["other"]'`,
  bytea: (column) => `sha256(coalesce(${column}, ''))`,
};
const otherOf = ({ type, column }: ColumnRow): string => {
  const other = OTHER[type];
  if (!other) throw new Error(`no other value of the type ${type} of ${column}`);
  return other(column);
};

/** The rows that the log has. */
const placesIn = async (table: string): Promise<string[]> => {
  const rows = await rowsOf(
    database.admin,
    z.object({ place: z.string() }),
    `select ctid::text as place from ${table} where not coalesce(${IDLE[table] ?? 'false'}, false) order by ctid`,
  );
  return rows.map(({ place }) => place);
};

/** A running plan may come back to an edit. */
const MAY_RETURN: readonly string[] = ['live_edit'];

/** What a row is known by, where it is not its id. */
const KEYS: Readonly<Record<string, string>> = {
  policy_version: 'name, version',
  policy_binding: 'name',
  calendar_entry: 'name',
  migration: 'plan_uid',
  command_grant: 'token_hash',
  pre_image: 'plan_uid, key',
  step_authorization: 'entry_id',
  live_edit: 'plan_uid, generation, content_hash',
  activity_begin: 'plan_uid, sequence',
  activity_refusal: 'entry_id',
  workload_claim: 'plan_uid',
  migration_run: 'plan_uid',
  migration_end: 'workflow_id, run_id, sequence',
  evaluation: 'entry_id',
  approval_decision: 'request, approver',
  risk_promotion: 'entry_id',
  policy_verdict: 'plan_uid, content_hash, binding, rule, because',
  risk_outcome: 'plan_uid',
  notification_receiver: 'name',
};

/** A superuser has nobody to ask for them. */
const WITHOUT_CONSTRAINTS = `do $$ declare c record; begin
  for c in select conrelid::regclass as at, conname from pg_constraint where connamespace = current_schema()::regnamespace and contype in ('c', 'f', 'p', 'u')
      order by contype loop
    execute format('alter table %s drop constraint if exists %I cascade', c.at, c.conname);
  end loop;
  for c in select indexrelid::regclass as name from pg_index i join pg_class t on t.oid = i.indrelid
      where i.indisunique and t.relnamespace = current_schema()::regnamespace loop
    execute format('drop index %s', c.name);
  end loop;
  for c in select table_name, column_name from information_schema.columns
      where table_schema = current_schema() and is_identity = 'YES' loop
    execute format('alter table %I alter column %I drop identity', c.table_name, c.column_name);
  end loop;
end $$`;

/** What the rows of a table are compared as. */
const comparedAs = (table: string): AuthorityTable[] =>
  AUTHORITY_TABLES.filter((name) => name === table || PARTS[table]?.includes(name));
const PARTS: Readonly<Record<string, readonly string[]>> = {
  activity_begin: ['activity_done'],
  step_authorization: ['step_refusal'],
  evaluation: ['migration'],
};

let log: AuthorityCheck;
beforeAll(async () => {
  log = AuthorityCheck.empty();
  const entries = await database.admin.query<{ body: Buffer }[]>('select body from audit_entry order by id');
  for (const { body } of entries) {
    const { id, action, actor, object, details } = auditBodySchema.parse(JSON.parse(body.toString('utf8')));
    const { name = null, namespace = null } = object;
    log.see({ id, action, actor: actor.name, name, namespace, details }, null);
  }
});

class Undone extends Error {}
type Attack = (statement: string) => Promise<string[]>;

/** Attacks one after the other, each from the rows as the service left them; nothing of them stays. */
async function attacks(table: string, as: 'superuser' | 'service', work: (attack: Attack) => Promise<void>) {
  const attackIn = async (tx: EntityManager, statement: string): Promise<string[]> => {
    await tx.query('savepoint attack');
    try {
      await tx.query(statement);
      const rows: AuthorityRow[] = [];
      for (const name of comparedAs(table)) for await (const page of authorityRows(tx, name)) rows.push(...page);
      return log.compare(rows, comparedAs(table)).map(({ fault }) => fault);
    } catch (error) {
      if (as === 'superuser') throw error;
      return [String(error)];
    } finally {
      await tx.query('rollback to attack');
    }
  };
  const source = as === 'superuser' ? database.admin : database.app;
  const all = source.transaction(async (tx) => {
    if (as === 'superuser') {
      await tx.query(`set local session_replication_role = 'replica'`);
      await tx.query(WITHOUT_CONSTRAINTS);
    }
    expect(await attackIn(tx, 'select 1')).toEqual([]);
    await work((statement) => attackIn(tx, statement));
    throw new Undone();
  });
  await all.catch((error: unknown) => {
    if (!(error instanceof Undone)) throw error;
  });
}

/** The statements that nobody would notice. */
async function unseen(
  table: string,
  { as, statements }: { as: 'superuser' | 'service'; statements: ReadonlyMap<string, string> },
): Promise<string[]> {
  const names: string[] = [];
  await attacks(table, as, async (attack) => {
    for (const [name, statement] of statements) if ((await attack(statement)).length === 0) names.push(name);
  });
  return names;
}

describe.each(TABLES)('%s', (table) => {
  const first = `ctid = (select ctid from ${table} where not coalesce(${IDLE[table] ?? 'false'}, false) order by ctid limit 1)`;

  it.each(['superuser', 'service'] as const)('shows another value in each column, by the %s', async (as) => {
    const columns = (await columnsOf(table)).filter(
      ({ column, generated }) => generated !== 'YES' && FREE[table]?.[column] === undefined,
    );
    const statements = new Map(
      columns.map((column) => [
        column.column,
        `update ${table} set ${column.column} = ${otherOf(column)} where ${first}`,
      ]),
    );
    expect(statements.size).toBeGreaterThan(0);
    expect(await unseen(table, { as, statements })).toEqual([]);
  });

  it.each(['superuser', 'service'] as const)('shows a row that is gone, whichever it is, by the %s', async (as) => {
    const places = await placesIn(table);
    const statements = new Map(places.map((place) => [place, `delete from ${table} where ctid = '${place}'`]));
    expect(statements.size).toBeGreaterThan(0);
    expect(await unseen(table, { as, statements })).toEqual([]);
  });

  it.each(['superuser', 'service'] as const)('shows a row that is there twice, by the %s', async (as) => {
    const columns = (await columnsOf(table)).map(({ column }) => column).join(', ');
    const again = `insert into ${table} (${columns}) overriding system value select ${columns} from ${table} where ${first}`;
    const found = await unseen(table, { as, statements: new Map([[table, again]]) });
    expect(found).toEqual(as === 'superuser' && MAY_RETURN.includes(table) ? [table] : []);
  });

  it('shows two rows that changed places', async () => {
    const [a, ...others] = await placesIn(table);
    const keys = KEYS[table] ?? 'id';
    const statements = new Map(
      others.map((b) => {
        const other = `(select ${keys} from ${table} o where o.ctid = case t.ctid when '${a}' then '${b}'::tid else '${a}'::tid end)`;
        return [b, `update ${table} t set (${keys}) = ${other} where ctid in ('${a}', '${b}')`];
      }),
    );
    const alike = await unseen(table, { as: 'superuser', statements });
    // Two rows may say the same.
    expect(alike.length).toBeLessThan(Math.max(statements.size, 1));
  });
});

it('names every table that the service writes, or says why its rows need no entry', () => {
  const tables = database.app.entityMetadatas.map(({ tableName }) => tableName).toSorted();
  expect([...TABLES, ...Object.keys(NO_AUTHORITY)].toSorted()).toEqual(tables);
});
