import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import { likePatterns, type Scope } from '../access/scope.js';

/** Leaves out what lies in no namespace of the scope. @param column such as `m.namespace`. */
export function inScope<Entity extends ObjectLiteral>(
  query: SelectQueryBuilder<Entity>,
  column: string,
  scope: Scope,
): SelectQueryBuilder<Entity> {
  const patterns = likePatterns(scope);
  return patterns ? query.andWhere(`${column} like any(:patterns::text[])`, { patterns }) : query;
}
