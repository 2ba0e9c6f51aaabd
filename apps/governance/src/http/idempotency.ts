import { createHash } from 'node:crypto';
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { Response } from 'express';
import { catchError, from, lastValueFrom, type Observable, of } from 'rxjs';
import { AnswerSeals } from '../database/answer-seals.js';
import { AnsweredBefore, type KeyedWrite, withKey } from '../database/once.js';
import type { ApiRequest } from './request.js';
import { InvalidInput } from './validation.js';

const KEY = /^[!-~]{1,255}$/;

/**
 * Writes that keep no answer: asking what a policy would do changes nothing, building the read model again twice does no
 * harm, and a grant is a secret that must not be stored.
 */
const WITHOUT_KEY = new Set(['/v1/policies/dry-run', '/v1/migrations/rebuild', '/v1/migrations/:id/command-grants']);

/** Whether a route takes an Idempotency-Key; `path` has its parameters as `{name}` or `:name`. */
export const isReplayed = ({ method, path }: { method: string; path: string }): boolean =>
  method.toUpperCase() !== 'GET' && !WITHOUT_KEY.has(path.replace(/\{([^}]+)\}/g, ':$1'));

/** Gives the transaction of a write the key that its caller sent, and a repeated write the answer of the first. */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(private readonly seals: AnswerSeals) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    const request = http.getRequest<ApiRequest>();
    const write = keyedWrite(request, this.seals);
    if (!write) return next.handle();
    return from(withKey(write, () => lastValueFrom(next.handle(), { defaultValue: undefined }))).pipe(
      catchError((error: unknown) => {
        if (!(error instanceof AnsweredBefore)) throw error;
        http.getResponse<Response>().setHeader('Idempotency-Replayed', 'true');
        return of(error.answer);
      }),
    );
  }
}

function keyedWrite(request: ApiRequest, seals: AnswerSeals): KeyedWrite | null {
  const key = request.header('idempotency-key');
  const route: unknown = request.route;
  const path = typeof route === 'object' && route !== null && 'path' in route ? String(route.path) : '';
  if (key === undefined || !isReplayed({ method: request.method, path })) return null;
  if (!KEY.test(key))
    throw new InvalidInput('The Idempotency-Key is malformed', [
      { field: 'Idempotency-Key', message: 'is 1 to 255 visible ASCII characters' },
    ]);
  const { actor } = request;
  if (!actor) throw new Error('a key came without a caller');
  return { principal: actor.name, key, requestHash: hashOf(request), taken: false, seals };
}

/** Entity tags belong to it: the same edit on another version is another request. */
function hashOf(request: ApiRequest): Buffer {
  const conditions = [request.header('if-match'), request.header('if-none-match')];
  return createHash('sha256')
    .update(JSON.stringify([request.method, request.originalUrl, conditions, request.body ?? null]))
    .digest();
}
