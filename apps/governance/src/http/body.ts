import { BadRequestException, UnsupportedMediaTypeException } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { json, type NextFunction, type Request, type Response } from 'express';
import type { CallerIdentity } from '../call/actor.js';

const LIMIT_BYTES = 256 * 1024;
/** Facts about a workload and its pods, events of a migration, and copies of many objects are larger. */
const LARGE_LIMIT_BYTES = 8 * 1024 * 1024;
const LARGE = /^\/v1\/migrations\/[^/]+\/(evaluations|pre-images|events)$/;
/** What a caller must be permitted, somewhere, before a large body of such a route is read. */
const PERMISSIONS = new Map([
  ['evaluations', 'evaluations:create'],
  ['pre-images', 'pre-images:write'],
  ['events', 'events:report'],
]);
/** No schema of ours is deeper; recursive code that reads a body then never runs out of stack. */
const MAX_DEPTH = 64;

/** What is known of callers before their bodies are read. */
interface Callers {
  /** @throws Refusal when the caller is not known */
  identify: (request: Request, response: Response) => Promise<CallerIdentity>;
  /** Whether a caller is permitted something in any namespace. */
  may: (caller: CallerIdentity, permission: string) => Promise<boolean>;
}

/**
 * Parses JSON bodies within limits of size and depth. Anything else that has a body is refused, and so is the body of a
 * caller who is not known, or a large one of a caller who may not send it: parsing it is work.
 */
export function parseBodies(app: NestExpressApplication, callers: Callers): void {
  app.use(requireJson);
  app.use(parseOfKnown(callers));
  app.use(requireShallow);
}

const hasBody = ({ headers }: Request): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0;

function parseOfKnown(callers: Callers) {
  const parse = json({ limit: LIMIT_BYTES, strict: false });
  const parseLarge = json({ limit: LARGE_LIMIT_BYTES, strict: false });
  const parserFor = async (request: Request, response: Response): Promise<typeof parse> => {
    const caller = await callers.identify(request, response);
    const permission = neededFor(request);
    return permission !== undefined && (await callers.may(caller, permission)) ? parseLarge : parse;
  };
  return (request: Request, response: Response, next: NextFunction): void => {
    if (hasBody(request)) parserFor(request, response).then((parser) => parser(request, response, next), next);
    else next();
  };
}

/** The permission that a large body needs; undefined when the body is none, or its route takes none. */
function neededFor({ path, headers }: Request): string | undefined {
  // Without a length it may be large.
  const isSmall = Number(headers['content-length'] ?? Infinity) <= LIMIT_BYTES;
  return isSmall ? undefined : PERMISSIONS.get(LARGE.exec(path)?.[1] ?? '');
}

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
