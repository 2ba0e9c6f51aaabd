import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { NODE, ROOT, type Stack } from '../../src/index.js';
import { webhookSuite } from './suite.fixture.js';
import { type CorpusCase, corpusCases, objectsOf } from '@scc/admission/testing';
import {
  aPod,
  createNamespace,
  createPod,
  enforcedNamespace,
  parsePod,
  podsIn,
  refusalOf,
  startInjector,
} from '../../src/webhook.fixture.js';

let stack: Stack;
webhookSuite((running) => {
  ({ stack } = running);
});

const create = (pod: { metadata: { namespace: string } }, query = ''): Promise<unknown> => createPod(stack, pod, query);

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

/** The end of each case's Deployment: the SCC of its pod, or the words of the refusal. */
async function outcomes(cases: readonly CorpusCase[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  await waitFor(
    async () => {
      for (const { metadata } of await podsIn(stack))
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

const enforce = (namespace: string): Promise<unknown> =>
  waitFor(
    () => stack.api.merge(`/api/v1/namespaces/${namespace}`, { metadata: { labels: { 'scc.poc/enforce': 'true' } } }),
    {
      timeoutMs: 30_000,
      what: 'leave to bring a namespace under admission',
    },
  );

async function inBatches<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < items.length; at += 12) await Promise.all(items.slice(at, at + 12).map(work));
}

describe('the webhook beside a real API server', () => {
  it('shows kubectl why a pod is refused and how to mend it', async () => {
    await createNamespace(stack, enforcedNamespace('words'));
    const file = path.join(stack.stateDir, 'refused.json');
    await writeFile(file, JSON.stringify(aPod('words', 'root', 0)));
    const kubectl = stack.exec('kubectl', ['--kubeconfig', stack.kubeconfig.inside, 'create', '-f', file]);
    expect(await refusalOf(kubectl)).toEqual(
      expect.stringMatching(
        /Warning: for restricted-v2: spec\.containers\[0\]\.securityContext\.runAsUser[\s\S]*admission webhook "pods\.scc\.poc" denied the request: unable to validate against any security context constraint: .*must be in the ranges: \[1000700000, 1000709999\]/,
      ),
    );
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
    await createNamespace(stack, enforcedNamespace('injected'));
    const end = await startInjector(stack, 'injected');
    const withSidecar = async () => {
      const pod = parsePod(await create(aPod('injected', 'one'), '?dryRun=All'));
      return pod.spec.containers.length === 2 ? pod : undefined;
    };
    const pod = await waitFor(withSidecar, { timeoutMs: 20_000, what: 'a pod with a sidecar' });
    await end();
    expect(pod.metadata.annotations['openshift.io/scc']).toBe('restricted-v2');
    for (const { securityContext } of pod.spec.containers)
      expect(securityContext).toMatchObject({ runAsUser: 1000700000, allowPrivilegeEscalation: false });
  });

  it('is examined, switched off and on again by sccctl', async () => {
    await createNamespace(stack, enforcedNamespace('switched'));
    const sccctl = (...args: string[]): Promise<string> =>
      stack.exec(NODE, [path.join(ROOT, 'apps/cli/dist/main.js'), '--kubeconfig', stack.kubeconfig.inside, ...args]);
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
    const [pod] = await podsIn(stack, 'fresh');
    expect(pod?.spec.containers[0]?.securityContext).toMatchObject({ runAsUser: expect.any(Number) });
  });
});
