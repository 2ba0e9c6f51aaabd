import type { Connection, Submittable } from 'pg';

/** Of node-postgres: TypeORM has no way to copy. */
export interface CopyClient {
  query(statement: Submittable): unknown;
}

/** The fields of one row in PostgreSQL's binary COPY format, to be read in their order. */
export class CopiedRow {
  constructor(
    private readonly data: Buffer,
    private at: number,
    private readonly end: number,
  ) {}

  /** By hand: each field of each row has a length. */
  private length(): number {
    const { data, at } = this;
    this.at += 4;
    return ((data[at] ?? 0) << 24) | ((data[at + 1] ?? 0) << 16) | ((data[at + 2] ?? 0) << 8) | (data[at + 3] ?? 0);
  }

  bytes(): Buffer | null {
    const length = this.length();
    if (length < 0) return null;
    this.at += length;
    return this.data.subarray(this.at - length, this.at);
  }

  /**
   * All fields that are left, as texts. They are decoded at once: a text that is as long as its bytes has each of them at
   * the place of its byte, and a call for each field would cost several times as much.
   */
  texts(): (string | null)[] {
    const { data, at: start, end } = this;
    const all = data.toString('utf8', start, end);
    const isBytewise = all.length === end - start;
    const found: (string | null)[] = [];
    while (this.at < end) {
      const length = this.length();
      const from = this.at;
      if (length > 0) this.at += length;
      if (length < 0) found.push(null);
      else found.push(isBytewise ? all.slice(from - start, this.at - start) : data.toString('utf8', from, this.at));
    }
    return found;
  }

  /** An int8, exact up to 2^53. */
  int8(): number | null {
    if (this.length() < 0) return null;
    this.at += 8;
    return this.data.readInt32BE(this.at - 8) * 2 ** 32 + this.data.readUInt32BE(this.at - 4);
  }
}

/** The signature, two numbers, and no extension of the header. */
const HEADER_BYTES = 19;
const FIELD_COUNT_BYTES = 2;
const TRAILER = -1;
const SLAB_BYTES = 256 * 1024;

/** A statement of its own kind, with the methods that node-postgres calls. */
class Copy<Row> implements Submittable {
  private readonly rows: Row[] = [];
  private isBegun = false;
  private slab = Buffer.alloc(0);
  private used = 0;

  constructor(
    private readonly select: string,
    private readonly read: (row: CopiedRow) => Row,
    private readonly done: { resolve: (rows: Row[]) => void; reject: (error: unknown) => void },
  ) {}

  submit(connection: Connection): void {
    connection.query(`copy (${this.select}) to stdout (format binary)`);
  }

  handleCopyData({ chunk }: { chunk: Buffer }): void {
    const start = this.isBegun ? 0 : HEADER_BYTES;
    this.isBegun = true;
    if (chunk.length < start + FIELD_COUNT_BYTES || chunk.readInt16BE(start) === TRAILER) return;
    const at = this.keep(chunk);
    this.rows.push(this.read(new CopiedRow(this.slab, at + start + FIELD_COUNT_BYTES, this.used)));
  }

  /** The chunk is a view of a buffer that node-postgres uses again. Many chunks share a buffer, which costs less than one each. */
  private keep(chunk: Buffer): number {
    if (this.used + chunk.length > this.slab.length) {
      this.slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, chunk.length));
      this.used = 0;
    }
    this.slab.set(chunk, this.used);
    this.used += chunk.length;
    return this.used - chunk.length;
  }

  handleCommandComplete(): void {
    // The rows are there when the server is ready for the next statement.
  }

  handleError(error: unknown): void {
    this.done.reject(error);
  }

  handleReadyForQuery(): void {
    this.done.resolve(this.rows);
  }
}

/**
 * Reads many rows as bytes: the text protocol would send a `bytea` as hex, twice as long, and costs both sides twice.
 * @param select takes no parameters
 */
export const copyRows = <Row>(client: CopyClient, select: string, read: (row: CopiedRow) => Row): Promise<Row[]> =>
  new Promise((resolve, reject) => {
    client.query(new Copy(select, read, { resolve, reject }));
  });
