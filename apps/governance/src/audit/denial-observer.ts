import type { NestMiddleware, OnModuleDestroy } from '@nestjs/common';
import type { NextFunction, Response } from 'express';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import type { ApiRequest } from '../http/request.js';
import { Denials } from './denials.js';

const READS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];
const FORBIDDEN = 403;
const TICK_MS = 5_000;

/**
 * Sees every answer. A write that was forbidden to a caller who is known is a refusal for the audit log, regardless of who refused
 * it: the access guard, or a rule such as four eyes.
 */
export class DenialObserver implements NestMiddleware, OnModuleDestroy {
  private readonly denials: Denials;
  private readonly timer: NodeJS.Timeout;

  constructor(source: DataSource, logger: Logger) {
    this.denials = new Denials(source, { logger });
    this.timer = setInterval(() => this.denials.tick(), TICK_MS).unref();
  }

  use(request: ApiRequest, response: Response, next: NextFunction): void {
    if (!READS.includes(request.method)) response.once('close', () => this.answered(request, response));
    next();
  }

  private answered(request: ApiRequest, { statusCode, locals }: Response): void {
    const { actor, method, path, requestId = null } = request;
    if (statusCode !== FORBIDDEN || !actor) return;
    const route: unknown = request.route;
    const template = typeof route === 'object' && route !== null && 'path' in route ? String(route.path) : path;
    const refusal: unknown = locals['refusal'];
    const reason = typeof refusal === 'string' ? refusal : null;
    const caller = { name: actor.name, groups: actor.groups, roles: actor.roles };
    this.denials.see({ caller, method, route: template, path, reason, requestId });
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.denials.stop();
  }
}
