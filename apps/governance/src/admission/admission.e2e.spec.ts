import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { startStack, type Stack } from '../../../../dev/src/index.js';
import { NODE, ROOT } from '../../../../dev/src/paths.js';
import { type CorpusCase, corpusCases, objectsOf } from './corpus.fixture.js';
import {
  createNamespace,
  installWebhooks,
  refusalOf,
  startInjector,
  untilPodsMayRun,
  webhookIn,
  type WebhookProcess,
} from './stack.fixture.js';

const ALONE = {
  mesh: false,
  temporal: false,
  postgres: false,
  prometheus: false,
  governance: false,
  worker: false,
  watcher: false,
};
/** A year in a minute: authorities live 40 s and certificates 15 s. */
const COMPRESSED = {
  WEBHOOK_TLS: 'secret',
  WEBHOOK_NAMES: '127.0.0.1,localhost',
  WEBHOOK_AUTHORITY_HOURS: String(40 / 3600),
  WEBHOOK_LEAF_HOURS: String(15 / 3600),
  WEBHOOK_SETTLE_MS: '2000',
};

let stack: Stack;
let webhook: WebhookProcess;
beforeAll(async () => {
  stack = await startStack({ nodes: 1, parts: ALONE });
  webhook = webhookIn(stack);
  await webhook.start();
  await installWebhooks(stack, readFileSync(path.join(stack.stateDir, 'tls', 'ca.crt'), 'utf8'));
}, 120_000);
afterAll(() => stack.stop(), 60_000);

const ENFORCED = { 'scc.poc/enforce': 'true' };
const namespaceFor = (name: string, annotations: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name,
    labels: ENFORCED,
    annotations: {
      'openshift.io/sa.scc.uid-range': '1000700000/10000',
      'openshift.io/sa.scc.supplemental-groups': '1000700000/10000',
      'openshift.io/sa.scc.mcs': 's0:c27,c4',
      ...annotations,
    },
  },
});

const podSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string(),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  spec: z.looseObject({
    containers: z.array(z.looseObject({ name: z.string(), securityContext: z.looseObject({}).optional() })),
  }),
});
const podsIn = async (namespace: string) =>
  z.array(podSchema).parse((await stack.api.list(`/api/v1/namespaces/${namespace}/pods`)).items);

/** A pod that must run under restricted-v2 and, with `uid`, may not. */
const aPod = (namespace: string, name: string, uid?: number) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, annotations: { 'openshift.io/required-scc': 'restricted-v2' } },
  spec: {
    nodeName: undefined,
    containers: [
      {
        name: 'app',
        image: 'scc.poc/healthy:1',
        ...(uid === undefined ? {} : { securityContext: { runAsUser: uid } }),
      },
    ],
  },
});

const create = (object: { metadata: { namespace: string } }, query = ''): Promise<unknown> =>
  stack.api.create(`/api/v1/namespaces/${object.metadata.namespace}/pods${query}`, object);

const deploymentSchema = z.looseObject({
  metadata: z.looseObject({ namespace: z.string() }),
  status: z
    .looseObject({
      conditions: z
        .array(z.looseObject({ type: z.string(), status: z.string(), message: z.string().default('') }))
        .default([]),
    })
    .optional(),
});

/** What became of each case's Deployment: the SCC of its pod, or the words of the refusal. */
async function outcomes(cases: readonly CorpusCase[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  await waitFor(
    async () => {
      for (const { metadata } of z.array(podSchema).parse((await stack.api.list('/api/v1/pods')).items))
        found.set(metadata.namespace, metadata.annotations['openshift.io/scc'] ?? 'none');
      const deployments = z.array(deploymentSchema).parse((await stack.api.list('/apis/apps/v1/deployments')).items);
      for (const { metadata, status } of deployments) {
        const failure = status?.conditions.find(({ type }) => type === 'ReplicaFailure');
        if (failure?.message.includes('denied the request') && !found.has(metadata.namespace))
          found.set(metadata.namespace, failure.message);
      }
      return cases.every(({ namespace }) => found.has(namespace));
    },
    { timeoutMs: 240_000, everyMs: 1000, what: 'every Deployment to get a pod or to say why not' },
  );
  return found;
}

/** Of the validating hook; the second when only the mutating call met a dead webhook, and was passed over. */
const REFUSED = /unable to validate against any|does not match the suggested scc/;

const enforce = (namespace: string): Promise<unknown> =>
  waitFor(() => stack.api.merge(`/api/v1/namespaces/${namespace}`, { metadata: { labels: ENFORCED } }), {
    timeoutMs: 30_000,
    what: 'leave to bring a namespace under admission',
  });

async function inBatches<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < items.length; at += 12) await Promise.all(items.slice(at, at + 12).map(work));
}

describe('the webhook beside a real API server', () => {
  it('shows kubectl why a pod is refused and how to mend it', async () => {
    await createNamespace(stack, namespaceFor('words'));
    const file = path.join(stack.stateDir, 'refused.json');
    await writeFile(file, JSON.stringify(aPod('words', 'root', 0)));
    const kubectl = stack.exec('kubectl', ['--kubeconfig', stack.kubeconfig.inside, 'create', '-f', file]);
    expect(await refusalOf(kubectl)).toEqual(
      expect.stringMatching(
        /Warning: for restricted-v2: spec\.containers\[0\]\.securityContext\.runAsUser[\s\S]*admission webhook "pods\.scc\.poc" denied the request: unable to validate against any security context constraint: .*must be in the ranges: \[1000700000, 1000709999\]/,
      ),
    );
  });

  it('is not asked about other namespaces, nodes and mirror pods', async () => {
    const calls = async (): Promise<number> =>
      [...(await webhook.metrics()).matchAll(/^scc_webhook_reviews_total\{path="\/mutate\/pods".*\} (\d+)$/gm)].reduce(
        (sum, [, count]) => sum + Number(count),
        0,
      );
    await createNamespace(stack, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'plain' } });
    await untilPodsMayRun(stack, 'kube-system');
    const before = await calls();
    await create(aPod('plain', 'one', 0), '?dryRun=All');
    await create(aPod('kube-system', 'two', 0), '?dryRun=All');
    const { spec, ...mirror } = aPod('words', 'three', 0);
    const annotations = { 'kubernetes.io/config.mirror': 'x' };
    const onNode = { ...mirror, metadata: { ...mirror.metadata, annotations }, spec: { ...spec, nodeName: 'node-1' } };
    await create(onNode, '?dryRun=All');
    expect(await calls()).toBe(before);
    await create(aPod('words', 'four'), '?dryRun=All');
    expect(await calls()).toBeGreaterThan(before);
  });

  it('gives pods that real controllers create the SCC that OpenShift gave them', async () => {
    const usable: CorpusCase[] = [];
    await inBatches(corpusCases(), async (one) => {
      const { deployment, setUp } = objectsOf(one);
      const calls: [string, unknown][] = [
        ...setUp,
        [`/apis/apps/v1/namespaces/${one.namespace}/deployments`, deployment],
      ];
      for (const [url, object] of calls) {
        if (object === deployment) await enforce(one.namespace);
        const refused = await refusalOf(stack.api.create(url, object));
        if (refused === undefined) continue;
        // The API's own validation refuses some of the recorded pods in a template, and our guard some of the SCCs.
        expect(refused).toMatch(/ 422 |may not be granted to the whole group/);
        return;
      }
      usable.push(one);
    });
    const found = await outcomes(usable);
    const differing = usable.flatMap(({ id, namespace, expected }) => {
      const outcome = found.get(namespace) ?? '';
      const isSame =
        expected === undefined
          ? outcome.includes('unable to validate against any security context') || outcome.includes('required')
          : outcome === expected;
      return isSame ? [] : [`${id}: ${outcome.slice(0, 300)} instead of ${expected ?? 'a refusal'}`];
    });
    expect(differing).toEqual([]);
    expect(usable.length).toBeGreaterThanOrEqual(100);
  }, 400_000);

  it('defaults what another webhook injects after it', async () => {
    await createNamespace(stack, namespaceFor('injected'));
    const end = await startInjector(stack, 'injected');
    const withSidecar = async () => {
      const pod = podSchema.parse(await create(aPod('injected', 'one'), '?dryRun=All'));
      return pod.spec.containers.length === 2 ? pod : undefined;
    };
    const pod = await waitFor(withSidecar, { timeoutMs: 20_000, what: 'a pod with a sidecar' });
    await end();
    expect(pod.metadata.annotations['openshift.io/scc']).toBe('restricted-v2');
    for (const { securityContext } of pod.spec.containers)
      expect(securityContext).toMatchObject({ runAsUser: 1000700000, allowPrivilegeEscalation: false });
  });

  it('is examined, switched off and on again by sccctl', async () => {
    await createNamespace(stack, namespaceFor('switched'));
    const sccctl = (...args: string[]): Promise<string> =>
      stack.exec(NODE, [
        path.join(ROOT, 'dist/apps/cli/src/main.js'),
        '--kubeconfig',
        stack.kubeconfig.inside,
        ...args,
      ]);
    const refusedPod = (): Promise<string | undefined> => refusalOf(create(aPod('switched', 'root', 0), '?dryRun=All'));
    expect(await sccctl('webhook', 'doctor')).toContain('nothing is wrong');
    await sccctl('webhook', 'disable');
    await waitFor(async () => (await refusedPod()) === undefined, { timeoutMs: 10_000, what: 'admission to be off' });
    expect(await refusalOf(sccctl('webhook', 'doctor'))).toContain('ended with 1');
    await sccctl('webhook', 'enable');
    await waitFor(async () => (await refusedPod()) !== undefined, { timeoutMs: 10_000, what: 'admission to be on' });
    expect(await sccctl('webhook', 'doctor')).toContain('nothing is wrong');
  }, 60_000);

  it('allocates ids to a namespace that comes under admission, and its first pod waits for them', async () => {
    await createNamespace(stack, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'fresh', labels: { 'scc.poc/enforce': 'true' } },
    });
    await create(aPod('fresh', 'first'));
    const [pod] = await podsIn('fresh');
    expect(pod?.spec.containers[0]?.securityContext).toMatchObject({ runAsUser: expect.any(Number) });
  });

  it('admits nothing wrongly while it is killed and started again under a stream of pods', async () => {
    await createNamespace(stack, namespaceFor('stream'));
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
          refusalOf(create(aPod('stream', `good-${number}`))).then(count),
          refusalOf(create(aPod('stream', `bad-${number}`, 0))).then(count),
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
    const wrong = (await podsIn('stream')).filter(
      ({ metadata }) =>
        metadata.name.startsWith('bad-') || metadata.annotations['openshift.io/scc'] !== 'restricted-v2',
    );
    expect(wrong).toEqual([]);
  }, 180_000);

  it('rotates authority and certificate without a failed call', async () => {
    await webhook.kill('SIGTERM');
    await webhook.start(COMPRESSED);
    await createNamespace(stack, namespaceFor('rotation'));
    const secret = async (): Promise<{ authority: string; leaf: string }> => {
      const data = z
        .looseObject({ data: z.record(z.string(), z.string()) })
        .parse(await stack.api.get('/api/v1/namespaces/scc-system/secrets/scc-webhook-tls')).data;
      return { authority: data['ca.crt'] ?? '', leaf: data['tls.crt'] ?? '' };
    };
    await waitFor(async () => (await refusalOf(create(aPod('rotation', 'first'), '?dryRun=All'))) === undefined, {
      timeoutMs: 30_000,
      what: 'the new authority to be trusted',
    });
    const authorities = new Set<string>();
    const leaves = new Set<string>();
    const failed: string[] = [];
    let calls = 0;
    const end = performance.now() + 75_000;
    while (performance.now() < end) {
      const { authority, leaf } = await secret();
      authorities.add(authority);
      leaves.add(leaf);
      for (let burst = 0; burst < 10; burst += 1)
        await Promise.all(
          Array.from({ length: 4 }, async (_unused, index) => {
            calls += 1;
            const refusal = await refusalOf(create(aPod('rotation', `pod-${index}`), '?dryRun=All'));
            if (refusal !== undefined) failed.push(refusal);
          }),
        );
    }
    expect(failed).toEqual([]);
    expect(authorities.size).toBeGreaterThanOrEqual(4);
    expect(leaves.size).toBeGreaterThanOrEqual(5);
    expect(calls).toBeGreaterThan(500);
  }, 180_000);
});
