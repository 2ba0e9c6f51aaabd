import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { Response } from 'express';
import { map, type Observable } from 'rxjs';
import { z } from 'zod';

/** Rows count their changes, and policies their versions. */
const versioned = z.union([
  z.object({ rowVersion: z.int() }).transform(({ rowVersion }) => rowVersion),
  z.object({ version: z.int(), document: z.unknown() }).transform(({ version }) => version),
]);

/** States the version of the object that is answered as its entity tag. */
@Injectable()
export class EntityTagInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      map((answer: unknown) => {
        const version = versioned.safeParse(answer);
        if (version.success) context.switchToHttp().getResponse<Response>().setHeader('ETag', `"${version.data}"`);
        return answer;
      }),
    );
  }
}
