import type { CanActivate, ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import type { Logger } from 'pino';
import type { CallerIdentity, KnownRequest } from '../call/actor.js';
import { AUTHENTICATED, PERMISSION, PUBLIC, TARGET, type Target } from '../call/require-permission.js';
import { isEverywhere, type Scope } from '../call/scope.js';
import type { Queryable } from '../database/rows.js';
import { Refusal } from '../refusal/refusal.js';
import { type Authenticator, TooManyFailures } from './authenticate.js';
import { type Authorizer, type Holder, rolesIn } from './authorize.js';
import { type AddressedRequest, type PermissionPlace, placeOf } from './place.js';
import { whoGives } from './who-gives.js';

interface IncomingRequest extends KnownRequest, AddressedRequest {
  headers: { authorization?: string | undefined };
}
interface OutgoingResponse {
  setHeader: (name: string, value: string) => unknown;
}

export interface AccessGuardOptions {
  authenticator: Authenticator;
  authorizer: Authorizer;
  reflector: Reflector;
  db: Queryable;
  log: Logger;
}

/** Stands before every route: who calls, may they, and where. A route without a permission is denied. */
export class AccessGuard implements CanActivate {
  readonly #options: AccessGuardOptions;

  constructor(options: AccessGuardOptions) {
    this.#options = options;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { authorizer, reflector, log } = this.#options;
    const http = context.switchToHttp();
    const request = http.getRequest<IncomingRequest>();
    const permission = reflector.get<string | undefined>(PERMISSION, context.getHandler());
    if (permission === PUBLIC) return true;
    const identity = await identified(this.#options.authenticator, request, http.getResponse<OutgoingResponse>());
    // The logs know the caller whose request is denied; their rights are found out below.
    request.actor = { name: identity.name, groups: identity.groups, roles: [], scope: [] };
    if (permission === undefined) {
      log.error({ route: `${context.getClass().name}.${context.getHandler().name}` }, 'route declares no permission');
      throw new Refusal('forbidden', 'the route declares no permission, so no caller may use it');
    }
    if (permission === AUTHENTICATED) await this.#admit(request, await authorizer.holderOf(identity, null), []);
    else await this.#authorize(request, identity, { permission, target: this.#targetOf(context) });
    return true;
  }

  #targetOf(context: ExecutionContext): Target {
    return this.#options.reflector.get<Target | undefined>(TARGET, context.getHandler()) ?? 'cluster';
  }

  async #authorize(
    request: IncomingRequest,
    identity: CallerIdentity,
    { permission, target }: { permission: string; target: Target },
  ): Promise<void> {
    const { authorizer, db, log } = this.#options;
    const place = await placeOf(target, request, db);
    const namespace = place.kind === 'namespace' ? place.namespace : null;
    const holder = await authorizer.holderOf(identity, namespace);
    const scope = await authorizer.scopeOf(holder, permission);
    if (!suffices(scope, place)) {
      log.info({ actor: identity.name, permission }, 'access denied');
      throw new Refusal('forbidden', `you lack ${permission} ${wordsFor(place)}: ${whoGives(permission, authorizer)}`);
    }
    await this.#admit(request, holder, scope);
  }

  async #admit(request: IncomingRequest, holder: Holder, scope: Scope): Promise<void> {
    const { identity } = holder;
    const grants = await this.#options.authorizer.grantsOf(holder);
    request.actor = { name: identity.name, groups: identity.groups, roles: rolesIn(grants), scope };
    request.access = { identity, grants, scope };
  }
}

/** Who sends a request; the answer says what an unknown caller has to do. @throws Refusal as the authenticator does */
export async function identified(
  authenticator: Authenticator,
  { headers: { authorization }, address }: Pick<IncomingRequest, 'headers' | 'address'>,
  response: OutgoingResponse,
): Promise<CallerIdentity> {
  try {
    return await authenticator.identify(authorization, address ?? 'unknown');
  } catch (error) {
    if (error instanceof TooManyFailures) response.setHeader('Retry-After', String(error.retryAfterSeconds));
    else if (error instanceof Refusal && error.kind === 'unauthenticated')
      response.setHeader('WWW-Authenticate', challenge(authorization !== undefined));
    throw error;
  }
}

const challenge = (hadToken: boolean): string =>
  `Bearer realm="scc-governance"${hadToken ? ', error="invalid_token"' : ''}`;

const suffices = (scope: Scope, { kind }: PermissionPlace): boolean =>
  kind === 'anywhere' || kind === 'namespace' ? scope.length > 0 : isEverywhere(scope);

/** An object that is hidden and one that does not exist get the same words. */
function wordsFor(place: PermissionPlace): string {
  switch (place.kind) {
    case 'everywhere':
      return 'in all namespaces';
    case 'anywhere':
      return 'in all namespaces, and in each that can be told; name one with ?namespace= where the route takes it';
    case 'namespace':
      return place.isNamed ? `in the namespace ${place.namespace}` : OF_OBJECT;
    case 'unknown':
      return OF_OBJECT;
  }
}

const OF_OBJECT = 'in the namespace of this object, if there is one';
