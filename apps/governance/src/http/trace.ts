import { beginServed } from '@scc/runtime';
import type { NextFunction, Request, Response } from 'express';
import { routeTaking } from './request.js';

/** Makes every request a span, in the trace of its caller where it has one. */
export function traceRequests(request: Request, response: Response, next: NextFunction): void {
  const span = beginServed(request.method, request.headers);
  response.once('close', () => {
    const route = routeTaking(request);
    span.end(
      response.writableFinished ? response.statusCode : 499,
      route === null ? undefined : `${request.method} ${route}`,
    );
  });
  span.within(next);
}
