import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { CallContext } from './caller.js';
import type { Role } from './roles.js';
import type { Scope } from './scope.js';

/** A caller that authentication knows. */
export interface CallerIdentity {
  name: string;
  groups: string[];
  uid: string | null;
  /** Facts that the API server knows besides, such as the scopes of a token; access reviews need them back. */
  extra: Record<string, string[]>;
  by: 'tokenReview' | 'oidc';
  /** Whether the cluster knows them under this name: by its own token, or by an issuer that it trusts as well. */
  isOfCluster: boolean;
}

/** A role that a caller holds somewhere, and why. */
export interface Grant {
  role: Role;
  /** A pattern. */
  namespaces: string;
  because: string;
}

/** The caller as authentication established it, and as access found for the route. */
export interface User {
  name: string;
  groups: string[];
  /** Roles that apply where the route works: in the namespace of its object, or anywhere when it has none. */
  roles: string[];
  /** The namespaces in which the caller may do what the route is for; lists show nothing else. */
  scope: Scope;
}

/** How a caller came to what they may do. */
export interface CallerAccess {
  identity: CallerIdentity;
  grants: readonly Grant[];
  /** As of the User. */
  scope: Scope;
}

/** The findings that the access guard leaves on a request. */
export interface KnownRequest {
  actor?: User;
  access?: CallerAccess;
  requestId?: string;
  /** Of the client, behind trusted proxies too. */
  address?: string;
}

const requestOf = (context: ExecutionContext): KnownRequest => context.switchToHttp().getRequest<KnownRequest>();

function known<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('a route was reached without a caller');
  return value;
}

/** The caller. Throws when the route was reached without authentication: a programming error, never a default. */
export const Actor = createParamDecorator((_data: unknown, context: ExecutionContext): User =>
  known(requestOf(context).actor),
);

/** The caller's identity and roles, for routes about access itself. */
export const Access = createParamDecorator((_data: unknown, context: ExecutionContext): CallerAccess =>
  known(requestOf(context).access),
);

/** Caller, request id and time: what every write of the domain is recorded with. */
export const Call = createParamDecorator((_data: unknown, context: ExecutionContext): CallContext => {
  const { actor, access, requestId } = requestOf(context);
  const call = { actor: known(actor), requestId: requestId ?? null, now: new Date() };
  if (!access) return call;
  const { groups, uid, extra, isOfCluster } = access.identity;
  return { ...call, knownAs: { groups, uid, extra }, isOfCluster };
});
