import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, it } from '@jest/globals';
import { auditEntrySummarySchema } from '@scc/audit';
import { UNDO_NAMESPACE, undoSecretName } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import type { Client } from '@temporalio/client';
import { z } from 'zod';
import { startLoad, type Stack } from '../../src/index.js';
import { DEPLOYMENTS, engineOn, NAMESPACE, PLANS, ROUTES, TIMEOUT_MS } from '../engine.fixture.js';
import { sccctlOn } from '../sccctl.fixture.js';

/** An undo without governance and its database: from the sealed Secret, when governance signed it, and from nothing else. */

const SECRETS = `/api/v1/namespaces/${UNDO_NAMESPACE}/secrets`;
const BINDINGS = `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}/rolebindings`;
const secretSchema = z.looseObject({ type: z.string(), data: z.record(z.string(), z.string()) });
const namesSchema = z.array(z.looseObject({ metadata: z.looseObject({ name: z.string() }) }));
const entriesSchema = z.array(auditEntrySummarySchema);

/** Material for a wider target, under the signature of the true one. */
function widened(packed: string): string {
  const text = gunzipSync(Buffer.from(packed, 'base64')).toString('utf8');
  const changed = text.replaceAll('anyuid', 'privileged');
  expect(changed).not.toBe(text);
  return gzipSync(changed).toString('base64');
}

interface Running {
  stack: Stack;
  temporal: Client;
}

/** Declares the test; the stack is asked for when it runs. */
export function sealedUndo(running: () => Running): void {
  const { apply, read, until, untilPhase, untilWeight, remains, specOf } = engineOn(running);
  const stack = (): Stack => running().stack;
  const namesAt = async (path: string): Promise<string[]> =>
    namesSchema.parse((await stack().api.list(path)).items).map(({ metadata: { name } }) => name);

  it(
    'is done from what governance signed, refused from a forged Secret, and told to governance when it is back',
    async () => {
      const { api, part } = stack();
      const paths = [`${DEPLOYMENTS}/orders`, `${ROUTES}/orders`];
      const before = await Promise.all(paths.map(specOf));
      const bindings = await namesAt(BINDINGS);
      const load = await startLoad(stack(), {
        streams: [{ name: 'orders', via: 'ingress', host: 'orders.shop.example', rate: 30 }],
      });
      await apply('orphan', 'orders', {
        traffic: { mirror: { duration: '0s' }, weights: [50, 100], interval: '10m' },
      });
      await untilWeight('orphan', 50);
      const { uid } = (await read('orphan')).metadata;
      const name = undoSecretName(uid, 'begun');
      const { type, data } = secretSchema.parse(await api.get(`${SECRETS}/${name}`));
      const replace = async (material: string): Promise<void> => {
        await api.call('DELETE', `${SECRETS}/${name}`);
        const metadata = { namespace: UNDO_NAMESPACE, name };
        const kept = { ...data, material };
        await api.create(SECRETS, { apiVersion: 'v1', kind: 'Secret', type, immutable: true, metadata, data: kept });
      };

      await part('governance').kill();
      await part('postgres').kill();
      await replace(widened(data['material'] ?? ''));
      await api.call('DELETE', `${PLANS}/orphan`);
      await until(
        'orphan',
        ({ message }) => message?.includes('not what governance signed') ?? false,
        'refusing the forged Secret',
      );
      expect((await read('orphan')).status).toMatchObject({ phase: 'Failed', weight: 50 });
      await replace(data['material'] ?? '');
      await untilPhase('orphan', 'RolledBack');
      const { total, failures } = await load.stop();
      expect(failures).toEqual([]);
      expect(total.requests).toBeGreaterThan(200);
      expect(await remains()).toEqual([]);
      expect(await Promise.all(paths.map(specOf))).toEqual(before);
      expect(await namesAt(BINDINGS)).toEqual(bindings);

      // Killed, the last children of PostgreSQL still hold the shared memory for a moment.
      const started = (): Promise<true> =>
        part('postgres')
          .start()
          .then(() => true);
      await waitFor(started, { timeoutMs: 60_000, everyMs: 500, what: 'PostgreSQL to start again' });
      await part('governance').start();
      await waitFor(async () => !(await namesAt(PLANS)).includes('orphan'), {
        timeoutMs: TIMEOUT_MS,
        what: 'the plan to be released',
      });
      const sccctl = sccctlOn(stack, () => stack().stateDir);
      const { out, err } = await sccctl(
        'scc-system/admin',
        ...['-o', 'json', 'audit', 'list', '--action', 'activity.begun', '--namespace', NAMESPACE, '--name', 'orphan'],
      );
      expect(err).toBe('');
      const late = entriesSchema
        .parse(JSON.parse(out))
        .map(({ body: { details } }) => details)
        .filter((details) => z.looseObject({ withoutGovernance: z.string() }).safeParse(details).success);
      const activities = late.map((details) => z.looseObject({ activity: z.string() }).parse(details).activity);
      expect(activities).toEqual(
        expect.arrayContaining(['restoreRoutes', 'removeCanary', 'withdrawTargetGrant', 'compareWithPreImages']),
      );
      expect((await namesAt(SECRETS)).filter((kept) => kept.includes(uid))).toEqual([]);
    },
    4 * TIMEOUT_MS,
  );
}
