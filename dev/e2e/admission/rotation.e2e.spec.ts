import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { startStack, type Stack } from '../../src/index.js';
import { startCreations } from './creations.fixture.js';
import {
  ALONE,
  aPod,
  applyConfigurations,
  createNamespace,
  createPod,
  enforcedNamespace,
  failedOpen,
  refusalOf,
  webhookIn,
  writeEntries,
} from '../../src/webhook.fixture.js';

/** A year in a minute: authorities live 40 s and certificates 15 s. */
const COMPRESSED = {
  WEBHOOK_TLS: 'secret',
  WEBHOOK_NAMES: '127.0.0.1,localhost',
  WEBHOOK_AUTHORITY_HOURS: String(40 / 3600),
  WEBHOOK_LEAF_HOURS: String(15 / 3600),
  WEBHOOK_SETTLE_MS: '2000',
};

/** The long run: ROTATION_SECONDS=600 ROTATION_RATE=100. */
const SECONDS = Number(process.env['ROTATION_SECONDS'] ?? 75);
const PER_SECOND = Number(process.env['ROTATION_RATE'] ?? 40);

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ nodes: 1, parts: ALONE });
  await applyConfigurations(stack);
  await webhookIn(stack).start({ ...COMPRESSED, WEBHOOK_ENTRIES_FILE: await writeEntries(stack) });
  await createNamespace(stack, enforcedNamespace('rotation'));
}, 120_000);
afterAll(() => stack.stop(), 60_000);

async function served(): Promise<{ authority: string; leaf: string }> {
  const secret = await stack.api.get('/api/v1/namespaces/scc-system/secrets/scc-webhook-tls');
  const { data } = z.looseObject({ data: z.record(z.string(), z.string()) }).parse(secret);
  return { authority: data['ca.crt'] ?? '', leaf: data['tls.crt'] ?? '' };
}

const CONFIGURATIONS = ['mutating', 'validating'].map(
  (kind) => `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations/scc-webhook`,
);
const configurationSchema = z.looseObject({
  webhooks: z
    .array(z.looseObject({ name: z.string(), clientConfig: z.looseObject({ caBundle: z.string().default('') }) }))
    .default([]),
});
/** The entries of both configurations, each with whether it has an authority. */
const entries = (): Promise<string[][]> =>
  Promise.all(
    CONFIGURATIONS.map(async (url) =>
      configurationSchema
        .parse(await stack.api.get(url))
        .webhooks.map(({ name, clientConfig }) => `${name}${clientConfig.caBundle === '' ? '' : ' trusted'}`),
    ),
  );
const WHOLE = [
  ['pods', 'plans', 'campaigns'].map((name) => `${name}.scc.poc trusted`),
  ['pods', 'exec', 'workloads', 'plans', 'campaigns', 'grants', 'cluster-grants', 'namespaces'].map(
    (name) => `${name}.scc.poc trusted`,
  ),
];
const untilWhole = (): Promise<unknown> =>
  waitFor(async () => JSON.stringify(await entries()) === JSON.stringify(WHOLE), {
    timeoutMs: 30_000,
    what: 'the entries of both configurations',
  });

describe('the entries of the webhook configurations', () => {
  it('are written by the webhook when it answers', async () => {
    await untilWhole();
  }, 60_000);

  it('stay when the chart is applied again, as an upgrade does', async () => {
    await applyConfigurations(stack);
    expect(await entries()).toEqual(WHOLE);
  }, 60_000);

  it('come back when somebody takes them away, and stay away with a configuration that was deleted', async () => {
    const [mutating = '', validating = ''] = CONFIGURATIONS;
    await stack.api.merge(mutating, { webhooks: [] });
    await untilWhole();
    await stack.api.call('DELETE', validating);
    await stack.api.merge(mutating, { webhooks: [] });
    await waitFor(
      async () => configurationSchema.parse(await stack.api.get(mutating)).webhooks.length === WHOLE[0]?.length,
      {
        timeoutMs: 30_000,
        what: 'the entries that were taken away',
      },
    );
    await expect(stack.api.get(validating)).rejects.toMatchObject({ status: 404 });
    await applyConfigurations(stack);
    await untilWhole();
  }, 90_000);
});

describe('the rotation of authority and certificate', () => {
  it(
    'fails no call',
    async () => {
      await waitFor(
        async () => (await refusalOf(createPod(stack, aPod('rotation', 'first'), '?dryRun=All'))) === undefined,
        {
          timeoutMs: 30_000,
          what: 'the authority to be trusted',
        },
      );
      const before = failedOpen(stack).length;
      const creations = startCreations(stack, { namespace: 'rotation', rate: PER_SECOND });
      const authorities = new Set<string>();
      const leaves = new Set<string>();
      const end = performance.now() + SECONDS * 1000;
      const isOver = async (): Promise<boolean> => {
        const { authority, leaf } = await served();
        authorities.add(authority);
        leaves.add(leaf);
        return performance.now() > end;
      };
      await waitFor(isOver, { timeoutMs: SECONDS * 1000 + 30_000, everyMs: 500, what: 'the end of the run' });
      const perSecond = await creations.stop();
      const { admitted, refused, wrong } = creations.outcomes;
      process.stdout.write(
        `rotation: ${perSecond} pods a second, ${admitted} admitted, ${refused} refused, ${authorities.size} bundles of authorities, ${leaves.size} certificates\n`,
      );
      expect({ wrong, failedOpen: failedOpen(stack).slice(before) }).toEqual({ wrong: {}, failedOpen: [] });
      expect(authorities.size).toBeGreaterThanOrEqual(Math.floor((SECONDS * 4) / 75));
      expect(leaves.size).toBeGreaterThanOrEqual(Math.floor((SECONDS * 5) / 75));
      expect(admitted + refused).toBeGreaterThan(500);
    },
    (SECONDS + 120) * 1000,
  );
});
