import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import { likePatterns, type Scope } from '../call/scope.js';

/** Leaves out what lies in no namespace of the scope. @param column such as `m.namespace`. */
export function inScope<Entity extends ObjectLiteral>(
  query: SelectQueryBuilder<Entity>,
  column: string,
  scope: Scope,
): SelectQueryBuilder<Entity> {
  const patterns = likePatterns(scope);
  return patterns ? query.andWhere(`${column} like any(:patterns::text[])`, { patterns }) : query;
}

/** Leaves out what differs from the given values; undefined ones ask for nothing. */
export function matching<Entity extends ObjectLiteral>(
  query: SelectQueryBuilder<Entity>,
  wanted: { [Column in keyof Entity]?: Entity[Column] | undefined },
): SelectQueryBuilder<Entity> {
  for (const [column, value] of Object.entries<unknown>(wanted))
    if (value !== undefined) query.andWhere({ [column]: value });
  return query;
}
