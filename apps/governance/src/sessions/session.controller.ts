import { Controller, Delete, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { Response } from 'express';
import { Call } from '../call/actor.js';
import type { CallContext } from '../call/caller.js';
import { AnyCaller, Public } from '../call/require-permission.js';
import type { ApiRequest } from '../http/request.js';
import { Refusal } from '../refusal/refusal.js';
import { csrfTokenOf, noSessionCookie, sessionCookie } from './secret.js';
import { Sessions } from './sessions.js';

export interface SessionAnswer {
  name: string;
  /** Null for a caller with a token of their own, whose writes need none. */
  csrfToken: string | null;
  expiresAt: string | null;
  /** The workflows in the Temporal Web UI; null where it is not configured. */
  temporalUi: string | null;
}

/** The ways to sign in, and out to other pages, for the web console. A class, so that Nest can inject it by type. */
export class SignInWays {
  constructor(
    /** With `name` where the host of the issuer says little. */
    readonly oidc: { issuer: string; start: string; name?: string } | null,
    readonly temporalUi: string | null,
  ) {}
}

/** Sessions of the web console. */
@Controller('v1')
export class SessionController {
  constructor(
    private readonly sessions: Sessions,
    private readonly ways: SignInWays,
  ) {}

  @Get('sign-in')
  @Public()
  signIn(): { token: true; oidc: SignInWays['oidc'] } {
    return { token: true, oidc: this.ways.oidc };
  }

  @Get('session')
  @AnyCaller()
  current(@Req() { session }: ApiRequest, @Call() { actor }: CallContext): SessionAnswer {
    return {
      name: actor.name,
      csrfToken: session ? csrfTokenOf(session.secret) : null,
      expiresAt: session ? session.expiresAt.toISOString() : null,
      temporalUi: this.ways.temporalUi,
    };
  }

  /** Begins a session with the token that the request carries. */
  @Post('session')
  @AnyCaller()
  async begin(
    @Req() request: ApiRequest,
    @Call() { actor, now }: CallContext,
    @Res({ passthrough: true }) response: Response,
  ): Promise<SessionAnswer> {
    if (request.session) throw new Refusal('conflict', 'you are signed in; sign out first, or send a token');
    const token = (request.headers.authorization ?? '').replace(/^Bearer /i, '');
    const { secret, expiresAt } = await this.sessions.begin({ name: actor.name, token }, now);
    response.setHeader('Set-Cookie', sessionCookie(secret));
    return {
      name: actor.name,
      csrfToken: csrfTokenOf(secret),
      expiresAt: expiresAt.toISOString(),
      temporalUi: this.ways.temporalUi,
    };
  }

  @Delete('session')
  @HttpCode(204)
  @AnyCaller()
  async end(@Req() { session }: ApiRequest, @Res({ passthrough: true }) response: Response): Promise<void> {
    if (!session) throw new Refusal('conflict', 'the request came with a token and no session, so nothing ends');
    await this.sessions.end(session.secret);
    response.setHeader('Set-Cookie', noSessionCookie);
  }
}
