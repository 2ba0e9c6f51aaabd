import { BadRequestException, UnsupportedMediaTypeException } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { json, type NextFunction, type Request, type Response } from 'express';

const LIMIT = '256kb';
/** Facts about a workload and its pods, events of a migration, and copies of many objects are larger. */
const LARGE_LIMIT = '8mb';
const LARGE = /^\/v1\/migrations\/[^/]+\/(evaluations|pre-images|events)$/;
/** No schema of ours is deeper; recursive code that reads a body then never runs out of stack. */
const MAX_DEPTH = 64;

type Identify = (request: Request, response: Response) => Promise<unknown>;

/**
 * Parses JSON bodies within limits of size and depth. Anything else that has a body is refused, and so is the body of
 * somebody who is not known: parsing it is work.
 */
export function parseBodies(app: NestExpressApplication, identify: Identify): void {
  app.use(requireJson);
  app.use(requireKnown(identify));
  app.use(LARGE, json({ limit: LARGE_LIMIT, strict: false }));
  // Leaves alone what was read already.
  app.use(json({ limit: LIMIT, strict: false }));
  app.use(requireShallow);
}

const hasBody = ({ headers }: Request): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0;

const requireKnown =
  (identify: Identify) =>
  (request: Request, response: Response, next: NextFunction): void => {
    if (hasBody(request)) identify(request, response).then(() => next(), next);
    else next();
  };

function requireJson(request: Request, _response: Response, next: NextFunction): void {
  if (hasBody(request) && !request.is('application/json'))
    next(new UnsupportedMediaTypeException('send application/json'));
  else next();
}

function requireShallow(request: Request, _response: Response, next: NextFunction): void {
  if (depthOf(request.body) > MAX_DEPTH) next(new BadRequestException(`the body is nested deeper than ${MAX_DEPTH}`));
  else next();
}

/** Counts without recursion; ends one level beyond what is allowed. */
function depthOf(root: unknown): number {
  let level: unknown[] = [root];
  for (let depth = 0; ; depth += 1) {
    const containers = level.filter((value) => typeof value === 'object' && value !== null);
    if (containers.length === 0 || depth > MAX_DEPTH) return depth;
    level = containers.flatMap((value): unknown[] => Object.values(value));
  }
}
