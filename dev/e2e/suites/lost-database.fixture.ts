import { request } from 'node:https';
import { chmod, mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { json } from 'node:stream/consumers';
import { expect, it } from '@jest/globals';
import { type CheckFault, waitFor } from '@scc/runtime';
import { healthSchema } from '@scc/governance-api';
import type { Client } from '@temporalio/client';
import { z } from 'zod';
import { SYSTEM_NAMESPACE } from '../../src/cluster/accounts.js';
import { NODE, startLoad, type Stack, TOKEN_AUDIENCE } from '../../src/index.js';
import { databaseUrl, initDatabase } from '../../src/parts/stores.js';
import { DEPLOYMENTS, engineOn, NAMESPACE, PLANS, ROUTES, TIMEOUT_MS } from '../engine.fixture.js';
import { sccctlOn } from '../sccctl.fixture.js';

/** PostgreSQL is gone for good in the middle of a migration, and a backup of before it is all that there is. */

const SYSTEM = `/api/v1/namespaces/${SYSTEM_NAMESPACE}`;
const BINDINGS = `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}/rolebindings`;
const ADMIN = `${SYSTEM_NAMESPACE}/admin`;
const AUDITOR = `${SYSTEM_NAMESPACE}/auditor`;
const namesSchema = z.array(z.looseObject({ metadata: z.looseObject({ name: z.string() }) }));
const publishedSchema = z.looseObject({ data: z.looseObject({ size: z.coerce.number(), key: z.string() }) });
const secretSchema = z.looseObject({ data: z.looseObject({ url: z.string() }) });

/** Runs a module inside the stack's network. */
const runModule = (stack: Stack, code: string, ...args: string[]): Promise<string> =>
  stack.exec(NODE, ['--input-type=module', '--eval', code, '--', ...args]);

/** The database of a stack as its superuser, who is the same after `renew`. */
async function databaseOf(stack: Stack) {
  const password = await readFile(path.join(stack.stateDir, 'postgres-password'), 'utf8');
  const url = databaseUrl('postgres', password);
  const folder = path.join(stack.stateDir, 'backup');
  const passwordIn = async (secret: string): Promise<string> => {
    const { data } = secretSchema.parse(await stack.api.get(`${SYSTEM}/secrets/${secret}`));
    return Buffer.from(data.url, 'base64').toString('utf8');
  };
  const tables = (work: 'copyTables' | 'restoreTables'): Promise<string> =>
    runModule(
      stack,
      `import { ${work} } from '@scc/testing/backup'; await ${work}(...process.argv.slice(1));`,
      url,
      folder,
    );
  return {
    backup: async () => {
      await mkdir(folder);
      await chmod(folder, 0o777);
      await tables('copyTables');
    },
    lose: async () => {
      await stack.part('postgres').kill();
      await rm(path.join(stack.stateDir, 'postgres'), { recursive: true });
    },
    /** Another server with the same roles, an empty database, and the schema of this version in it; then the backup. */
    restore: async () => {
      const [service, owner] = await Promise.all(['scc-database', 'scc-database-owner'].map(passwordIn));
      const passwords = { app: new URL(service ?? '').password, migrator: new URL(owner ?? '').password };
      await initDatabase({ file: (...segments) => path.join(stack.stateDir, ...segments) }, password);
      await stack.part('postgres').start();
      const roles = `import { createRoles } from './dev/dist/parts/stores.js';
        await createRoles(process.argv[1], JSON.parse(process.argv[2]));`;
      await runModule(stack, roles, password, JSON.stringify(passwords));
      await stack.exec('env', [`DATABASE_OWNER_URL=${owner ?? ''}`, NODE, 'apps/governance/dist/migrate.js']);
      await tables('restoreTables');
    },
  };
}

/** An answer of governance's API: to everybody, or a POST of a body by the administrator. */
async function answerOf(stack: Stack, at: string, body?: object): Promise<unknown> {
  const ca = await readFile(path.join(stack.stateDir, 'tls', 'ca.crt'));
  const token = await stack.token({ namespace: SYSTEM_NAMESPACE, name: 'admin' }, TOKEN_AUDIENCE);
  const headers = {
    ...{ authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    'idempotency-key': crypto.randomUUID(),
  };
  return new Promise((resolve, reject) => {
    const asked = request(
      new URL(at, stack.addresses.governance),
      body ? { ca, method: 'POST', headers } : { ca },
      (response) => void json(response).then(resolve, reject),
    );
    asked.once('error', reject);
    asked.end(body ? JSON.stringify(body) : undefined);
  });
}

interface Running {
  stack: Stack;
  temporal: Client;
}

/** Declares the test; the stack is asked for when it runs, and afterwards its governance knows less than before. */
export function lostDatabase(running: () => Running): void {
  const { apply, read, untilPhase, untilWeight, remains, specOf } = engineOn(running);
  const stack = (): Stack => running().stack;
  const sccctl = sccctlOn(stack, () => stack().stateDir);
  const namesAt = async (at: string): Promise<string[]> =>
    namesSchema.parse((await stack().api.list(at)).items).map(({ metadata: { name } }) => name);
  const published = async () =>
    publishedSchema.parse(await stack().api.get(`${SYSTEM}/configmaps/scc-audit-checkpoint`)).data;
  const health = async () => healthSchema.parse(await answerOf(stack(), '/v1/health'));
  const auditFaults = async (): Promise<CheckFault[]> =>
    (JSON.parse((await sccctl(null, '-o', 'json', 'check')).out) as CheckFault[]).filter(
      ({ part }) => part === 'audit',
    );
  const until = (holds: () => Promise<boolean>, what: string): Promise<unknown> =>
    waitFor(holds, { timeoutMs: TIMEOUT_MS, everyMs: 500, what });

  it(
    'takes the migration back all the same, and says what a backup of before it lacks until a person has answered for it',
    async () => {
      const paths = [`${DEPLOYMENTS}/orders`, `${ROUTES}/orders`];
      const before = await Promise.all(paths.map(specOf));
      const bindings = await namesAt(BINDINGS);
      // An administrator may not answer for what contradicts the log. The binding is in the backup.
      await stack().apply(
        `{ apiVersion: v1, kind: ServiceAccount, metadata: { name: auditor, namespace: ${SYSTEM_NAMESPACE} } }\n`,
      );
      const subject = { kind: 'User', name: `system:serviceaccount:${SYSTEM_NAMESPACE}:auditor` };
      const binding = { role: 'auditor', subject, namespaces: '*' };
      expect(await answerOf(stack(), '/v1/role-bindings', binding)).toMatchObject({ role: 'auditor' });
      const database = await databaseOf(stack());
      await database.backup();
      const { size: kept, key } = await published();

      const load = await startLoad(stack(), {
        streams: [{ name: 'orders', via: 'ingress', host: 'orders.shop.example', rate: 30 }],
      });
      await apply('lost', 'orders', { traffic: { mirror: { duration: '0s' }, weights: [50, 100], interval: '10m' } });
      await untilWeight('lost', 50);
      const { uid } = (await read('lost')).metadata;
      await until(async () => (await published()).size > kept + 5, 'what the backup lacks to be published');

      await stack().part('governance').kill();
      await database.lose();
      await stack().api.call('DELETE', `${PLANS}/lost`);
      await untilPhase('lost', 'RolledBack');
      const { failures } = await load.stop();
      expect(failures).toEqual([]);
      expect(await remains()).toEqual([]);
      expect(await Promise.all(paths.map(specOf))).toEqual(before);
      expect(await namesAt(BINDINGS)).toEqual(bindings);

      for (const name of ['watcher', 'worker'] as const) await stack().part(name).stop();
      await database.restore();
      for (const name of ['governance', 'watcher', 'worker'] as const) await stack().part(name).start();

      await until(async () => (await health()).status === 'error', 'the gap to be found');
      expect((await health()).components['audit']).toMatchObject({ status: 'down' });
      expect(await auditFaults()).toEqual([
        expect.objectContaining({ remedy: expect.stringContaining('RUNBOOK') as unknown }),
      ]);
      expect(await sccctl(ADMIN, 'audit', 'contradictions')).toMatchObject({
        code: 2,
        out: expect.stringContaining('rolled-back') as unknown,
      });
      const receipts = path.join(stack().stateDir, 'receipts.json');
      expect(await sccctl(ADMIN, 'audit', 'receipts', receipts)).toMatchObject({ code: 0 });
      const verified = await sccctl(ADMIN, 'audit', 'verify', '--key', key, '--receipts', receipts);
      // What goes on after the restore may have made the log longer than what was published.
      const fault = expect.stringMatching(/^fault +(rolled-back|history-rewritten): /m) as unknown;
      expect(verified).toMatchObject({ code: 2, out: fault });
      expect(verified.out).toContain('receipt-missing');

      // Of the migration, of which the backup knows nothing, its undo is told; so the plan and its Secrets go.
      await until(async () => !(await namesAt(PLANS)).includes('lost'), 'the plan to be released');
      const secrets = await namesAt('/api/v1/namespaces/scc-undo/secrets');
      expect(secrets.filter((name) => name.includes(uid))).toEqual([]);

      const answer = ['audit', 'answer', '--published', '--reason', 'restored the backup of before, the loss is known'];
      expect(await sccctl(AUDITOR, ...answer)).toMatchObject({ code: 0 });
      await until(async () => (await health()).components['audit']?.status === 'up', 'the answer to count');
      expect(await auditFaults()).toEqual([]);
      expect(await sccctl(ADMIN, 'audit', 'contradictions')).toMatchObject({ code: 0 });
      const size = async (): Promise<number> => (await published()).size;
      const restored = await size();
      await apply('again', 'orders', { dryRun: true });
      await untilPhase('again', 'Completed');
      await until(async () => (await size()) !== restored, 'checkpoints to be published again');
      expect(await sccctl(ADMIN, 'audit', 'verify', '--key', key)).toMatchObject({ code: 0 });
    },
    4 * TIMEOUT_MS,
  );
}
