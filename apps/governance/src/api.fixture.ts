import { generateKeyPairSync } from 'node:crypto';
import { signerFromPem } from '@scc/audit';
import { createGovernanceClient, type GovernanceClient } from '@scc/governance-api';
import type { KubeObject } from '@scc/kube';
import { createLogger, type Logger } from '@scc/runtime';
import type { KeyPair } from '@scc/tls';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { CampaignBoards } from './campaigns/boards.js';
import { CampaignAuthors } from './engine/campaign-authors.js';
import { API_GROUP } from './access/roles.js';
import { accessConfig } from './access/settings.js';
import { ROLES } from './call/roles.js';
import type { SendCommand } from './approvals/temporal.js';
import { AnswerSeals } from './database/answer-seals.js';
import { GovernanceMetrics } from './health/metrics.js';
import { AnswersWatch } from './audit/answers-watch.js';
import { AuthorityWatch } from './audit/authority-watch.js';
import { Contradictions } from './audit/contradictions.controller.js';
import { Observer } from './health/observer.js';
import { ReadModelWatch } from './history/read-model-watch.js';
import type { Probes } from './health/probes.js';
import { noCourier } from './notifications/courier.fixture.js';
import type { Courier } from './notifications/courier.js';
import { ROLE_TABLE } from './permissions.js';
import { Refusal } from './refusal/refusal.js';
import { ScanParts } from './scans/request.js';
import type { ScanCluster } from './scans/run.js';
import type { OidcFlowSettings } from './sessions/oidc-flow.js';
import type { Api } from './server.js';

/** The API as production composes it, over plain HTTP; only who a token belongs to is decided here. */
export interface TestApi {
  api: Api;
  url: string;
  metrics: GovernanceMetrics;
  /** Looks at nothing until it is started. */
  observer: Observer;
  call: (caller: string, method: string, path: string, over?: CallOver) => Promise<Answer>;
  client: (caller: string) => GovernanceClient;
  close: () => Promise<void>;
}

export interface CallOver {
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: unknown;
}

const environment = { TOKEN_AUDIENCE: 'test', ENGINE_SERVICE_ACCOUNT: 'worker' };

/** Lets a caller named `NAME/ROLE` be just that, and `worker` the engine; no other caller is known. */
async function tokenReview({ token }: { token: string }): Promise<unknown> {
  const [username = '', ...roles] = token.split('/');
  await Promise.resolve();
  return roles.length === 0 && token !== environment.ENGINE_SERVICE_ACCOUNT
    ? { authenticated: false }
    : { authenticated: true, user: { username, groups: roles }, audiences: ['test'] };
}

export interface TestApiOptions {
  ratePerSecond?: number;
  failureBurst?: number;
  /** Beside what this fixture needs. */
  env?: Record<string, string>;
  probes?: Probes;
  /** How browsers sign in with an issuer, by the address of the API. */
  signIn?: OidcFlowSettings;
  /** The workflows in the Temporal Web UI. */
  temporalUi?: string;
  port?: number;
  /** Serves HTTPS, which browsers ask for before they take the cookie of a session. */
  keyPair?: KeyPair;
  contradicted?: () => string | null;
  /** Stands for Temporal; without it no migration runs. */
  sendCommand?: SendCommand;
  /** Reads a cluster and judges it; without it there is none. */
  scan?: ScanCluster;
  /** The campaigns of the cluster; without it there are none. */
  campaigns?: () => readonly KubeObject[];
  /** The way to receivers of notifications; without it no host is allowed. */
  courier?: Courier;
  log?: Logger;
}

const DEFAULTS = {
  ratePerSecond: 100_000,
  env: {},
  probes: {},
  keyPair: null,
  port: 0,
  signIn: null,
  scan: null,
  sendCommand: () => Promise.reject(new Refusal('conflict', 'no migration of this plan runs')),
};

export async function startTestApi(source: DataSource, options: TestApiOptions = {}): Promise<TestApi> {
  const { ratePerSecond, failureBurst, env, probes, keyPair, port, signIn, sendCommand, scan } = {
    ...DEFAULTS,
    ...options,
  };
  for (const role of ROLES)
    await source.query(
      `insert into role_binding (role, subject_kind, subject_name, namespaces, created_by)
       values ($1, 'Group', $1, '*', 'test') on conflict do nothing`,
      [role],
    );
  const logger = options.log ?? createLogger('test', 'silent');
  const readModel = new ReadModelWatch(source);
  const { privateKey } = generateKeyPairSync('ed25519');
  const signer = signerFromPem('scc.poc/test', privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
  const seals = new AnswerSeals(signer);
  const also = [readModel, new AnswersWatch(source, seals)];
  const contradictions = new Contradictions(new AuthorityWatch({ source, logger, also }));
  const observer = new Observer(source, logger, probes, options.contradicted ?? (() => contradictions.reason));
  const metrics = new GovernanceMetrics();
  // The throttler is CommonJS: jest lets it require Nest only once Nest is there.
  await import('@nestjs/core');
  const { startApi } = await import('./server.js');
  const api = await startApi({
    parts: {
      source,
      observer,
      access: {
        roles: ROLE_TABLE,
        config: z.object(accessConfig).parse({ ...environment, ...env }),
        tokenReview,
        // Of workloads and SCCs; no caller has a role by RBAC.
        isReady: () => Promise.resolve(true),
        findSCC: () => Promise.resolve(undefined),
        subjectAccessReview: ({ resourceAttributes }) => Promise.resolve(resourceAttributes.group !== API_GROUP),
        log: logger,
        ...(failureBurst === undefined ? {} : { failureBurst }),
      },
      signer,
      seals,
      origin: 'scc.poc/test',
      ratePerSecond,
      contradictions,
      readModel,
      logger,
      isRunning: () => Promise.resolve(false),
      sendCommand,
      campaigns: new CampaignAuthors({
        read: () => Promise.resolve(undefined),
        engine: 'system:serviceaccount:scc-system:worker',
      }),
      boards: boardsOf(options.campaigns ?? (() => [])),
      scans: new ScanParts(scan, logger),
      courier: options.courier ?? noCourier(),
      signIn,
      temporalUi: options.temporalUi ?? null,
    },
    host: '127.0.0.1',
    port,
    keyPair,
    logger,
    served: metrics.served,
  });
  const url = `${keyPair ? 'https' : 'http'}://127.0.0.1:${api.port}`;
  return {
    api,
    url,
    metrics,
    observer,
    call: (caller, method, path, over = {}) => send(`${url}${path}`, { caller, method, ...over }),
    client: (caller) => createGovernanceClient({ url, token: () => Promise.resolve(caller) }),
    close: async () => {
      await observer.stop();
      await api.close();
    },
  };
}

const boardsOf = (campaigns: () => readonly KubeObject[]): CampaignBoards =>
  new CampaignBoards({
    list: () => Promise.resolve(campaigns()),
    read: (name) => Promise.resolve(campaigns().find(({ metadata }) => metadata.name === name)),
  });

async function send(
  url: string,
  { caller, method, body, headers = {} }: CallOver & { caller: string; method: string },
): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(caller === '' ? {} : { authorization: `Bearer ${caller}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = (response.headers.get('content-type') ?? '').includes('json');
  return { status: response.status, headers: response.headers, body: isJson ? (JSON.parse(text) as unknown) : text };
}
