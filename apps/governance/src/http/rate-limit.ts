import { createHash } from 'node:crypto';
import { type ExecutionContext, Injectable } from '@nestjs/common';
import { ThrottlerGuard, type ThrottlerModuleOptions } from '@nestjs/throttler';
import type { ApiRequest } from './request.js';

/** A burst may use the requests of this many seconds at once. */
const WINDOW_SECONDS = 10;

/** Several callers may share an address, as behind a proxy. */
const CALLERS_OF_ADDRESS = 10;
const addressOf = ({ address }: Pick<ApiRequest, 'address'>): string => `address ${address ?? 'unknown'}`;

export const rateLimit = (perSecond: number): ThrottlerModuleOptions => {
  const caller = { ttl: WINDOW_SECONDS * 1000, limit: perSecond * WINDOW_SECONDS };
  return [
    caller,
    {
      ...caller,
      name: 'address',
      limit: caller.limit * CALLERS_OF_ADDRESS,
      getTracker: (request) => addressOf(request as ApiRequest),
    },
  ];
};

/**
 * Limits each caller over all routes. It runs before callers are authenticated, so that no caller can make the API server
 * review tokens without end: a caller is everyone with the same credential, or the address when there is none. What an
 * address sends altogether is limited too, since the credentials are not checked yet and each may be made up.
 */
@Injectable()
export class RateLimitGuard extends ThrottlerGuard {
  protected override getTracker(request: ApiRequest): Promise<string> {
    const credential = request.headers.authorization;
    return Promise.resolve(
      credential === undefined ? addressOf(request) : createHash('sha256').update(credential).digest('base64'),
    );
  }

  protected override generateKey(_context: ExecutionContext, tracker: string, name: string): string {
    return `${name} ${tracker}`;
  }
}
