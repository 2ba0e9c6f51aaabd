import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadConfig } from '@scc/runtime';
import { TemporalLink, temporalConfig } from '@scc/runtime/temporal';
import { type GuardedTemporal, startGuardedTemporal } from '@scc/testing/tls-frontend';
import { z } from 'zod';
import { temporalRuns, temporalWaker } from './temporal.js';

let temporal: GuardedTemporal;
const links: TemporalLink[] = [];
beforeAll(async () => {
  temporal = await startGuardedTemporal();
}, 60_000);
afterAll(async () => {
  for (const link of links) await link.close();
  await temporal.stop();
});

function linkWith(env: Record<string, string>): TemporalLink {
  const link = new TemporalLink(loadConfig(z.object(temporalConfig), env));
  links.push(link);
  return link;
}
const workflowId = 'scc/shop/ledger/u1';
const wake = (link: TemporalLink) =>
  temporalWaker(link)({ workflowId, signal: 'approve', payload: {} } as Parameters<
    ReturnType<typeof temporalWaker>
  >[0]);

describe('governance in front of a Temporal that asks for certificates', () => {
  it('wakes and sees workflows with a certificate', async () => {
    const link = linkWith(temporal.trusted);
    await expect(temporalRuns(link)(workflowId, null)).resolves.toBe(false);
    await (await link.client()).workflow.start('migrationWorkflow', { taskQueue: 'nobody', workflowId, args: [] });
    await expect(temporalRuns(link)(workflowId, null)).resolves.toBe(true);
    await expect(wake(link)).resolves.toBe('delivered');
  }, 30_000);

  it.each(['untrusted', 'unnamed'] as const)(
    'does neither, and takes it for no answer, when it is %s',
    async (client) => {
      const link = linkWith(temporal[client]);
      await expect(wake(link)).rejects.toThrow();
      await expect(temporalRuns(link)(workflowId, null)).rejects.toThrow('Temporal does not say');
    },
    30_000,
  );
});
