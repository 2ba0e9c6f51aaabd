import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import type { ClusterApi, Stack } from '../../src/index.js';
import { webhookSuite } from './suite.fixture.js';
import {
  aPod,
  createNamespace,
  createPod,
  enforcedNamespace,
  podsIn,
  refusalOf,
  reviewsOf,
  startService,
  untilPodsMayRun,
  type WebhookProcess,
} from '../../src/webhook.fixture.js';

let stack: Stack;
let webhook: WebhookProcess;
webhookSuite(async (running) => {
  ({ stack, webhook } = running);
  for (const name of ['shop', 'kube-extra', 'openshift-extra']) await createNamespace(stack, enforcedNamespace(name));
  await createNamespace(stack, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'plain' } });
  for (const name of SYSTEM) {
    await untilPodsMayRun(stack, name);
    // Labels that are set by mistake must not lock the cluster out.
    await stack.api.merge(`/api/v1/namespaces/${name}`, {
      metadata: { labels: { 'scc.poc/enforce': 'true', 'pod-security.kubernetes.io/enforce': 'privileged' } },
    });
  }
});

const SYSTEM = ['default', 'kube-system', 'kube-public', 'kube-node-lease', 'scc-system', 'istio-system'];
const ENDPOINTS = ['/mutate/pods', '/validate/pods'];
const reviews = async (): Promise<number> => {
  const counts = await Promise.all(ENDPOINTS.map((endpoint) => reviewsOf(webhook, endpoint)));
  return counts.reduce((sum, count) => sum + count, 0);
};
/** How many reviews some work costs. */
async function costOf(work: () => Promise<unknown>): Promise<number> {
  const before = await reviews();
  await work();
  return (await reviews()) - before;
}

const unscheduled = (namespace: string, name: string) => {
  const pod = aPod(namespace, name, 0);
  return { ...pod, spec: { ...pod.spec, schedulingGates: [{ name: 'scc.poc/never' }] } };
};

/** A pod that the kubelet of node-1 tells the API server about, as it does of those in its manifest folder. */
async function mirrorPod(namespace: string, name: string) {
  const node = z.looseObject({ metadata: z.looseObject({ uid: z.string() }) });
  const { uid } = node.parse(await stack.api.get('/api/v1/nodes/node-1')).metadata;
  const { metadata, spec } = aPod(namespace, name, 0);
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'node-1', uid, controller: true };
  const annotations = { 'kubernetes.io/config.mirror': 'x', 'kubernetes.io/config.source': 'file' };
  return {
    ...aPod(namespace, name),
    metadata: { ...metadata, annotations, ownerReferences: [owner] },
    spec: { ...spec, nodeName: 'node-1' },
  };
}

function nodeApi(): ClusterApi {
  const tokens = readFileSync(path.join(stack.stateDir, 'tokens.csv'), 'utf8');
  const token = /^(\w+),system:node:node-1,/m.exec(tokens)?.[1] ?? '';
  return stack.apiAs(token);
}

describe('the webhook is not asked about', () => {
  it.each(['plain', 'kube-extra', 'openshift-extra', ...SYSTEM])('pods of %s, with any labels', async (name) => {
    expect(await costOf(() => createPod(stack, aPod(name, 'tried', 0), '?dryRun=All'))).toBe(0);
  });

  it('mirror pods, which a node creates', async () => {
    const node = nodeApi();
    const mirror = await mirrorPod('shop', 'static');
    expect(await costOf(() => createPod({ api: node }, mirror, '?dryRun=All'))).toBe(0);
    // Anybody can write the annotation of a mirror pod.
    expect(await costOf(() => refusalOf(createPod(stack, mirror, '?dryRun=All')))).toBeGreaterThan(0);
  });

  it('what is asked for by a member of the group of nodes', async () => {
    const file = path.join(stack.stateDir, 'by-a-node.json');
    await writeFile(file, JSON.stringify(aPod('shop', 'by-a-node', 0)));
    const create = (...groups: string[]): Promise<string> =>
      stack.exec('kubectl', [
        ...['--kubeconfig', stack.kubeconfig.inside, 'create', '-f', file, '--dry-run=server', '--as', 'ana'],
        ...['system:masters', ...groups].flatMap((group) => ['--as-group', group]),
      ]);
    expect(await costOf(() => create('system:nodes'))).toBe(0);
    expect(await costOf(() => refusalOf(create()))).toBeGreaterThan(0);
  });

  it('scheduling, status and deletion of the pods that it admitted', async () => {
    const created = await costOf(() => createPod(stack, aPod('shop', 'lives')));
    expect(created).toBe(2);
    const phase = z.looseObject({ status: z.looseObject({ phase: z.string() }) });
    const url = '/api/v1/namespaces/shop/pods/lives';
    const lives = async () => {
      await waitFor(async () => phase.parse(await stack.api.get(url)).status.phase === 'Running', {
        timeoutMs: 30_000,
        what: 'the pod to run',
      });
      await stack.api.call('DELETE', url);
      await waitFor(async () => (await refusalOf(stack.api.get(url)))?.includes(' 404 '), {
        timeoutMs: 45_000,
        what: 'the pod to go',
      });
    };
    expect(await costOf(lives)).toBe(0);
  }, 90_000);
});

describe('a dry run', () => {
  it('is decided and leaves nothing behind', async () => {
    const hints = async () => /^scc_webhook_pod_hints_total \d+$/m.exec(await webhook.metrics())?.[0];
    const before = { pods: (await podsIn(stack, 'shop')).length, hints: await hints() };
    const pod = await createPod(stack, aPod('shop', 'tried'), '?dryRun=All');
    expect(pod).toMatchObject({ metadata: { annotations: { 'openshift.io/scc': 'restricted-v2' } } });
    expect(await refusalOf(createPod(stack, aPod('shop', 'tried', 0), '?dryRun=All'))).toContain('unable to validate');
    expect({ pods: (await podsIn(stack, 'shop')).length, hints: await hints() }).toEqual(before);
  });
});

describe('everybody may use', () => {
  it('the SCCs that OpenShift gives to everybody, and no other', async () => {
    const list = await stack.api.list('/apis/security.openshift.io/v1/securitycontextconstraints');
    const names = z.array(z.looseObject({ metadata: z.looseObject({ name: z.string() }) })).parse(list.items);
    const mayUse = async (name: string): Promise<boolean> => {
      const review = await stack.api.create('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
        spec: {
          user: 'ana',
          groups: ['system:authenticated'],
          resourceAttributes: {
            group: 'security.openshift.io',
            resource: 'securitycontextconstraints',
            verb: 'use',
            name,
          },
        },
      });
      return z.looseObject({ status: z.looseObject({ allowed: z.boolean() }) }).parse(review).status.allowed;
    };
    const answers = await Promise.all(names.map(({ metadata }) => mayUse(metadata.name)));
    const usable = names.filter((_scc, index) => answers[index]).map(({ metadata }) => metadata.name);
    expect(usable.sort()).toEqual(['restricted-v2', 'restricted-v3']);
  });
});

describe('where a client certificate is required', () => {
  it('the API server is answered, and no other client', async () => {
    await webhook.kill('SIGTERM');
    await webhook.start({ WEBHOOK_CLIENT_REQUIRED: 'true' });
    const pod = await createPod(stack, aPod('shop', 'proven'), '?dryRun=All');
    expect(pod).toMatchObject({ metadata: { annotations: { 'openshift.io/scc': 'restricted-v2' } } });
    const ca = path.join(stack.stateDir, 'tls', 'ca.crt');
    const url = 'https://127.0.0.1:9444/mutate/pods';
    const answer = ['--silent', '--cacert', ca, '-H', 'content-type: application/json', '-w', '%{http_code}'];
    expect(await stack.exec('curl', [...answer, '--data', '{}', url])).toMatch(/certificate is needed\s+403$/);
  });
});

/** How long the creation of one pod after the other takes, in ms, sorted. */
async function durations(namespace: string, prefix: string): Promise<number[]> {
  const taken: number[] = [];
  for (let number = 0; number < 30; number += 1) {
    const began = performance.now();
    await createPod(stack, unscheduled(namespace, `${prefix}-${number}`));
    taken.push(performance.now() - began);
  }
  return taken.sort((a, b) => a - b);
}
const middle = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
const told = (sorted: readonly number[]): string =>
  `median ${middle(sorted).toFixed(1)}, longest ${(sorted.at(-1) ?? 0).toFixed(1)} ms`;

describe('while the webhook does not answer', () => {
  it('pods outside the label are created as before, because no call leaves the API server', async () => {
    let living: number[] = [];
    expect(await costOf(async () => (living = await durations('plain', 'living')))).toBe(0);
    await webhook.kill();
    const refusing = await durations('plain', 'refusing');
    const hole = await startService(stack, []);
    const hanging = await durations('plain', 'hanging');
    expect(hole.connections()).toBe(0);
    expect(await refusalOf(createPod(stack, aPod('shop', 'counted')))).toContain('failed calling webhook');
    expect(hole.connections()).toBeGreaterThan(0);
    await hole.stop();
    process.stdout.write(
      `a pod outside the label: ${told(living)} beside the webhook, ${told(refusing)} after it was killed, ${told(hanging)} while it hangs\n`,
    );
    expect(middle(refusing) - middle(living)).toBeLessThan(1000);
    expect(middle(hanging) - middle(living)).toBeLessThan(1000);
  }, 90_000);

  it('the pods of the webhook itself and of the control plane are made by the real controllers', async () => {
    expect(await refusalOf(createPod(stack, aPod('shop', 'refused')))).toContain('failed calling webhook');
    for (const namespace of ['scc-system', 'kube-system']) {
      const labels = { app: 'repair' };
      await stack.api.create(`/apis/apps/v1/namespaces/${namespace}/deployments`, {
        metadata: { name: 'repair' },
        spec: {
          replicas: 2,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'scc.poc/healthy:1' }] } },
        },
      });
      await waitFor(async () => (await podsIn(stack, namespace)).length >= 2, {
        timeoutMs: 30_000,
        what: `pods in ${namespace}`,
      });
    }
    await stack.api.call('DELETE', '/api/v1/namespaces/scc-system/pods');
    const remade = async (): Promise<boolean> => {
      const pods = await podsIn(stack, 'scc-system');
      return pods.filter(({ metadata }) => metadata['deletionTimestamp'] === undefined).length === 2;
    };
    await waitFor(remade, { timeoutMs: 60_000, what: 'the pods to be made again' });
  }, 120_000);
});
