import { KEY_ROTATED } from '@scc/audit';
import type { Queryable } from '../database/rows.js';

/** An entry that waits for its seal. */
export interface Unsealed {
  id: string;
  transaction_id: string;
  leaf_hash: Buffer;
  /** Only of rotation entries. */
  rotation: Buffer | null;
}

interface Position {
  transaction: string;
  id: string;
}

const COLUMNS = 'e.id, e.transaction_id, e.leaf_hash';

/** Not an anti join: without fresh statistics the planner would hash every seal, ten times a second. */
export const SELECT_UNSEALED = `
  select ${COLUMNS}, case when e.action = $4 then e.body end as rotation
  from audit_entry e
  where (e.transaction_id, e.id) > ($1::bigint, $2::bigint)
    and (select s.entry from audit_seal s where s.entry = e.id) is null
  order by e.transaction_id, e.id
  limit $3`;

const SELECT_MISSED = `
  select ${COLUMNS}, case when e.action = $3 then e.body end as rotation
  from audit_entry e
  where e.id > $1 and e.id <= $2 and (select s.entry from audit_seal s where s.entry = e.id) is null
  order by e.id`;

/** Transactions of the service are short: what one leaves behind is among so many rows, all but certainly. */
const WINDOW = 10_000;

/** Exclusive, by rows and not by what the sealer before knew: that may have been of another server, whose numbers differ. */
export const SELECT_START = `
  select transaction_id::text as transaction, (id - 1)::text as id from (
    select transaction_id, id from audit_entry
    where id > coalesce((select entry from audit_seal order by index desc limit 1), 0) - $1
    order by id limit $1
  ) recent order by transaction_id, id limit 1`;

const BEFORE_ALL = (-(2n ** 63n)).toString();
const SWEEP = 2_500;

/**
 * What a sealer still has to seal. It starts with the rows near the newest seal, so that taking over takes as long with a
 * long log as with a short one; the rows before are swept once, a few with each look, for what was left behind there.
 */
export class UnsealedEntries {
  private horizon: string | null = null;
  private sweptUpTo = BEFORE_ALL;
  private isSwept = false;

  private constructor(
    private readonly db: Queryable,
    private position: Position,
  ) {}

  static async after(db: Queryable): Promise<UnsealedEntries> {
    const [start] = await db.query<Position[]>(SELECT_START, [WINDOW]);
    return new UnsealedEntries(db, start ?? { transaction: '0', id: '0' });
  }

  /**
   * Walks through entries by transaction. When it has passed every transaction that had ended at the start of the walk,
   * it starts again from there: what was still running then may have committed since.
   */
  async next(limit: number): Promise<Unsealed[]> {
    this.horizon ??= await this.oldestRunning();
    const { transaction, id } = this.position;
    const found = await this.db.query<Unsealed[]>(SELECT_UNSEALED, [transaction, id, limit, KEY_ROTATED]);
    const last = found.at(-1);
    if (found.length < limit || (last && BigInt(last.transaction_id) >= BigInt(this.horizon))) {
      this.position = { transaction: this.horizon, id: '0' };
      this.horizon = null;
    } else if (last) {
      this.position = { transaction: last.transaction_id, id: last.id };
    }
    return found.toSorted((a, b) => Number(a.id) - Number(b.id));
  }

  /** The next few rows of the sweep; to be called when what `next` answered is sealed. */
  async missed(): Promise<Unsealed[]> {
    if (this.isSwept) return [];
    const [end] = await this.db.query<{ id: string | null; rows: string }[]>(
      'select max(id) as id, count(*) as rows from (select id from audit_entry where id > $1 order by id limit $2) chunk',
      [this.sweptUpTo, SWEEP],
    );
    const upTo = end?.id ?? this.sweptUpTo;
    const found = await this.db.query<Unsealed[]>(SELECT_MISSED, [this.sweptUpTo, upTo, KEY_ROTATED]);
    this.sweptUpTo = upTo;
    this.isSwept = Number(end?.rows ?? 0) < SWEEP;
    return found;
  }

  private async oldestRunning(): Promise<string> {
    const [row] = await this.db.query<{ xmin: string }[]>(
      'select pg_snapshot_xmin(pg_current_snapshot())::text as xmin',
    );
    return row?.xmin ?? '0';
  }
}
