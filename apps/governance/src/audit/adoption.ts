import { AUTHORITY_TABLES, type AuthorityTable, type Contradiction, RECORD_REVISION } from '@scc/audit';
import { jsonOf } from '@scc/runtime';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { SYSTEM } from '../call/caller.js';
import { isOlderConnected } from '../database/application.js';
import { type Queryable, rowsOf } from '../database/rows.js';
import { acceptances } from './answers.js';
import { appendAuditBatch } from './append.js';

/** Rows that versions left which wrote less into the log than is compared now. */
const ADOPTED = 'record.adopted';

/** The tables that were compared when entries did not name them yet. */
const UNNAMED: readonly AuthorityTable[] = AUTHORITY_TABLES.slice(0, AUTHORITY_TABLES.indexOf('step_authorization'));

const adoptedRow = z.object({
  body: z.instanceof(Buffer).transform((bytes) => jsonOf(bytes.toString('utf8'))),
});
const adoptedSchema = z.object({
  details: z.object({
    tables: z.array(z.string()).default([...UNNAMED]),
    revision: z.int().default(0),
    alone: z.boolean().default(false),
  }),
});

interface Adopted {
  /** Tables whose rows have a point from which each needs its entry. */
  tables: ReadonlySet<string>;
  /** Whether this revision ran without an earlier one beside it: from then on nothing is adopted. */
  isComplete: boolean;
  /** Whether an earlier revision was seen beside this one. */
  wasRolling: boolean;
}

async function adoptedSoFar(db: Queryable): Promise<Adopted> {
  const rows = await rowsOf(db, adoptedRow, 'select body from audit_entry where action = $1', [ADOPTED]);
  const adopted = rows.flatMap(({ body }) => adoptedSchema.safeParse(body).data?.details ?? []);
  return {
    tables: new Set(adopted.flatMap(({ tables }) => tables)),
    isComplete: adopted.some(({ revision, alone }) => alone && revision >= RECORD_REVISION),
    wasRolling: adopted.some(({ revision, alone }) => !alone && revision === RECORD_REVISION),
  };
}

const shortRow = z.object({ short: z.boolean() });

/** Whether sealed entries are gone: a log that was emptied says nothing of what was adopted before. */
async function isShortened(tx: Queryable): Promise<boolean> {
  const [row] = await rowsOf(
    tx,
    shortRow,
    'select (select count(*) from audit_entry) < (select count(*) from audit_seal) as short',
  );
  return row?.short ?? false;
}

/**
 * The point from which the tables are compared with the log. What was there before is written into it once for each
 * table, and so is what replicas of an earlier version write while they are being replaced. When a look finds none of
 * them, this is over for this revision, whatever connects later.
 */
export class Adoption {
  private isComplete = false;

  constructor(
    private readonly source: DataSource,
    private readonly contradictionsIn: (tx: Queryable) => Promise<Contradiction[]>,
  ) {}

  /** Whether an earlier version may still write rows that its entries do not say. */
  async isRolling(): Promise<boolean> {
    if (this.isComplete) return false;
    const isOlder = await isOlderConnected(this.source);
    const { isComplete, wasRolling } = await adoptedSoFar(this.source);
    this.isComplete = isComplete;
    return !isComplete && (isOlder || wasRolling);
  }

  async adopt(): Promise<void> {
    if (this.isComplete) return;
    // Before the snapshot of the transaction, so that this holds all that they wrote.
    const isRolling = await isOlderConnected(this.source);
    await this.source.transaction('REPEATABLE READ', async (tx) => {
      const [lock] = await tx.query<{ held: boolean }[]>(
        `select pg_try_advisory_xact_lock(hashtext('${ADOPTED}')) as held`,
      );
      if (!lock?.held) return;
      const { tables, isComplete, wasRolling } = await adoptedSoFar(tx);
      const isNew = AUTHORITY_TABLES.some((table) => !tables.has(table));
      if (isComplete && !isNew) return;
      if (tables.size === 0 && (await isShortened(tx))) return;
      const found = (await this.contradictionsIn(tx)).filter(
        ({ table }) => !tables.has(table) || (!isComplete && (isRolling || wasRolling)),
      );
      if (isRolling && wasRolling && !isNew && found.length === 0) return;
      const details = { tables: [...AUTHORITY_TABLES], revision: RECORD_REVISION, alone: !isRolling };
      await appendAuditBatch(tx, acceptances(found, { actor: SYSTEM, action: ADOPTED, requestId: null }, details));
    });
  }
}
