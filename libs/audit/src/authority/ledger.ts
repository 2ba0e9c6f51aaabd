import type { AuthorityEntry, AuthorityTable, Holds } from './rows.js';

/** Where an entry stands in the log; the index is null while it is not sealed. */
export interface EntryPlace {
  index: number | null;
  entryId: string;
}

/** A row as the log has it, and the entry that said so last. */
export interface Entitled {
  holds: Holds;
  by: EntryPlace;
}

/** The rows that the log entitles, by table and key. Rows are replaced, never changed in place. */
export class Ledger {
  private constructor(private readonly tables: Map<AuthorityTable, Map<string, Entitled>>) {}

  static empty(): Ledger {
    return new Ledger(new Map());
  }

  /** A ledger that goes on from this one without changing it. */
  fork(): Ledger {
    return new Ledger(new Map([...this.tables].map(([table, rows]) => [table, new Map(rows)])));
  }

  rows(table: AuthorityTable): ReadonlyMap<string, Entitled> {
    return this.tables.get(table) ?? new Map<string, Entitled>();
  }

  get(table: AuthorityTable, key: string): Holds | undefined {
    return this.tables.get(table)?.get(key)?.holds;
  }

  set(table: AuthorityTable, key: string, holds: Holds, by: EntryPlace): void {
    const rows = this.tables.get(table) ?? new Map<string, Entitled>();
    this.tables.set(table, rows.set(key, { holds, by }));
  }

  /** Changes some members of a row that is there; a row that no entry made stays unknown. */
  patch(table: AuthorityTable, key: string, holds: Holds, by: EntryPlace): void {
    const before = this.get(table, key);
    if (before) this.set(table, key, { ...before, ...holds }, by);
  }

  remove(table: AuthorityTable, key: string): void {
    this.tables.get(table)?.delete(key);
  }
}

/** How an entry changes the rows. Details that are not as the service writes them change nothing. */
export type LedgerRule = (ledger: Ledger, entry: AuthorityEntry, by: EntryPlace) => void;
