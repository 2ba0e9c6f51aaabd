import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  type CanActivate,
  Catch,
  type ExceptionFilter,
  type ExecutionContext,
  type INestApplication,
  Module,
  StandardSchemaValidationPipe,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  auditConsistencySchema,
  auditEntryDetailSchema,
  auditEntryPageSchema,
  auditStateSchema,
  type HeldReceipt,
  leafHash,
  parseCheckpoint,
  parseExportLine,
  verifyConsistency,
  verifyInclusion,
  verifyLog,
} from '@scc/audit';
import { receiptSchema } from '@scc/governance-api';
import { createLogger, waitFor } from '@scc/runtime';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import type { KnownRequest } from '../call/actor.js';
import { PERMISSION } from '../call/require-permission.js';
import { ROLES } from '../call/roles.js';
import { ROLE_TABLE } from '../permissions.js';
import { Refusal, REFUSAL_STATUS } from '../refusal/refusal.js';
import { append, aRecord, aSigner, Databases, ORIGIN, seal } from './audit-log.fixture.js';
import { AuthorityWatch } from './authority-watch.js';
import { AuditModule } from './audit.module.js';
import { Contradictions } from './contradictions.controller.js';

/** Stands for authentication: the caller has the one role that the header names. */
class TestGuard implements CanActivate {
  private readonly reflector = new Reflector();

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<KnownRequest & { headers: Record<string, string> }>();
    const role = request.headers['x-test-role'] ?? '';
    request.actor = {
      name: 'ada',
      groups: [],
      roles: [role],
      scope: (request.headers['x-test-scope'] ?? '*').split(','),
    };
    const known = ROLES.find((name) => name === role);
    const granted = known ? ROLE_TABLE.of(known) : new Set<string>();
    const permission = z.string().safeParse(this.reflector.get(PERMISSION, context.getHandler()));
    return permission.success && granted.has(permission.data);
  }
}

@Catch(Refusal)
class TestFilter implements ExceptionFilter<Refusal> {
  catch(refusal: Refusal, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<{ status: (code: number) => { json: (body: unknown) => void } }>();
    response.status(REFUSAL_STATUS[refusal.kind]).json({ title: refusal.message, errors: refusal.issues });
  }
}

@Module({})
class RootModule {}

const signer = aSigner();
const ENTRIES = 700;
let databases: Databases;
let source: DataSource;
let app: INestApplication;
let url: string;
let receipts: HeldReceipt[];

beforeAll(async () => {
  databases = await Databases.start();
  source = await databases.app(await databases.create());
  const records = Array.from({ length: ENTRIES }, (_none, number) => aRecord(number));
  receipts = await append(source, records);
  await seal(source, { signer });
  const root = {
    module: RootModule,
    global: true,
    providers: [{ provide: DataSource, useValue: source }],
    exports: [DataSource],
  };
  const logger = createLogger('audit-spec', 'silent');
  const contradictions = new Contradictions(new AuthorityWatch({ source, logger }));
  const imports = [root, AuditModule.register({ origin: ORIGIN, logger, contradictions })];
  app = (await Test.createTestingModule({ imports }).compile()).createNestApplication();
  app.useLogger(false);
  app.useGlobalPipes(new StandardSchemaValidationPipe());
  app.useGlobalGuards(new TestGuard());
  app.useGlobalFilters(new TestFilter());
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
}, 60_000);
afterAll(async () => {
  await app.close();
  await databases.close();
});

const get = (path: string, role = 'auditor', signal?: AbortSignal): Promise<Response> =>
  fetch(`${url}/v1/audit/${path}`, { headers: { 'x-test-role': role }, ...(signal && { signal }) });
const read = async <T extends z.ZodType>(schema: T, path: string): Promise<z.output<T>> =>
  schema.parse(await (await get(path)).json());
const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const state = () => read(auditStateSchema, 'checkpoint');

describe('the audit routes', () => {
  it.each([
    ['entries', { auditor: 200, admin: 200, viewer: 403, engine: 403, stranger: 403 }],
    ['export', { auditor: 200, admin: 200, viewer: 403, operator: 403, stranger: 403 }],
    ['checkpoint', { auditor: 200, viewer: 200, engine: 200, stranger: 403 }],
    ['consistency?first=1&second=2', { auditor: 200, viewer: 200, stranger: 403 }],
  ])('%s is for who may', async (path, expected) => {
    const roles = Object.keys(expected);
    const statuses = await Promise.all(roles.map(async (role) => [role, (await get(path, role)).status]));
    expect(Object.fromEntries(statuses)).toEqual(expected);
  });

  it('state the newest checkpoint and that nothing waits', async () => {
    const found = await state();
    expect(found).toMatchObject({ origin: ORIGIN, size: ENTRIES, keys: [signer.vkey], unsealed: 0, lagSeconds: 0 });
    expect(parseCheckpoint(found.checkpoint ?? '').size).toBe(ENTRIES);
  });

  it('list entries page by page, the newest first, each once', async () => {
    const seen: string[] = [];
    let cursor = '';
    do {
      const page = await read(auditEntryPageSchema, `entries?limit=300${cursor && `&cursor=${cursor}`}`);
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor ?? '';
    } while (cursor);
    expect(seen).toEqual(receipts.map(({ entryId }) => entryId).reverse());
  });

  it('list only what lies in the scope of the caller', async () => {
    const counts = await Promise.all(
      ['shop', 's*,bank', 'bank', 'sho_'].map(async (scope) => {
        const headers = { 'x-test-role': 'auditor', 'x-test-scope': scope };
        const response = await fetch(`${url}/v1/audit/entries?limit=2`, { headers });
        return auditEntryPageSchema.parse(await response.json()).items.length;
      }),
    );
    expect(counts).toEqual([2, 2, 0, 0]);
  });

  it.each([
    ['actor=user-3', 100],
    ['name=plan-5&kind=SCCMigrationPlan&namespace=shop', 54],
    ['requestId=request-42', 1],
    ['action=approval.refused', 0],
    ['to=2020-01-01T00:00:00Z', 0],
    ['from=2020-01-01T00:00:00Z&actor=user-3&name=plan-5', 8],
  ])('find entries by %s', async (filter, count) => {
    const { items } = await read(auditEntryPageSchema, `entries?limit=500&${filter}`);
    expect(items).toHaveLength(count);
  });

  it('prove an entry against the newest checkpoint and against an older tree', async () => {
    const { entryId = '', leafHash: leaf = '' } = receipts[123] ?? {};
    const entry = await read(auditEntryDetailSchema, `entries/${entryId}`);
    const { inclusion } = entry;
    expect(leafHash(Buffer.from(entry.bytes, 'base64')).toString('hex')).toBe(leaf);
    const { root, size } = parseCheckpoint(inclusion?.checkpoint ?? '');
    const path = inclusion?.path.map(bytes) ?? [];
    expect(verifyInclusion({ index: 123, size, leaf: bytes(leaf), path, root })).toBe(true);

    const older = (await read(auditEntryDetailSchema, `entries/${entryId}?size=150`)).inclusion;
    const then = parseCheckpoint(older?.checkpoint ?? '');
    const olderPath = older?.path.map(bytes) ?? [];
    expect(verifyInclusion({ index: 123, size: 150, leaf: bytes(leaf), path: olderPath, root: then.root })).toBe(true);
  });

  it('prove that an older log is the beginning of the newest', async () => {
    const { path, checkpoint } = await read(auditConsistencySchema, `consistency?first=150&second=${ENTRIES}`);
    const first = (await read(auditConsistencySchema, 'consistency?first=0&second=150')).checkpoint;
    const [before, after] = [parseCheckpoint(first ?? ''), parseCheckpoint(checkpoint ?? '')];
    const claim = { first: 150, second: ENTRIES, firstRoot: before.root, secondRoot: after.root };
    expect(verifyConsistency({ ...claim, path: path.map(bytes) })).toBe(true);
    expect(verifyConsistency({ ...claim, path: path.map(bytes).reverse() })).toBe(false);
  });

  it('tell the index of an entry once it is sealed', async () => {
    const { entryId = '' } = receipts[77] ?? {};
    expect(await read(receiptSchema, `receipts/${entryId}`)).toMatchObject({
      ...receipts[77],
      index: 77,
      checkpoint: expect.stringContaining(`\n${ENTRIES}\n`) as unknown,
    });
  });

  it('say no to nonsense with a client error', async () => {
    const { entryId } = receipts[600] ?? {};
    const paths = [
      'entries?limit=0',
      'entries?cursor=nonsense',
      'entries?from=yesterday',
      'entries?actor=%00',
      'entries/nobody',
      'entries/%00',
      `entries/${entryId ?? ''}?size=100`,
      `entries/${entryId ?? ''}?size=100000`,
      'receipts/nobody',
      'consistency?first=1',
      'consistency?first=2&second=1',
      'consistency?first=1&second=100000',
    ];
    const statuses = await Promise.all(paths.map(async (path) => (await get(path)).status));
    expect(statuses).toEqual([400, 422, 400, 400, 404, 400, 422, 422, 404, 400, 422, 422]);
  });

  it('export the whole log, which verifies offline', async () => {
    const text = await (await get('export')).text();
    const records = text.trimEnd().split('\n').map(parseExportLine);
    const batches = (async function* () {
      await Promise.resolve();
      yield records;
    })();
    const anchors = [{ source: 'checkpoint', note: (await state()).checkpoint ?? '' }];
    expect(await verifyLog(batches, { origin: ORIGIN, keys: [signer.vkey], anchors, receipts })).toMatchObject({
      verdict: 'clean',
      checked: { sealed: ENTRIES, receipts: ENTRIES, anchors: 1 },
    });
  });

  it('give the connection back when a caller goes away in the middle of an export', async () => {
    const idle = async (): Promise<boolean> => {
      const [row] = await source.query<{ count: string }[]>(
        `select count(*) from pg_stat_activity where state like 'idle in transaction%' and datname = current_database()`,
      );
      return row?.count === '0';
    };
    for (let round = 0; round < 20; round += 1) {
      const abort = new AbortController();
      const response = await get('export', 'auditor', abort.signal);
      await response.body?.getReader().read();
      abort.abort();
    }
    await waitFor(idle, { timeoutMs: 5_000, what: 'every snapshot to end' });
    expect((await get('checkpoint')).status).toBe(200);
  });
});
