import { createHash } from 'node:crypto';
import { type ExecutionContext, Injectable } from '@nestjs/common';
import { ThrottlerGuard, type ThrottlerModuleOptions } from '@nestjs/throttler';
import type { ApiRequest } from './request.js';

/** A burst may use the requests of this many seconds at once. */
const WINDOW_SECONDS = 10;

export const rateLimit = (perSecond: number): ThrottlerModuleOptions => [
  { ttl: WINDOW_SECONDS * 1000, limit: perSecond * WINDOW_SECONDS },
];

/**
 * Limits each caller over all routes. It runs before callers are authenticated, so that no caller can make the API server
 * review tokens without end: a caller is everyone with the same credential, or the address when there is none.
 */
@Injectable()
export class RateLimitGuard extends ThrottlerGuard {
  protected override getTracker(request: ApiRequest): Promise<string> {
    const credential = request.headers.authorization ?? request.headers.cookie;
    return Promise.resolve(
      credential === undefined
        ? `address ${request.address ?? 'unknown'}`
        : createHash('sha256').update(credential).digest('base64'),
    );
  }

  protected override generateKey(_context: ExecutionContext, tracker: string): string {
    return tracker;
  }
}
