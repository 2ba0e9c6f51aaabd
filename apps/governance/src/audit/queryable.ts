/** What DataSource, EntityManager and QueryRunner have in common: rows of a statement, in a shape that the caller states. */
export interface Queryable {
  query<Rows>(sql: string, parameters?: unknown[]): Promise<Rows>;
}
