import { afterAll, beforeAll } from '@jest/globals';
import { startStack, type Stack } from '../../src/index.js';
import { ALONE, installWebhooks, webhookIn, type WebhookProcess } from '../../src/webhook.fixture.js';

/** A cluster of one node whose API server asks the webhook, for the suite that calls this; `use` comes before its tests. */
export function webhookSuite(use: (running: { stack: Stack; webhook: WebhookProcess }) => Promise<void> | void): void {
  let stack: Stack;
  beforeAll(async () => {
    stack = await startStack({ nodes: 1, parts: ALONE });
    const webhook = webhookIn(stack);
    await webhook.start();
    await installWebhooks(stack);
    await use({ stack, webhook });
  }, 120_000);
  afterAll(() => stack.stop(), 60_000);
}
