import { describe, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import type { Stack } from '../../src/index.js';
import { webhookSuite } from './suite.fixture.js';
import {
  aPod,
  createNamespace,
  createPod,
  enforcedNamespace,
  podsIn,
  refusalOf,
  type WebhookProcess,
} from '../../src/webhook.fixture.js';

let stack: Stack;
let webhook: WebhookProcess;
webhookSuite((running) => {
  ({ stack, webhook } = running);
});

/** Of the validating hook; the second when only the mutating call met a dead webhook, and was passed over. */
const REFUSED = /unable to validate against any|does not match the suggested scc/;

describe('the webhook', () => {
  it('admits nothing wrongly while it is killed and started again under a stream of pods', async () => {
    await createNamespace(stack, enforcedNamespace('stream'));
    const seen = { admitted: 0, refused: 0, away: 0, other: [] as string[] };
    const count = (refusal: string | undefined): void => {
      if (refusal === undefined) seen.admitted += 1;
      else if (refusal.includes('failed calling webhook')) seen.away += 1;
      else if (REFUSED.test(refusal)) seen.refused += 1;
      else seen.other.push(refusal);
    };
    const stopping = new AbortController();
    const stream = (async () => {
      for (let number = 0; !stopping.signal.aborted; number += 1)
        await Promise.all([
          refusalOf(createPod(stack, aPod('stream', `good-${number}`))).then(count),
          refusalOf(createPod(stack, aPod('stream', `bad-${number}`, 0))).then(count),
        ]);
    })();
    for (let round = 0; round < 3; round += 1) {
      const before = seen.admitted;
      await waitFor(() => seen.admitted > before + 10, { timeoutMs: 30_000, what: 'pods' });
      await webhook.kill();
      const downAt = seen.away;
      await waitFor(() => seen.away > downAt + 3, { timeoutMs: 30_000, what: 'calls without a webhook' });
      await webhook.start();
    }
    stopping.abort();
    await stream;
    expect(seen.other).toEqual([]);
    expect(seen.refused).toBeGreaterThan(10);
    const wrong = (await podsIn(stack, 'stream')).filter(
      ({ metadata }) =>
        metadata.name.startsWith('bad-') || metadata.annotations['openshift.io/scc'] !== 'restricted-v2',
    );
    expect(wrong).toEqual([]);
  }, 180_000);
});
