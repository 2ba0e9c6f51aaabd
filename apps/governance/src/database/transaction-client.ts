import pg from 'pg';

const START = { name: 'scc-start-transaction', text: 'START TRANSACTION' };
const ENDS: readonly unknown[] = ['COMMIT', 'ROLLBACK'];
const NOTHING = { rows: [], rowCount: null };

/** Of node-postgres, not in its types; its version is pinned. */
interface QueryParts {
  prepare(connection: pg.Connection): void;
  handleCommandComplete(message: object, connection: pg.Connection): void;
}
interface QueryClass {
  prototype: pg.Query & QueryParts;
  new (statement: pg.QueryConfig, answer: (error: Error | undefined, result: unknown) => void): pg.Query & QueryParts;
}
const untyped: unknown = pg.Query;
const Query = untyped as QueryClass;

/**
 * Starts a transaction and runs a statement in it. Both come before one Sync message, so that PostgreSQL skips the
 * statement when it could not start the transaction.
 */
class OpeningQuery extends Query {
  #isStarted = false;

  override prepare(connection: pg.Connection): void {
    connection.bind({ statement: START.name }, true);
    connection.execute({ rows: '' }, true);
    super.prepare(connection);
  }

  override handleCommandComplete(message: object, connection: pg.Connection): void {
    if (this.#isStarted) super.handleCommandComplete(message, connection);
    this.#isStarted = true;
  }
}

/** A transaction commits this only if a statement finds nothing: it must divide by zero for what it finds. */
export interface CommitCheck {
  /** Its parameters are arrays, the columns of the rows that it looks for. */
  text: string;
  columns: readonly (readonly string[])[];
  /** The reason when the statement found something. */
  refusal: () => Error;
}

const CHECK = 'scc-commit-check';
const CONSTRAINTS = { name: 'scc-constraints', text: 'SET CONSTRAINTS ALL IMMEDIATE' };
const COMMIT = { name: 'scc-commit', text: 'COMMIT' };
const DIVISION_BY_ZERO = '22012';

/**
 * Runs all deferred triggers, a check, and the commit. All come before one Sync message: PostgreSQL skips the commit
 * when something before it fails, and nothing that the transaction does can come after the check.
 */
class ClosingQuery extends Query {
  #completed = 0;

  constructor(
    private readonly checked: string[],
    answer: (error: Error | undefined, result: unknown) => void,
  ) {
    super(COMMIT, answer);
  }

  override prepare(connection: pg.Connection): void {
    connection.bind({ portal: '', statement: CONSTRAINTS.name, values: [] }, true);
    connection.execute({ rows: '' }, true);
    connection.bind({ portal: '', statement: CHECK, values: this.checked }, true);
    connection.execute({ rows: '' }, true);
    super.prepare(connection);
  }

  override handleCommandComplete(message: object, connection: pg.Connection): void {
    this.#completed += 1;
    if (this.#completed > 2) super.handleCommandComplete(message, connection);
  }
}

/**
 * A client for the pool that sends the start of a transaction together with the first statement in it: each transaction
 * costs one round trip less. A transaction without a statement costs none. The check of a transaction before it
 * commits is sent together with the commit.
 */
export class TransactionClient extends pg.Client {
  #canOpen = false;
  #isWaiting = false;
  #canClose = false;
  #check: CommitCheck | null = null;

  /**
   * The transaction at hand commits only if the check finds nothing; the rows of several checks are looked for
   * together.
   */
  checkAtCommit(check: CommitCheck): void {
    const before = this.#check?.columns ?? [];
    this.#check = { ...check, columns: check.columns.map((column, at) => [...(before[at] ?? []), ...column]) };
  }

  override query(...call: unknown[]): never {
    return this.#route(call) as never;
  }

  #route(call: unknown[]): unknown {
    const [first, values] = call;
    const check = this.#check;
    if (check && ENDS.includes(first)) {
      this.#check = null;
      if (first === 'COMMIT') return this.#close(check);
    }
    if (first === START.text && call.length < 3) return this.#start();
    if (!this.#isWaiting) return this.#send(call);
    this.#isWaiting = false;
    if (ENDS.includes(first)) return Promise.resolve(NOTHING);
    const statement = statementOf(first, values);
    if (statement) return this.#open(statement);
    return this.#send([START.text]).then(() => this.#send(call));
  }

  /** The first time prepares the statement on this connection. */
  async #start(): Promise<unknown> {
    this.#isWaiting = this.#canOpen;
    if (this.#canOpen) return NOTHING;
    const started = await this.#send([START]);
    this.#canOpen = true;
    return started;
  }

  #open(statement: pg.QueryConfig): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const query = new OpeningQuery(statement, (error, result) => (error ? reject(error) : resolve(result)));
      void this.#send([query]);
    });
  }

  /** The first time prepares the statements on this connection. */
  async #close({ text, columns, refusal }: CommitCheck): Promise<unknown> {
    const values = columns.map(arrayText);
    try {
      if (this.#canClose)
        return await new Promise((resolve, reject) => {
          const query = new ClosingQuery(values, (error, result) => (error ? reject(error) : resolve(result)));
          void this.#send([query]);
        });
      await this.#send([CONSTRAINTS]);
      await this.#send([{ name: CHECK, text, values }]);
      const committed = await this.#send([COMMIT]);
      this.#canClose = true;
      return committed;
    } catch (error) {
      throw error instanceof pg.DatabaseError && error.code === DIVISION_BY_ZERO ? refusal() : error;
    }
  }

  #send(call: unknown[]): Promise<unknown> {
    // Regardless of overloads, the arguments are passed on.
    return super.query(...(call as [string]));
  }
}

/** A parameter of an array type. */
const arrayText = (values: readonly string[]): string =>
  `{${values.map((value) => `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`).join(',')}}`;

/** Null for what may be several statements in one text, which only the simple protocol takes. */
function statementOf(first: unknown, values: unknown): pg.QueryConfig | null {
  if (typeof first === 'string') return Array.isArray(values) && values.length > 0 ? { text: first, values } : null;
  return isNamed(first) ? first : null;
}

const isNamed = (statement: unknown): statement is pg.QueryConfig =>
  typeof statement === 'object' && statement !== null && 'name' in statement && 'text' in statement;
