import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { KubeObject } from '@scc/kube';
import { createLogger } from '@scc/runtime';
import { makeAuthority } from '@scc/tls';
import { stringify } from 'yaml';
import { TestCluster, type KubeLike } from '../testing/cluster.fixture.js';
import { bundleToHold } from './bundles.js';
import { EntryKeeper, type KeeperOptions } from './keeper.js';
import { ADMISSION_API, CONFIGURATIONS, configurationSchema, followWebhookTrust } from './trust.js';

const DAY_MS = 86_400_000;
const now = new Date();
const authority = async (name: string, days = 10): Promise<string> =>
  (await makeAuthority(name, { now, lifeMs: days * DAY_MS })).certificate;
const [first, second] = [await authority('first'), await authority('second')];

let file: string;
beforeAll(async () => {
  file = path.join(await mkdtemp(path.join(tmpdir(), 'scc-entries-')), 'entries.yaml');
});
afterAll(() => rm(path.dirname(file), { recursive: true }));

const hook = (name: string, failurePolicy = 'Fail') => ({
  name,
  failurePolicy,
  clientConfig: { service: { name: 'governance-webhook', namespace: 'scc-system', path: `/${name}` } },
});
const write = (validating: object[], mutating: object[] = [hook('pods.scc.poc', 'Ignore')]): Promise<void> =>
  writeFile(file, stringify({ mutating, validating }));

const configuration = (kind: string, over: object = {}): KubeLike => ({
  apiVersion: ADMISSION_API,
  kind,
  metadata: { name: 'scc-webhook', uid: `uid-of-${kind}`, ...over },
});

/** Configurations that are installed without entries, as the chart does, and a server that keeps what is applied. */
async function world(options: Partial<KeeperOptions> = {}) {
  const cluster = new TestCluster(CONFIGURATIONS.map(({ kind }) => configuration(kind)));
  const trust = followWebhookTrust(cluster.makeInformer);
  await trust.synced;
  const applied: KubeObject[] = [];
  const clock = { now };
  const keeper = new EntryKeeper({
    client: {
      apply: (object) => {
        applied.push(object);
        cluster.put({ ...configuration(object.kind), webhooks: object['webhooks'] });
        return Promise.resolve(object);
      },
    },
    trust,
    file,
    rotates: false,
    missing: () => null,
    logger: createLogger('keeper', 'silent'),
    now: () => clock.now,
    ...options,
  });
  const kept = (): Record<string, [string, string][]> =>
    Object.fromEntries(
      trust
        .installed()
        .map(({ kind, webhooks }) => [
          kind,
          webhooks.map(({ name, clientConfig }) => [
            name,
            Buffer.from(clientConfig.caBundle ?? '', 'base64').toString(),
          ]),
        ]),
    );
  /** Looks as often as it takes until the first entries may be written. */
  const look = async (authorities = first): Promise<void> => {
    await keeper.look(authorities);
    await keeper.look(authorities);
  };
  return { applied, clock, cluster, keeper, kept, look, trust };
}

describe('the entries of the webhook configurations', () => {
  beforeAll(() => write([hook('pods.scc.poc'), hook('plans.scc.poc')]));

  it('are written only when reviews are answered, and a look after that', async () => {
    let missing: string | null = 'SCCs are not listed yet';
    const { applied, keeper, kept } = await world({ missing: () => missing });
    await keeper.look(first);
    await keeper.look(first);
    missing = null;
    await keeper.look(first);
    expect(applied).toEqual([]);
    await keeper.look(first);
    expect(kept()).toEqual({
      MutatingWebhookConfiguration: [['pods.scc.poc', first]],
      ValidatingWebhookConfiguration: [
        ['pods.scc.poc', first],
        ['plans.scc.poc', first],
      ],
    });
  });

  it('are applied to the configuration that was seen, and not again while nothing changes', async () => {
    const { applied, keeper, look } = await world();
    await look();
    await keeper.look(first);
    expect(applied.map(({ kind, metadata }) => [kind, metadata])).toEqual(
      CONFIGURATIONS.map(({ kind, name }) => [kind, { name, uid: `uid-of-${kind}` }]),
    );
  });

  it('come back when somebody takes or changes them', async () => {
    const { cluster, keeper, kept, look, trust } = await world();
    await look();
    const before = kept();
    const [, validating] = trust.installed();
    cluster.put(configuration('MutatingWebhookConfiguration'));
    const open = (validating?.webhooks ?? []).map((webhook) => ({ ...webhook, failurePolicy: 'Ignore' }));
    cluster.put({ ...configuration('ValidatingWebhookConfiguration'), webhooks: open });
    await keeper.look(first);
    expect(kept()).toEqual(before);
    expect(trust.installed()[1]?.webhooks.map((webhook) => webhook['failurePolicy'])).toEqual(['Fail', 'Fail']);
  });

  it('stay away with a configuration that was deleted', async () => {
    const { applied, cluster, look } = await world();
    for (const { kind, name } of CONFIGURATIONS) cluster.remove(kind, name);
    await look();
    expect(applied).toEqual([]);
  });

  it('match nothing while they are disabled', async () => {
    const { applied, cluster, look } = await world();
    const annotations = { 'scc.poc/disabled': '[]' };
    cluster.put(configuration('ValidatingWebhookConfiguration', { annotations }));
    await look();
    const written = applied.find(({ kind }) => kind === 'ValidatingWebhookConfiguration');
    for (const entry of configurationSchema.parse(written).webhooks ?? [])
      expect(entry).toMatchObject({
        namespaceSelector: { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'DoesNotExist' }] },
        objectSelector: { matchExpressions: [{ operator: 'Exists' }] },
      });
  });

  it('leave out once what the file no longer names, and leave alone what somebody else added', async () => {
    const { applied, cluster, keeper, look, trust } = await world();
    await look();
    await write([hook('pods.scc.poc')]);
    const written = applied.length;
    await keeper.look(first);
    expect(applied.slice(written).map(({ kind }) => kind)).toEqual(['ValidatingWebhookConfiguration']);
    const theirs = { name: 'theirs.example', clientConfig: {} };
    const webhooks = [...(trust.installed()[1]?.webhooks ?? []), theirs];
    cluster.put({ ...configuration('ValidatingWebhookConfiguration'), webhooks });
    await keeper.look(first);
    expect(applied).toHaveLength(written + 1);
    await write([hook('pods.scc.poc'), hook('plans.scc.poc')]);
  });

  it.each([
    ['names a webhook twice', [hook('a.b.c'), hook('a.b.c')]],
    ['validating', []],
    ['is written by the webhook itself', [{ name: 'a.b.c', clientConfig: { caBundle: 'Zm9v' } }]],
  ])('are refused with file and field: %s', async (sentence, validating) => {
    const { keeper, look } = await world();
    await look();
    await write(validating);
    await expect(keeper.publish(second)).rejects.toThrow(`${file}: `);
    await expect(keeper.publish(second)).rejects.toThrow(sentence);
    await write([hook('pods.scc.poc'), hook('plans.scc.poc')]);
  });

  it('leave the authority to the rotation', async () => {
    const { applied, keeper, look } = await world({ rotates: true });
    await look();
    const written = applied.length;
    await keeper.look(second);
    expect(applied).toHaveLength(written);
    await keeper.publish(second);
    expect(keeper.held()).toEqual([second]);
  });

  it('get a new authority beside the old one, which goes when every replica has heard of it', async () => {
    const { clock, keeper, look } = await world();
    await look(first);
    await keeper.look(second);
    expect(keeper.held()).toEqual([first + second]);
    clock.now = new Date(now.getTime() + 11 * 60_000);
    await keeper.look(second);
    expect(keeper.held()).toEqual([second]);
  });
});

describe('bundleToHold', () => {
  it('is the same for replicas that have heard of a new authority and those that have not', () => {
    const held = [first + second];
    const of = (mine: string): string => bundleToHold({ held, mine, isSettled: false, now });
    expect([of(first), of(second)]).toEqual([first + second, first + second]);
  });

  it('drops what has ended, and keeps what is there when nothing is known', async () => {
    const ended = await authority('ended', 1);
    const later = new Date(now.getTime() + 2 * DAY_MS);
    expect(bundleToHold({ held: [ended + first], mine: second, isSettled: false, now: later })).toBe(first + second);
    expect(bundleToHold({ held: [first], mine: '', isSettled: true, now })).toBe(first);
  });
});
