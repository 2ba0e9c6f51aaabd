import {
  auditBodySchema,
  AUTHORITY_ACTIONS,
  AUTHORITY_TABLES,
  AuthorityCheck,
  type Contradiction,
  leafHash,
} from '@scc/audit';
import { jsonOf, messageOf, pause, type Logger } from '@scc/runtime';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { isDatabaseAway } from '../database/outage.js';
import { type Queryable, rowOf, rowsOf } from '../database/rows.js';
import { Adoption } from './adoption.js';
import type { FoundContradiction } from './answers.js';
import { readAuthority } from './authority-rows.js';
import { KeptRows } from './kept-rows.js';
import { answersIn, keepOpen } from './open-findings.js';

const EVERY_MS = 30_000;
const PAGE = 2_000;
/** The registry is read apart: its rows stay for ever. */
const OTHER_TABLES = AUTHORITY_TABLES.filter((table) => table !== 'scc_activation');

/**
 * Whether the column by which entries are searched says another action than the body, which decides. The members of a
 * body stand in the order of their names, so its bytes begin with the action.
 */
const IS_RENAMED = `convert_to('{"action":' || to_json(e.action)::text || ',', 'UTF8')
  <> substring(e.body from 1 for octet_length(convert_to('{"action":' || to_json(e.action)::text || ',', 'UTF8')))`;

const entryRow = z.object({
  index: z.coerce.number().nullable(),
  sealed: z.instanceof(Buffer).nullable(),
  body: z.instanceof(Buffer),
});
type EntryRow = z.infer<typeof entryRow>;

export interface AuthorityWatchOptions {
  source: DataSource;
  logger: Logger;
  everyMs?: number;
  also?: readonly AlsoWatched[];
}

/** The rest that has to follow from the log, or stay as it was when the log began. */
export interface AlsoWatched {
  readonly name: string;
  /** @returns the contradictions of the log that have no answer */
  look(): Promise<FoundContradiction[]>;
  /** In words what it found apart from a look of the `AuthorityWatch`; null for nothing. */
  readonly contradicted?: string | null;
}

/**
 * Compares the tables that carry authority with the entries that made their rows, again and again. What was found stays
 * found, also after a restart and when it is over, until somebody has answered for it. What the sealed log
 * says is derived once and kept; each look reads the entries since and all rows, from one snapshot: of the registry those
 * that changed, and all of them every ten minutes.
 */
export class AuthorityWatch {
  private sealed = AuthorityCheck.empty();
  /** How many sealed entries were seen. */
  private size = 0;
  private readonly registry = new KeptRows();
  private last: FoundContradiction[] = [];
  private looking: Promise<unknown> = Promise.resolve();
  private running: Promise<void> = Promise.resolve();
  private readonly stopping = new AbortController();
  private readonly adoption: Adoption;

  constructor(private readonly options: AuthorityWatchOptions) {
    this.adoption = new Adoption(options.source, contradictionsIn);
  }

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
    await this.looking;
  }

  /** The findings of the last look, in words; null when rows and entries agree. */
  get contradicted(): string | null {
    const { also = [] } = this.options;
    return (
      inWords(this.last) ?? also.map(({ contradicted = null }) => contradicted).find((words) => words !== null) ?? null
    );
  }

  /** Looks now. One look at a time: the next begins when the one before is over. */
  look(): Promise<FoundContradiction[]> {
    const next = this.looking.then(() => this.compare());
    this.looking = next.catch(() => undefined);
    return next;
  }

  private async run(): Promise<void> {
    const { everyMs = EVERY_MS, logger } = this.options;
    while (!this.stopping.signal.aborted) {
      await this.adopt();
      try {
        const before = this.contradicted;
        const found = await this.look();
        if (found.length > 0 && this.contradicted !== before)
          logger.error({ found: found.slice(0, 20), count: found.length }, 'tables contradict the audit log');
      } catch (error) {
        logger.warn({ err: error }, 'the tables were not compared with the audit log');
      }
      await pause(everyMs, this.stopping.signal);
    }
  }

  private async adopt(): Promise<void> {
    try {
      await this.adoption.adopt();
    } catch (error) {
      this.options.logger.warn({ err: error }, 'what an earlier version left was not adopted');
    }
  }

  private async compare(): Promise<FoundContradiction[]> {
    const { source, logger, also = [] } = this.options;
    const answers = await answersIn(source);
    const found = await orUncomparable('the tables of authority', () => this.compareRows());
    for (const one of also) found.push(...(await orUncomparable(one.name, () => one.look())));
    this.last = found;
    try {
      this.last = [...found, ...(await keepOpen(source, found, answers))];
    } catch (error) {
      logger.error({ err: error }, 'what contradicts the audit log was not written into it');
    }
    return this.last;
  }

  private async compareRows(): Promise<FoundContradiction[]> {
    // Before the snapshot: what an earlier version wrote until now is in it, and waits to be adopted.
    const isRolling = await this.adoption.isRolling();
    const rows = await this.options.source.transaction('REPEATABLE READ', async (tx) => {
      await tx.query('set transaction read only');
      await this.readSealed(tx);
      return contradictionsOf(tx, this.sealed.fork(), this.registry);
    });
    return isRolling ? [] : rows;
  }

  private async readSealed(tx: EntityManager): Promise<void> {
    const newest = await rowOf(
      tx,
      z.object({ size: z.coerce.number() }),
      'select coalesce(max(index) + 1, 0) as size from audit_seal',
    );
    const size = newest?.size ?? 0;
    if (size < this.size) {
      // Another log, such as one from a backup: begin again.
      this.sealed = AuthorityCheck.empty();
      this.size = 0;
      this.registry.forget();
    }
    if (size === this.size) return;
    // A look that fails in between begins again where the last one ended.
    const goingOn = this.sealed.fork();
    for (let from = this.size; from < size; from += PAGE) {
      const page = await rowsOf(
        tx,
        entryRow,
        `select s.index, s.leaf_hash as sealed, e.body from audit_seal s join audit_entry e on e.id = s.entry
         where s.index >= $1 and s.index < $2 and (e.action = any($3) or ${IS_RENAMED}) order by s.index`,
        [from, Math.min(from + PAGE, size), AUTHORITY_ACTIONS],
      );
      for (const row of page) see(goingOn, row);
    }
    this.sealed = goingOn;
    this.size = size;
  }
}

/** A database in which the comparison cannot be made, although it answers, is not the one that the service made. */
async function orUncomparable(what: string, look: () => Promise<FoundContradiction[]>): Promise<FoundContradiction[]> {
  try {
    return [...(await look())];
  } catch (error) {
    if (isDatabaseAway(error)) throw error;
    const message = `the comparison with the log cannot be made: ${messageOf(error)}`;
    return [{ ...{ fault: 'not-comparable', table: 'schema', key: what, by: null, message }, holds: null }];
  }
}

/** The first, and how many more there are; null for nothing. */
export function inWords([first, ...more]: readonly FoundContradiction[]): string | null {
  if (!first) return null;
  return `${first.fault}: ${first.message}${more.length > 0 ? `, and ${more.length} more` : ''}`;
}

/** An entry that was altered since it was sealed, or that the service did not write, says nothing; `verify` names it. */
function see(check: AuthorityCheck, { index, sealed, body }: EntryRow): void {
  if (sealed && !leafHash(body).equals(sealed)) return;
  const said = auditBodySchema.safeParse(jsonOf(body.toString('utf8'))).data;
  if (!said) return;
  const { id, action, actor, object, details } = said;
  const { name = null, namespace = null } = object;
  check.see({ id, action, actor: actor.name, name, namespace, details }, index);
}

/** Sees what is not sealed yet, and compares. */
async function contradictionsOf(
  tx: Queryable,
  check: AuthorityCheck,
  registry = new KeptRows(),
): Promise<Contradiction[]> {
  const unsealed = await rowsOf(
    tx,
    entryRow,
    `select null as index, null as sealed, e.body from audit_entry e
     where e.action = any($1) and (select s.entry from audit_seal s where s.entry = e.id) is null order by e.id`,
    [AUTHORITY_ACTIONS],
  );
  for (const row of unsealed) see(check, row);
  const rows = await readAuthority(tx, OTHER_TABLES);
  return check.compare([...rows, ...(await registry.read(tx))], AUTHORITY_TABLES);
}

/** Contradictions of the log in this transaction, from its first entry on. */
export async function contradictionsIn(tx: Queryable): Promise<Contradiction[]> {
  const check = AuthorityCheck.empty();
  const sealed = await rowsOf(
    tx,
    entryRow,
    `select s.index, s.leaf_hash as sealed, e.body from audit_seal s join audit_entry e on e.id = s.entry
     where e.action = any($1) order by s.index`,
    [AUTHORITY_ACTIONS],
  );
  for (const row of sealed) see(check, row);
  return contradictionsOf(tx, check);
}
