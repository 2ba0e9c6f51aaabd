import 'reflect-metadata';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, type INestApplication, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { createLogger } from '@scc/runtime';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { type GuardedApi, type SignedIn, startGuarded, TestCluster } from '../access.fixture.js';
import { AUTHENTICATED, PUBLIC } from '../call/require-permission.js';
import { type Role, ROLES } from '../call/roles.js';
import { domainDatabase, type DomainDatabase } from '../governance.fixture.js';
import { ProblemFilter } from '../http/problems.js';
import { PAGES_PATH } from '../http/request.js';
import { type ApiRoute, routesOf } from '../http/routes.js';
import { DOCUMENT_PATH } from '../openapi/pages.js';
import { ROLE_TABLE } from '../permissions.js';
import { AccessModule } from './access.module.js';
import { accessConfig } from './settings.js';

/** Every route times every role, found by walking the application. */

const cluster = new TestCluster();
let database: DomainDatabase;
let guarded: GuardedApi;
let routes: ApiRoute[];
const tokens = new Map<Role, string>();
const sessions = new Map<Role, SignedIn>();

beforeAll(async () => {
  database = await domainDatabase();
  guarded = await startGuarded(database.app, { cluster });
  routes = routesOf(guarded.api.app);
  for (const role of ROLES) {
    const token = cluster.issue(`only-${role}`, { groups: [`all-${role}`] });
    tokens.set(role, token);
    sessions.set(role, await guarded.signIn(token));
    await database.app.query(
      `insert into role_binding (role, subject_kind, subject_name, namespaces, created_by)
       values ($1, 'Group', $2, '*', 'test')`,
      [role, `all-${role}`],
    );
  }
}, 60_000);
afterAll(async () => {
  await guarded.close();
  await database.close();
});

const VALUES: Record<string, string> = { namespace: 'shop', kind: 'Deployment', name: 'ledger', version: '1' };
const pathOf = ({ path }: ApiRoute): string =>
  path.replace(/\{([^}]+)\}/g, (_match, name: string) => VALUES[name] ?? '999999999');
const send = (caller: string | SignedIn | null, route: ApiRoute) =>
  guarded.call(caller, route.method.toUpperCase(), pathOf(route), route.method === 'get' ? undefined : {});

const layerSchema = z.looseObject({
  route: z.looseObject({ path: z.string(), methods: z.record(z.string(), z.boolean()).default({}) }).optional(),
});

describe('every route', () => {
  it('is known to this walk', () => {
    const { router } = z
      .custom<{ router: { stack: unknown[] } }>((value) => typeof value === 'function')
      .parse(guarded.api.app.getHttpAdapter().getInstance());
    const served = router.stack.flatMap((layer) => {
      const { route } = layerSchema.parse(layer);
      return route ? Object.keys(route.methods).map((method) => `${method} ${route.path}`) : [];
    });
    const walked = routes.map(({ method, path }) => `${method} ${path.replace(/\{([^}]+)\}/g, ':$1')}`);
    const documentation = served.filter((route) => [DOCUMENT_PATH, PAGES_PATH].some((path) => route.includes(path)));
    expect(served.filter((route) => !documentation.includes(route)).sort()).toEqual(walked.sort());
    expect(walked.length).toBeGreaterThan(40);
  });

  it('declares a permission that some role has, or whom else it is for', () => {
    const undeclared = routes.filter(
      ({ permission }) =>
        permission === null || ![...ROLE_TABLE.permissions, PUBLIC, AUTHENTICATED].includes(permission),
    );
    expect(undeclared.map(({ method, path, permission }) => `${method} ${path}: ${permission ?? 'none'}`)).toEqual([]);
  });

  it('is for everybody only where nothing is at stake', () => {
    const open = routes.filter(({ permission }) => permission === PUBLIC || permission === AUTHENTICATED);
    expect(open.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
      'delete /v1/session',
      ...['get /v1/health', 'get /v1/me', 'get /v1/session', 'get /v1/sign-in'],
      'post /v1/session',
    ]);
  });

  it('answers 401 to those who say nothing or something wrong', async () => {
    for (const route of routes.filter(({ permission }) => permission !== PUBLIC)) {
      const silent = await send(null, route);
      expect([silent.status, silent.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="scc-governance"']);
    }
    const wrong = await send(
      'wrong',
      routes.find(({ path }) => path === '/v1/me')!,
    );
    expect([wrong.status, wrong.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer realm="scc-governance", error="invalid_token"',
    ]);
  });

  it.each(
    ROLES.flatMap((role) => [
      { role, by: 'a token', callers: tokens },
      { role, by: 'a session of the console', callers: sessions },
    ]),
  )('is open to $role by $by exactly where the role has its permission', async ({ role, callers }) => {
    const caller = callers.get(role)!;
    for (const route of routes) {
      const { permission } = route;
      if (permission === null || permission === PUBLIC || permission === AUTHENTICATED) continue;
      const { status, detail } = await send(caller, route);
      const name = `${role}: ${route.method} ${route.path}`;
      if (ROLE_TABLE.of(role).has(permission)) expect([name, [401, 403].includes(status)]).toEqual([name, false]);
      else
        expect([name, status, detail]).toEqual([
          name,
          403,
          expect.stringMatching(
            new RegExp(`^you lack ${permission} .*: an admin there can bind you a role that has it`),
          ),
        ]);
    }
  });
});

describe('the table of roles in docs/ACCESS.md', () => {
  it('says what the code does', async () => {
    const file = path.resolve(import.meta.dirname, '../../../../docs/ACCESS.md');
    const rows = (await readFile(file, 'utf8')).split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
    const [header = []] = rows.filter(([, first]) => first === 'permission');
    expect(header.slice(2, -1)).toEqual(ROLES);
    const documented = rows
      .filter(([, first = '', ...cells]) => /^`[a-z-]+:[a-z-]+`/.test(first) && cells.length === ROLES.length + 1)
      .flatMap(([, first = '', ...cells]) =>
        [...first.matchAll(/`([a-z-]+:[a-z-]+)`/g)].map(([, permission = '']) => ({
          permission,
          roles: ROLES.filter((_role, index) => cells[index] === '●'),
        })),
      );
    const byName = (a: { permission: string }, b: { permission: string }) => a.permission.localeCompare(b.permission);
    const inCode = ROLE_TABLE.permissions.map((permission) => ({
      permission,
      roles: ROLES.filter((role) => ROLE_TABLE.of(role).has(permission)),
    }));
    expect(documented.sort(byName)).toEqual(inCode.sort(byName));
  });
});

@Controller('forgotten')
class ForgetfulController {
  @Get()
  read(): string {
    return 'secret';
  }
}

@Module({})
class RootModule {}

describe('a route that declares nothing', () => {
  let app: INestApplication;
  beforeAll(async () => {
    const log = createLogger('test', 'silent');
    const root = {
      module: RootModule,
      global: true,
      providers: [{ provide: DataSource, useValue: database.app }],
      exports: [DataSource],
    };
    const access = AccessModule.register({
      config: z.object(accessConfig).parse({}),
      roles: ROLE_TABLE,
      tokenReview: cluster.tokenReview,
      subjectAccessReview: cluster.subjectAccessReview,
      findSCC: () => Promise.resolve(undefined),
      isReady: () => Promise.resolve(true),
      log,
    });
    const module = await Test.createTestingModule({
      imports: [root, access],
      controllers: [ForgetfulController],
    }).compile();
    app = module.createNestApplication({ logger: false });
    app.useGlobalFilters(new ProblemFilter(log));
    await app.listen(0, '127.0.0.1');
  }, 30_000);
  afterAll(() => app.close());

  it('is closed to admins too', async () => {
    const headers = { authorization: `Bearer ${tokens.get('admin')!}` };
    const response = await fetch(`${await app.getUrl()}/forgotten`, { headers });
    expect(response.status).toBe(403);
    expect(await response.text()).not.toContain('secret');
  });
});
