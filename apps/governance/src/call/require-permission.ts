import { applyDecorators, SetMetadata } from '@nestjs/common';
import { z } from 'zod';

export const PERMISSION = 'scc.permission';
export const TARGET = 'scc.target';

/** Values of PERMISSION that are no permission: a permission has a colon. */
export const PUBLIC = 'public';
export const AUTHENTICATED = 'authenticated';

/**
 * Where a caller must hold the permission of a route.
 * - `cluster`: everywhere. The effect of the route is not confined to a namespace.
 * - `shared`: anywhere. The route shows the same to every caller, such as policies.
 * - `list`: anywhere; the handler shows only what lies in the caller's scope. `?namespace=` narrows the question.
 * - `binding`: in the namespace that the role binding of the body is for; anywhere when it is for a pattern.
 * - `scanRequest`: in the namespace that the body names; everywhere when it names none.
 * - `stopRequest`, `stop`: in the namespace that is stopped; everywhere when all are.
 * - `path`, `body`: in the namespace that the path (`:namespace`) or the body (`target.namespace`) names.
 * - the others: in the namespace of the object that the path names.
 */
export type Target =
  | 'cluster'
  | 'shared'
  | 'list'
  | 'path'
  | 'body'
  | 'binding'
  | 'scanRequest'
  | 'stopRequest'
  | 'stop'
  | 'migration'
  | 'pod'
  | 'exception'
  | 'assessment';

/**
 * What a caller must be allowed to call the route, `resource:verb`, and where. A route that declares nothing is denied
 * to everybody; one that forgets its target asks for the permission everywhere.
 */
export const RequirePermission = (permission: string, target: Target = 'cluster'): MethodDecorator =>
  applyDecorators(SetMetadata(PERMISSION, permission), SetMetadata(TARGET, target));

/** The route only tells callers about themselves: every known caller may use it. */
export const AnyCaller = (): MethodDecorator => SetMetadata(PERMISSION, AUTHENTICATED);

/** The route is for everybody, known or not: health and documentation, nothing that the database holds. */
export const Public = (): MethodDecorator => SetMetadata(PERMISSION, PUBLIC);

/** The name of a namespace in a request. */
export const namespaceSchema = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
/** For lists without other filters: the guard narrows the caller's scope to it. */
export const namespaceQuery = z.object({ namespace: namespaceSchema.optional().describe('Only what lies there.') });
