import { UNDO_WORKFLOW } from '@scc/migration/contract';
import { loadConfig, waitFor } from '@scc/runtime';
import { TemporalLink, temporalConfig } from '@scc/runtime/temporal';
import { startTemporal, type TemporalServer } from '@scc/testing/temporal';
import { z } from 'zod';
import { backlogSeconds } from './backlog.js';

let temporal: TemporalServer;
let link: TemporalLink;
beforeAll(async () => {
  temporal = await startTemporal();
  const env = { TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.namespace };
  link = new TemporalLink(loadConfig(z.object(temporalConfig), env));
}, 60_000);
afterAll(async () => {
  await link.close();
  await temporal.stop();
});

it('shows how long a task waits that no worker takes, and nothing of a queue without tasks', async () => {
  const { workflow } = await link.client();
  await workflow.start(UNDO_WORKFLOW, { workflowId: 'alone', taskQueue: 'nobody', args: [] });
  await waitFor(async () => (await backlogSeconds(link, 'nobody')) >= 2, {
    timeoutMs: 30_000,
    everyMs: 500,
    what: 'a task that has waited for two seconds',
  });
  await expect(backlogSeconds(link, 'empty')).resolves.toBe(0);
}, 60_000);
