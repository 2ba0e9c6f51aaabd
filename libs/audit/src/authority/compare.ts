import { isDeepStrictEqual } from 'node:util';
import type { JsonValue } from '../canonical.js';
import type { Fault } from '../findings.js';
import { type Entitled, type EntryPlace, Ledger } from './ledger.js';
import { AUTHORITY_TABLES, type AuthorityEntry, type AuthorityRow, type AuthorityTable, type Holds } from './rows.js';
import { RULES } from './rules.js';

/** A row of authority and the log contradict each other. */
export interface Contradiction {
  fault: Extract<Fault, 'row-without-entry' | 'entry-without-row' | 'row-differs'>;
  table: AuthorityTable;
  key: string;
  /** The row as it stands, null when there is none: what somebody who answers for it accepts. */
  holds: Holds | null;
  /** The entry that is contradicted; null when there is none. */
  by: EntryPlace | null;
  message: string;
}

/**
 * Derives from entries, in the order of the log, which rows of authority there have to be, and compares these with the
 * rows that there are.
 */
export class AuthorityCheck {
  private constructor(
    private readonly ledger: Ledger,
    /** What the log said of rows when they agreed: the same row is not compared with the same again. */
    private readonly agreed: WeakMap<AuthorityRow, Entitled>,
  ) {}

  static empty(): AuthorityCheck {
    return new AuthorityCheck(Ledger.empty(), new WeakMap());
  }

  /** A check that goes on from this one without changing it. */
  fork(): AuthorityCheck {
    return new AuthorityCheck(this.ledger.fork(), this.agreed);
  }

  see(entry: AuthorityEntry, index: number | null): void {
    RULES[entry.action]?.(this.ledger, entry, { index, entryId: entry.id });
  }

  /** @param rows all rows of the given tables; an object that was compared before has not changed since. */
  compare(rows: Iterable<AuthorityRow>, tables: readonly AuthorityTable[] = AUTHORITY_TABLES): Contradiction[] {
    const met = new Set<string>();
    const found: Contradiction[] = [];
    for (const row of rows) {
      const place = `${row.table} ${row.key}`;
      // Without its constraint a table holds one row twice, such as the approval of one person. A running plan may come
      // back to an edit.
      found.push(...(met.has(place) && row.table !== 'live_edit' ? [again(row)] : this.judge(row)));
      met.add(place);
    }
    for (const table of tables)
      for (const [key, { by }] of this.ledger.rows(table))
        if (!met.has(`${table} ${key}`))
          found.push({
            ...{ fault: 'entry-without-row', table, key, holds: null, by },
            message: `the log has the row ${nameOf({ table, key })}, the table does not`,
          });
    return found;
  }

  private judge(row: AuthorityRow): Contradiction[] {
    const { table, key, holds } = row;
    const entitled = this.ledger.rows(table).get(key);
    if (entitled && this.agreed.get(row) === entitled) return [];
    if (!entitled)
      return [
        {
          ...{ fault: 'row-without-entry', table, key, holds, by: null },
          message: `no entry made the row ${nameOf({ table, key })} (${textOf(holds)})`,
        },
      ];
    const differing = Object.keys(entitled.holds).filter(
      (member) => !isDeepStrictEqual(entitled.holds[member], holds[member]),
    );
    if (differing.length === 0) {
      this.agreed.set(row, entitled);
      return [];
    }
    const what = differing
      .map((member) => `${member} is ${shown(holds[member])}, by the log ${shown(entitled.holds[member])}`)
      .join('; ');
    return [
      {
        ...{ fault: 'row-differs', table, key, holds, by: entitled.by },
        message: `the row ${nameOf({ table, key })} was changed: ${what}`,
      },
    ];
  }
}

const again = ({ table, key, holds }: AuthorityRow): Contradiction => ({
  ...{ fault: 'row-without-entry', table, key, holds, by: null },
  message: `the row ${nameOf({ table, key })} is there more than once (${textOf(holds)})`,
});

const MAX_SHOWN = 200;
const nameOf = ({ table, key }: Pick<AuthorityRow, 'table' | 'key'>): string => `${table} ${key}`;
const shown = (value: JsonValue | undefined): string =>
  (value === undefined ? 'absent' : JSON.stringify(value)).slice(0, MAX_SHOWN);
const textOf = (holds: Holds): string =>
  Object.entries(holds)
    .map(([member, value]) => `${member} ${shown(value)}`)
    .join(', ')
    .slice(0, 2 * MAX_SHOWN);
