import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { Observable } from 'rxjs';
import type { ApiRequest } from './request.js';
import { readsQuery } from './routes.js';
import { unknownParameters } from './validation.js';

/** Refuses every parameter of a route that takes none; those of the others are refused by their schema. */
@Injectable()
export class QueryInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const names = Object.keys(context.switchToHttp().getRequest<ApiRequest>().query);
    if (names.length > 0 && !readsQuery(context.getClass(), context.getHandler().name)) throw unknownParameters(names);
    return next.handle();
  }
}
