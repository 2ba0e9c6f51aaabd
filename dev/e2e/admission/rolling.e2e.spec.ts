import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { startStack, type Stack } from '../../src/index.js';
import { startCreations } from './creations.fixture.js';
import {
  ALONE,
  createNamespace,
  enforcedNamespace,
  installWebhooks,
  podsIn,
  type Service,
  startService,
  webhookIn,
  type WebhookProcess,
} from '../../src/webhook.fixture.js';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ nodes: 1, parts: ALONE });
  await installWebhooks(stack);
}, 120_000);
afterAll(() => stack.stop(), 60_000);

describe('two replicas', () => {
  const replicas = [
    { port: 9446, healthPort: 9601 },
    { port: 9447, healthPort: 9602 },
  ];
  let webhooks: WebhookProcess[];
  let service: Service;
  beforeAll(async () => {
    webhooks = replicas.map(({ port, healthPort }) =>
      webhookIn(stack, { WEBHOOK_PORT: String(port), DRAIN_MS: '3000' }, healthPort),
    );
    await Promise.all(webhooks.map((webhook) => webhook.start()));
    service = await startService(stack, replicas);
    await createNamespace(stack, enforcedNamespace('rolling'));
  }, 60_000);
  afterAll(async () => {
    await service.stop();
    await Promise.all(webhooks.map((webhook) => webhook.kill()));
  });

  it('are restarted one after the other under a stream of pods, of which none fails or passes wrongly', async () => {
    const creations = startCreations(stack, { namespace: 'rolling', rate: 200 });
    const { outcomes } = creations;
    for (const webhook of [...webhooks, ...webhooks]) {
      const before = outcomes.admitted;
      await waitFor(() => outcomes.admitted > before + 200, { timeoutMs: 60_000, what: 'pods' });
      await webhook.kill('SIGTERM');
      await webhook.start();
    }
    const perSecond = await creations.stop();
    process.stdout.write(`rolling restart: ${perSecond} pods a second, ${service.connections()} connections\n`);
    expect(outcomes.wrong).toEqual({});
    expect(outcomes.refused).toBeGreaterThan(150);
    const pods = await podsIn(stack, 'rolling');
    expect(pods.length).toBeGreaterThan(100);
    expect(pods.filter(({ metadata }) => metadata.annotations['openshift.io/scc'] !== 'restricted-v2')).toEqual([]);
  }, 240_000);
});
