import { createParamDecorator, type ExecutionContext } from '@nestjs/common';

/** Who calls, as authentication established it. */
export interface User {
  name: string;
  groups: string[];
  roles: string[];
}

/** What the access guard leaves on a request. */
export interface KnownRequest {
  actor?: User;
  requestId?: string;
}

/** The caller. Throws when the route was reached without authentication: a mistake of ours, never a default. */
export const Actor = createParamDecorator((_data: unknown, context: ExecutionContext): User => {
  const { actor } = context.switchToHttp().getRequest<KnownRequest>();
  if (!actor) throw new Error('a route was reached without a caller');
  return actor;
});

/** Caller, request id and time: what every write of the domain is recorded with. */
export const Call = createParamDecorator((_data: unknown, context: ExecutionContext) => {
  const { actor, requestId } = context.switchToHttp().getRequest<KnownRequest>();
  if (!actor) throw new Error('a route was reached without a caller');
  return { actor, requestId: requestId ?? null, now: new Date() };
});
