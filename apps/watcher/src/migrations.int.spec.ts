import { loadConfig, waitFor } from '@scc/runtime';
import { TemporalLink, temporalConfig } from '@scc/runtime/temporal';
import { type GuardedTemporal, startGuardedTemporal } from '@scc/testing/tls-frontend';
import { workflowIdOf } from '@scc/migration/contract';
import { z } from 'zod';
import { temporalMigrations } from './migrations.js';

/** The watcher in front of a Temporal that asks for certificates. */

let temporal: GuardedTemporal;
const links: TemporalLink[] = [];
beforeAll(async () => {
  temporal = await startGuardedTemporal();
}, 60_000);
afterAll(async () => {
  for (const link of links) await link.close();
  await temporal.stop();
});

function migrationsWith(env: Record<string, string>) {
  const link = new TemporalLink(loadConfig(z.object(temporalConfig), env));
  links.push(link);
  return temporalMigrations(link, 'nobody', new AbortController().signal);
}
const ref = { namespace: 'shop', name: 'ledger', uid: 'u1' };

it.each(['untrusted', 'unnamed'] as const)(
  'a watcher that is %s starts nothing',
  async (client) => {
    await expect(migrationsWith(temporal[client]).start(ref, null)).rejects.toThrow();
    await expect(migrationsWith(temporal.trusted).life(ref)).resolves.toBe('NeverStarted');
  },
  30_000,
);

it('a watcher with a certificate starts, sees and cancels a migration', async () => {
  const migrations = migrationsWith(temporal.trusted);
  await expect(migrations.start(ref, null)).resolves.toBe(true);
  await expect(migrations.life(ref)).resolves.toBe('Running');
  await expect(migrations.start(ref, null)).resolves.toBe(true);
  const client = await links.at(-1)?.client();
  await client?.workflow.getHandle(workflowIdOf(ref)).terminate();
  await expect(migrations.start(ref, null)).resolves.toBe(false);
  await migrations.cancel(ref);
}, 30_000);

it('a migration and its campaign are found by the name of the campaign', async () => {
  const migrations = migrationsWith(temporal.trusted);
  await migrations.start({ namespace: 'shop', name: 'till', uid: 'u2' }, 'fleet');
  await migrations.startCampaign({ name: 'fleet', uid: 'f1' });
  const client = await links.at(-1)?.client();
  const found = async (): Promise<string[]> => {
    const ids: string[] = [];
    for await (const { workflowId } of client?.workflow.list({ query: `SccCampaign = 'fleet'` }) ?? [])
      ids.push(workflowId);
    return ids.sort();
  };
  const both = ['scc-campaign/f1', 'scc/shop/till/u2'];
  const isThere = async (): Promise<boolean> => (await found()).join(' ') === both.join(' ');
  await waitFor(isThere, { timeoutMs: 20_000, what: 'both workflows in the list' });
}, 40_000);
