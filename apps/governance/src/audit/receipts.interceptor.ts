import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { encodeReceipts, type Receipt, RECEIPTS_HEADER } from '@scc/governance-api';
import type { Response } from 'express';
import { from, lastValueFrom, map, type Observable } from 'rxjs';
import { withReceipts } from './append.js';
import type { ApiRequest } from '../http/request.js';

/**
 * Gives every answer to a write the receipts of the audit entries that it made: those who keep them can show later that
 * an entry was there. A write that was refused, or answered before, has none.
 */
@Injectable()
export class ReceiptsInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    if (http.getRequest<ApiRequest>().method === 'GET') return next.handle();
    const receipts: Receipt[] = [];
    const work = (): Promise<unknown> => lastValueFrom(next.handle(), { defaultValue: undefined });
    return from(withReceipts(receipts, work)).pipe(
      map((answer) => {
        if (receipts.length > 0) http.getResponse<Response>().setHeader(RECEIPTS_HEADER, encodeReceipts(receipts));
        return answer;
      }),
    );
  }
}
