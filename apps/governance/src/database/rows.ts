import type { EntityManager, ObjectLiteral, QueryDeepPartialEntity } from 'typeorm';
import type { z } from 'zod';

/** What DataSource, EntityManager and QueryRunner have in common. */
export interface Queryable {
  query<Rows>(sql: string, parameters?: unknown[]): Promise<Rows>;
}

/** The part of a DataSource or an EntityManager that reads need: repositories of entities, and statements. */
export interface Database extends Queryable {
  getRepository: EntityManager['getRepository'];
}

/** A row to insert. TypeORM's own type takes JSON apart, and stops at members that are unknown or lie deep. */
export const newRow = <Entity extends ObjectLiteral>(row: Partial<Entity>): QueryDeepPartialEntity<Entity> => row;

/** Runs a statement that returns rows and parses each of them: a column that is not what the code expects is an error. */
export async function rowsOf<Row extends z.ZodType>(
  db: Queryable,
  row: Row,
  sql: string,
  parameters: unknown[] = [],
): Promise<z.output<Row>[]> {
  const found = await db.query<unknown>(sql, parameters);
  return row.array().parse(returned(found));
}

export async function rowOf<Row extends z.ZodType>(
  db: Queryable,
  row: Row,
  sql: string,
  parameters: unknown[] = [],
): Promise<z.output<Row> | undefined> {
  const [first] = await rowsOf(db, row, sql, parameters);
  return first;
}

/** TypeORM answers UPDATE and DELETE with [rows, count] and everything else with rows. */
function returned(found: unknown): unknown {
  const isPair = Array.isArray(found) && found.length === 2 && Array.isArray(found[0]) && typeof found[1] === 'number';
  return isPair ? (found[0] as unknown) : found;
}
