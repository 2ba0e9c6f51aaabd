import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { signerFromPem } from '@scc/audit';
import { createLogger, type Logger } from '@scc/runtime';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { CampaignBoards } from './campaigns/boards.js';
import { CampaignAuthors } from './engine/campaign-authors.js';
import type { AccessReview } from './access/kubernetes.js';
import { API_GROUP } from './access/roles.js';
import { accessConfig } from './access/settings.js';
import type { IsRunning } from './approvals/temporal.js';
import { AnswerSeals } from './database/answer-seals.js';
import { AuthorityWatch } from './audit/authority-watch.js';
import { Contradictions } from './audit/contradictions.controller.js';
import { Observer } from './health/observer.js';
import { ReadModelWatch } from './history/read-model-watch.js';
import { noCourier } from './notifications/courier.fixture.js';
import { ROLE_TABLE } from './permissions.js';
import { Refusal } from './refusal/refusal.js';
import { ScanParts } from './scans/request.js';
import type { Api } from './server.js';

const AUDIENCE = 'scc-governance';

/** The part of a cluster that knows who people are and what RBAC grants them. */
export class TestCluster {
  /** Users and groups that SCCs name themselves. */
  readonly sccs = new Map<string, { users: string[]; groups: string[] }>();
  readonly #tokens = new Map<string, { username: string; groups: string[]; audience: string }>();
  /** While true, the cluster does not answer. */
  isAway = false;
  /** While false, it has not read everything yet and may deny what it would allow. */
  isReady = true;
  /** What RBAC says; nothing is granted unless a spec says so. */
  rbac: (review: AccessReview) => boolean = () => false;
  /** The actions of people on workloads, SCCs and grants; everything unless a spec says so. */
  mayDo: (review: AccessReview) => boolean = () => true;

  issue(username: string, { groups = [], audience = AUDIENCE }: { groups?: string[]; audience?: string } = {}): string {
    const token = `token-${randomUUID()}`;
    this.#tokens.set(token, { username, groups, audience });
    return token;
  }

  revoke(token: string): void {
    this.#tokens.delete(token);
  }

  readonly tokenReview = async ({ token, audiences }: { token: string; audiences: string[] }): Promise<unknown> => {
    await this.#answer();
    const found = this.#tokens.get(token);
    if (!found || !audiences.includes(found.audience)) return { authenticated: false, error: 'unknown token' };
    const { username, groups, audience } = found;
    return { authenticated: true, user: { username, groups, uid: '', extra: {} }, audiences: [audience] };
  };

  readonly subjectAccessReview = async (review: AccessReview): Promise<boolean> => {
    await this.#answer();
    return review.resourceAttributes.group === API_GROUP ? this.rbac(review) : this.mayDo(review);
  };

  #answer(): Promise<void> {
    return this.isAway ? Promise.reject(new Error('connect ECONNREFUSED 127.0.0.1:6443')) : Promise.resolve();
  }
}

/** A browser that has signed in to the web console. */
export interface SignedIn {
  cookie: string;
  setCookie: string;
  csrfToken: string;
  headers?: Record<string, string>;
}

export interface GuardedApi {
  api: Api;
  /** Turns a token into a session of the web console. */
  signIn: (token: string) => Promise<SignedIn>;
  call: (caller: string | SignedIn | null, method: string, path: string, body?: unknown) => Promise<GuardedAnswer>;
  close: () => Promise<void>;
}

const problemSchema = z.looseObject({ detail: z.string().default('') });
export interface GuardedAnswer {
  status: number;
  headers: Headers;
  body: unknown;
  /** Of a problem; empty for anything else. */
  detail: string;
}

interface GuardedOptions {
  cluster: TestCluster;
  env?: Record<string, string>;
  now?: () => number;
  log?: Logger;
  /** What Temporal says of workflows; that none runs, unless told otherwise. */
  isRunning?: IsRunning;
}

/** The API as production composes it, over plain HTTP, before a cluster of the spec's own. */
export async function startGuarded(
  source: DataSource,
  {
    cluster,
    env = {},
    now,
    log = createLogger('test', 'silent'),
    isRunning = () => Promise.resolve(false),
  }: GuardedOptions,
): Promise<GuardedApi> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const origin = 'scc.poc/test';
  const signer = signerFromPem(origin, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
  // The throttler is CommonJS: jest lets it require Nest only once Nest is there.
  await import('@nestjs/core');
  const { startApi } = await import('./server.js');
  const api = await startApi({
    parts: {
      source,
      observer: new Observer(source, log),
      access: {
        roles: ROLE_TABLE,
        config: z.object(accessConfig).parse(env),
        tokenReview: cluster.tokenReview,
        subjectAccessReview: cluster.subjectAccessReview,
        findSCC: (name) => Promise.resolve(cluster.sccs.get(name)),
        isReady: () => Promise.resolve(cluster.isReady),
        log,
        ...(now ? { now } : {}),
      },
      signer,
      seals: new AnswerSeals(signer),
      origin,
      ratePerSecond: 100_000,
      contradictions: new Contradictions(new AuthorityWatch({ source, logger: log })),
      readModel: new ReadModelWatch(source),
      logger: createLogger('test', 'silent'),
      isRunning,
      signIn: null,
      temporalUi: null,
      boards: new CampaignBoards({ list: () => Promise.resolve([]), read: () => Promise.resolve(undefined) }),
      scans: new ScanParts(null, log),
      courier: noCourier(),
      campaigns: new CampaignAuthors({
        read: () => Promise.resolve(undefined),
        engine: 'system:serviceaccount:scc-system:worker',
      }),
      sendCommand: () => Promise.reject(new Refusal('conflict', 'no migration of this plan runs')),
    },
    host: '127.0.0.1',
    port: 0,
    keyPair: null,
    logger: createLogger('test', 'silent'),
    served: () => undefined,
  });
  const call: GuardedApi['call'] = async (caller, method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${api.port}${path}`, {
      method,
      headers: {
        ...credentialsOf(caller),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const contentType = response.headers.get('content-type') ?? '';
    const isStream = contentType.startsWith('text/event-stream');
    // Its head is the answer; the rest goes on for a minute.
    if (isStream) await response.body?.cancel();
    const text = isStream ? '' : await response.text();
    const isJson = /[/+]json\b/.test(contentType);
    const parsed: unknown = isJson ? JSON.parse(text) : text;
    const { detail } = problemSchema.catch({ detail: '' }).parse(parsed);
    return { status: response.status, headers: response.headers, body: parsed, detail };
  };
  const signIn: GuardedApi['signIn'] = async (token) => {
    const { headers, body } = await call(token, 'POST', '/v1/session');
    const [setCookie = ''] = headers.getSetCookie();
    const { csrfToken } = z.looseObject({ csrfToken: z.string() }).parse(body);
    return { cookie: setCookie.split(';')[0] ?? '', setCookie, csrfToken };
  };
  return { api, call, signIn, close: () => api.close() };
}

function credentialsOf(caller: string | SignedIn | null): Record<string, string> {
  if (caller === null) return {};
  if (typeof caller === 'string') return { authorization: `Bearer ${caller}` };
  return { cookie: caller.cookie, 'x-csrf-token': caller.csrfToken, ...caller.headers };
}
