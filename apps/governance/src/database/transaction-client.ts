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

/**
 * A client for the pool that sends the start of a transaction together with the first statement in it: each transaction
 * costs one round trip less. A transaction without a statement costs none.
 */
export class TransactionClient extends pg.Client {
  #canOpen = false;
  #isWaiting = false;

  override query(...call: unknown[]): never {
    return this.#route(call) as never;
  }

  #route(call: unknown[]): unknown {
    const [first, values] = call;
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

  #send(call: unknown[]): Promise<unknown> {
    // Whatever its overloads are: what came in is passed on.
    return super.query(...(call as [string]));
  }
}

/** Null for what may be several statements in one text, which only the simple protocol takes. */
function statementOf(first: unknown, values: unknown): pg.QueryConfig | null {
  if (typeof first === 'string') return Array.isArray(values) && values.length > 0 ? { text: first, values } : null;
  return isNamed(first) ? first : null;
}

const isNamed = (statement: unknown): statement is pg.QueryConfig =>
  typeof statement === 'object' && statement !== null && 'name' in statement && 'text' in statement;
