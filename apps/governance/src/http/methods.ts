import { MethodNotAllowedException } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import type { ApiRoute } from './routes.js';

interface Known {
  pattern: RegExp;
  method: string;
  hasParameters: boolean;
}

const escape = (text: string): string => text.replace(/[.*+?^$()|[\]\\]/g, '\\$&');
const patternOf = (path: string): RegExp => new RegExp(`^${escape(path).replace(/\{[^}]+\}/g, '[^/]+')}/?$`);

/** Tells a method that a path does not take from a path that does not exist. A path without parameters goes first. */
export function refuseOtherMethods(routes: readonly Pick<ApiRoute, 'method' | 'path'>[]) {
  const known: Known[] = routes.map(({ method, path }) => ({
    pattern: patternOf(path),
    method: method.toUpperCase(),
    hasParameters: path.includes('{'),
  }));
  return (request: Request, response: Response, next: NextFunction): void => {
    const matching = known.filter(({ pattern }) => pattern.test(request.path));
    const exact = matching.filter(({ hasParameters }) => !hasParameters);
    const taken = (exact.length > 0 ? exact : matching).map(({ method }) => method);
    const methods = [...new Set(taken.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))];
    if (methods.length === 0 || methods.includes(request.method)) {
      next();
      return;
    }
    response.setHeader('Allow', methods.join(', '));
    next(new MethodNotAllowedException(`${request.path} takes ${methods.join(', ')}`));
  };
}
