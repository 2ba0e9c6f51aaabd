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
  ) {}

  bytes(): Buffer | null {
    const length = this.data.readInt32BE(this.at);
    this.at += 4;
    if (length < 0) return null;
    this.at += length;
    return this.data.subarray(this.at - length, this.at);
  }

  text(): string | null {
    const length = this.data.readInt32BE(this.at);
    this.at += 4;
    if (length < 0) return null;
    this.at += length;
    return this.data.toString('utf8', this.at - length, this.at);
  }

  /** An int8, exact up to 2^53. */
  int8(): number | null {
    if (this.data.readInt32BE(this.at) < 0) {
      this.at += 4;
      return null;
    }
    this.at += 12;
    return this.data.readInt32BE(this.at - 8) * 2 ** 32 + this.data.readUInt32BE(this.at - 4);
  }
}

/** The signature, two numbers, and no extension of the header. */
const HEADER_BYTES = 19;
const FIELD_COUNT_BYTES = 2;
const TRAILER = -1;

/** A statement of its own kind, with the methods that node-postgres calls. */
class Copy<Row> implements Submittable {
  private readonly rows: Row[] = [];
  private isBegun = false;

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
    // The chunk is a view of a buffer that node-postgres uses again.
    this.rows.push(this.read(new CopiedRow(Buffer.from(chunk), start + FIELD_COUNT_BYTES)));
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
