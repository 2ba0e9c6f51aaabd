import { randomUUID } from 'node:crypto';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { problemType } from '@scc/governance-api';
import type { KeyPair } from '@scc/tls';
import type { NextFunction, Response } from 'express';
import type { Logger } from 'pino';
import { identified } from './access/access.guard.js';
import { Authenticator } from './access/authenticate.js';
import { Authorizer } from './access/authorize.js';
import { AppModule, type AppParts } from './app.module.js';
import { parseBodies } from './http/body.js';
import { refuseOtherMethods } from './http/methods.js';
import { nestLogger } from './http/nest-logger.js';
import {
  identifyRequest,
  locateClient,
  logRequests,
  observeRequests,
  protectAnswer,
  type Served,
} from './http/request.js';
import { routesOf } from './http/routes.js';
import { traceRequests } from './http/trace.js';
import { readPages, servePages } from './console/pages.js';
import { serveDocumentation } from './openapi/pages.js';
import { resumeSessions } from './sessions/resume.js';
import { serveSignIn } from './sessions/serve-sign-in.js';
import { Sessions } from './sessions/sessions.js';

export interface ApiOptions {
  parts: AppParts;
  host: string;
  /** 0 picks a free port. */
  port: number;
  /** Null serves plain HTTP, for tests. */
  keyPair: KeyPair | null;
  logger: Logger;
  served: (served: Served) => void;
  /** Frees the port; called when everything else is ready to serve. */
  beforeListening?: () => Promise<void>;
}

export interface Api {
  app: NestExpressApplication;
  port: number;
  server: Server;
  /** Takes no new connection, and ends when what is under way is answered. */
  close: () => Promise<void>;
}

/** Of the API, not of the program. */
const VERSION = '1.0.0';
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 65_000;

/** Builds the API and listens. */
export async function startApi(options: ApiOptions): Promise<Api> {
  const { parts, host, port, keyPair, logger, served } = options;
  const app = await NestFactory.create<NestExpressApplication>(AppModule.register(parts), {
    logger: nestLogger(logger),
    bodyParser: false,
    abortOnError: false,
    ...(keyPair ? { httpsOptions: { key: keyPair.key, cert: keyPair.certificate } } : {}),
  });
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', 'simple');
  const closing = new Closing();
  const log = logRequests(logger);
  app.use(
    traceRequests,
    closing.tellCallers,
    identifyRequest,
    locateClient(parts.access.config.TRUSTED_PROXIES),
    protectAnswer,
    observeRequests((request) => {
      served(request);
      log(request);
    }),
  );
  const sessions = app.get(Sessions, { strict: false });
  const authenticator = app.get(Authenticator);
  app.use(servePages(await readPages()), resumeSessions(sessions));
  if (parts.signIn) app.use(serveSignIn({ settings: parts.signIn, authenticator, sessions, log: logger }));
  app.use(refuseOtherMethods(routesOf(app)));
  const authorizer = app.get(Authorizer, { strict: false });
  parseBodies(app, {
    identify: (request, response) => identified(authenticator, request, response),
    may: (caller, permission) => authorizer.mayAnywhere(caller, permission),
  });
  const server = app.getHttpServer() as Server;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  serveDocumentation(app, VERSION);
  server.on('clientError', refuseUnreadable);
  await app.init();
  await options.beforeListening?.();
  await app.listen(port, host);
  return {
    app,
    server,
    port: (server.address() as AddressInfo).port,
    close: async () => {
      closing.start(server);
      await app.close();
      closing.end();
    },
  };
}

const LOOK_MS = 100;
/** Longer than any request may take, except an export of the whole audit log. */
const GIVE_UP_MS = 20_000;

/** Lets connections that are kept open end with the request at hand: otherwise a busy caller would hold them for ever. */
class Closing {
  private timers: NodeJS.Timeout[] = [];

  readonly tellCallers = (_request: unknown, response: Response, next: NextFunction): void => {
    if (this.timers.length > 0) response.setHeader('Connection', 'close');
    next();
  };

  start(server: Server): void {
    this.timers = [
      setInterval(() => server.closeIdleConnections(), LOOK_MS),
      setTimeout(() => server.closeAllConnections(), GIVE_UP_MS),
    ];
  }

  end(): void {
    for (const timer of this.timers) clearTimeout(timer);
  }
}

/** Bytes that are no HTTP, or have headers that are too long, never become a request that the filter could answer. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = { type: problemType('malformed'), title: 'The request is malformed', status: 400, errors: [] };
  const body = JSON.stringify({ ...problem, detail: 'it cannot be read as HTTP, or its headers are too long' });
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nX-Request-Id: ${randomUUID()}\r\nConnection: close\r\n\r\n${body}`,
  );
}
