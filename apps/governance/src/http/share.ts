import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Response } from 'express';
import { from, lastValueFrom, map, type Observable } from 'rxjs';
import { SHARED } from '../call/shared-answer.js';
import { Together } from '../call/together.js';
import type { ApiRequest } from './request.js';

/** Makes the answer of a route that says so once for all callers of one scope who ask for it together, as one text. */
@Injectable()
export class ShareInterceptor implements NestInterceptor {
  private readonly answers = new Together<string>();

  constructor(private readonly reflector: Reflector) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (!this.reflector.get<true | undefined>(SHARED, context.getHandler())) return next.handle();
    const http = context.switchToHttp();
    const { originalUrl, actor } = http.getRequest<ApiRequest>();
    if (!actor) throw new Error('a shared route was reached without a caller');
    const look = async (): Promise<string> => JSON.stringify(await lastValueFrom(next.handle()));
    return from(this.answers.ask(JSON.stringify([originalUrl, actor.scope]), look)).pipe(
      map((text) => {
        http.getResponse<Response>().type('application/json');
        return text;
      }),
    );
  }
}
