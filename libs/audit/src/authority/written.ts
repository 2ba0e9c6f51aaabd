import { z } from 'zod';
import type { EntryPlace, Ledger } from './ledger.js';
import { read } from './reading.js';
import type { AuthorityTable, Holds } from './rows.js';

/** When the rows of an entry were written. Absent in entries from before it was kept, whose rows are not compared by it. */
export const timed = z.object({ at: z.string() });
const replaced = z.object({ before: z.object({ rowVersion: z.int() }).nullable() });

/** @returns the time of the entry under the name that its row has for it, and whatever else is known since then */
export function written(details: unknown, member: string, others: Holds = {}): Holds {
  const at = read(timed, details)?.at;
  return at === undefined ? {} : { [member]: at, ...others };
}

/** The same of a row that counts its changes. */
export function saved(details: unknown): Holds {
  const before = read(replaced, details)?.before;
  return before === undefined ? {} : written(details, 'changedAt', { rowVersion: (before?.rowVersion ?? 0) + 1 });
}

interface Change {
  table: AuthorityTable;
  key: string;
  holds: Holds;
  /** Members that say when something was done. A row of which they are not known does not learn them. */
  times?: Holds;
  /** The member that counts changes. */
  counter?: string;
}

/** Changes a row, with the times of the change and its counter where the log knows them. */
export function change(ledger: Ledger, { table, key, holds, times = {}, counter }: Change, by: EntryPlace): void {
  const held = ledger.get(table, key) ?? {};
  const known = Object.fromEntries(Object.entries(times).filter(([member]) => member in held));
  const count = counter === undefined ? undefined : held[counter];
  const counted = counter !== undefined && typeof count === 'number' ? { [counter]: count + 1 } : {};
  ledger.patch(table, key, { ...holds, ...known, ...counted }, by);
}
